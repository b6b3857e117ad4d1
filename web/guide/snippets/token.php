<?php
/** The address that signs this user in: once, and within two minutes. */
function help_url(array $user): string
{
    $curl = curl_init('https://YOUR-DESK/api/auth/redirect/YOUR-SLUG');
    curl_setopt_array($curl, [
        CURLOPT_POSTFIELDS => http_build_query([
            'email' => $user['email'],
            'name' => $user['name'],
        ]),
        CURLOPT_HTTPHEADER => ['X-Tenant-API-Token: ' . getenv('DESKGATE_TOKEN')],
        CURLOPT_FOLLOWLOCATION => false, // the browser follows, not your server
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 10,
    ]);
    $body = curl_exec($curl);
    if (curl_getinfo($curl, CURLINFO_RESPONSE_CODE) !== 302) {
        throw new RuntimeException($body ?: curl_error($curl));
    }
    return curl_getinfo($curl, CURLINFO_REDIRECT_URL);
}
