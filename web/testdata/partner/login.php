<?php
// A partner's server lets curl follow the redirects and sends the browser to where that ended.
$curl = curl_init(getenv('DESKGATE_URL') . '/api/auth/redirect/acme');
curl_setopt_array($curl, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => ['email' => 'zoe@example.com', 'name' => 'Zoe Park'],
    CURLOPT_FOLLOWLOCATION => true,
    CURLOPT_RETURNTRANSFER => true,
]);
if (curl_exec($curl) === false || curl_getinfo($curl, CURLINFO_RESPONSE_CODE) !== 200) {
    fwrite(STDERR, curl_getinfo($curl, CURLINFO_RESPONSE_CODE) . ' ' . curl_error($curl));
    exit(1);
}
echo curl_getinfo($curl, CURLINFO_EFFECTIVE_URL);
