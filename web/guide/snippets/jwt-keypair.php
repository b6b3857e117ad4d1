<?php
function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** A token that says who this user is. It works once, for a minute. The key is RSA. */
function help_token(array $user): string
{
    $header = base64url(json_encode(['alg' => 'RS256', 'typ' => 'JWT'], JSON_THROW_ON_ERROR));
    $claims = base64url(json_encode([
        'email' => $user['email'],
        'name' => $user['name'],
        'external_id' => (string) $user['id'],
        'iat' => time(),
        'exp' => time() + 60,
        'jti' => bin2hex(random_bytes(16)),
    ], JSON_THROW_ON_ERROR));
    if (!openssl_sign("$header.$claims", $signature, getenv('DESKGATE_PRIVATE_KEY'), 'sha256')) {
        throw new RuntimeException(openssl_error_string());
    }
    return "$header.$claims." . base64url($signature);
}
