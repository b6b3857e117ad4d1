<?php
function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** The address that signs this user in or out, as $action says: login or logout. It works once, for a minute. */
function simpleauth_url(string $action, array $user, string $redirect): string
{
    $header = base64url(json_encode(['alg' => 'HS256', 'typ' => 'JWT'], JSON_THROW_ON_ERROR));
    $claims = base64url(json_encode([
        'email' => $user['email'],
        'name' => $user['name'],
        'exp' => time() + 60,
        'jti' => bin2hex(random_bytes(16)),
    ], JSON_THROW_ON_ERROR));
    $signature = base64url(hash_hmac('sha256', "$header.$claims", getenv('DESKGATE_SIMPLEAUTH_KEY'), true));
    return "https://YOUR-DESK/simpleauth/$action?" . http_build_query([
        'token' => "$header.$claims.$signature",
        'redirect' => $redirect,
    ]);
}
