<?php
// No library is needed: a JWT is two pieces of JSON and their HMAC, each in base64url.

function base64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** A token that says who this user is. It works once, for a minute. */
function help_token(array $user): string
{
    $header = base64url(json_encode(['alg' => 'HS256', 'typ' => 'JWT'], JSON_THROW_ON_ERROR));
    $claims = base64url(json_encode([
        'email' => $user['email'],
        'name' => $user['name'],
        'external_id' => (string) $user['id'],
        'iat' => time(),
        'exp' => time() + 60,
        'jti' => bin2hex(random_bytes(16)),
    ], JSON_THROW_ON_ERROR));
    $signature = base64url(hash_hmac('sha256', "$header.$claims", getenv('DESKGATE_JWT_SECRET'), true));
    return "$header.$claims.$signature";
}

/** The address that signs this user in: once, and within two minutes. */
function help_url(array $user): string
{
    $curl = curl_init('https://YOUR-DESK/api/jwt/login');
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => http_build_query([
            'token' => help_token($user),
            'tenant_slug' => 'YOUR-SLUG',
        ]),
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
    ]);
    $body = curl_exec($curl);
    if ($body === false) {
        throw new RuntimeException(curl_error($curl));
    }
    $answer = json_decode($body, true, 16, JSON_THROW_ON_ERROR);
    if (!$answer['success']) {
        throw new RuntimeException($answer['code'] . ': ' . $answer['error']);
    }
    return $answer['redirect_url'];
}

// Behind your own sign-in:
//   header('Location: ' . help_url($user), true, 303);
//   exit;
