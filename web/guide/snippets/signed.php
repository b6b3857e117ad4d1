<?php
/** The fields of a form that proves who the user is. They are good for two minutes, once. */
function signed_fields(array $user, string $back): array
{
    $fields = [
        'email' => $user['email'],
        'name' => $user['name'],
        'redirect_url' => $back,
        'ts' => (string) time(),
        'nonce' => bin2hex(random_bytes(16)),
    ];
    $text = "deskgate-redirect-v1\nYOUR-SLUG";
    foreach (['email', 'name', 'redirect_url'] as $field) {
        $text .= "\n" . strlen($fields[$field]) . ':' . $fields[$field];
    }
    $text .= "\n" . $fields['ts'] . "\n" . $fields['nonce'];
    $fields['sig'] = hash_hmac('sha256', $text, getenv('DESKGATE_REDIRECT_KEY'));
    return $fields;
}

/** The button that takes this user to the help desk. */
function help_form(array $user, string $back): string
{
    $form = '<form method="post" action="https://YOUR-DESK/api/auth/redirect/YOUR-SLUG" target="_blank">';
    foreach (signed_fields($user, $back) as $name => $value) {
        $form .= '<input type="hidden" name="' . $name . '" value="' . htmlspecialchars($value) . '">';
    }
    return $form . '<button>Get help</button></form>';
}
