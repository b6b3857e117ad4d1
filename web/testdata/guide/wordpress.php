<?php
// As much of WordPress as the guide's plugin touches, over a real request.

const ABSPATH = '/';
define('DESKGATE_TOKEN', getenv('DESKGATE_TOKEN'));

$hooks = [];

function add_shortcode(string $name, callable $do): void
{
    $GLOBALS['hooks']["[$name]"] = $do;
}

function add_action(string $name, callable $do): void
{
    $GLOBALS['hooks'][$name] = $do;
}

function is_user_logged_in(): bool
{
    return $GLOBALS['signedIn'];
}

function wp_get_current_user(): object
{
    $user = json_decode($GLOBALS['argv'][2], true);
    return (object) ['user_email' => $user['email'], 'display_name' => $user['name']];
}

function admin_url(string $path): string
{
    return "https://wordpress.partner.example/wp-admin/$path";
}

function home_url(string $path): string
{
    return "https://wordpress.partner.example$path";
}

function esc_url(string $url): string
{
    return htmlspecialchars($url);
}

function esc_html__(string $text): string
{
    return htmlspecialchars($text);
}

function wp_remote_post(string $url, array $args): array
{
    $curl = curl_init($url);
    curl_setopt_array($curl, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_FOLLOWLOCATION => $args['redirection'] > 0,
        CURLOPT_TIMEOUT => $args['timeout'],
        CURLOPT_POSTFIELDS => http_build_query($args['body']),
        CURLOPT_HTTPHEADER => array_map(fn ($name) => "$name: {$args['headers'][$name]}", array_keys($args['headers'])),
    ]);
    $body = curl_exec($curl);
    return [
        'body' => $body, 'code' => curl_getinfo($curl, CURLINFO_RESPONSE_CODE),
        'location' => curl_getinfo($curl, CURLINFO_REDIRECT_URL), 'error' => curl_error($curl),
    ];
}

function is_wp_error(array $answer): bool
{
    return $answer['body'] === false;
}

function wp_remote_retrieve_response_code(array $answer): int
{
    return $answer['code'];
}

function wp_remote_retrieve_header(array $answer, string $name): string
{
    return $name === 'location' ? $answer['location'] : '';
}

function wp_die(string $message): never
{
    fwrite(STDERR, $message);
    exit(1);
}

function wp_redirect(string $to, int $status): bool
{
    $status === 303 || throw new LogicException("status $status");
    echo $to;
    return true;
}

require $argv[1];

$signedIn = false;
$hooks['[help_desk]']() === '' || throw new LogicException('strangers see the link');
$signedIn = true;
$link = $hooks['[help_desk]']();
str_contains($link, 'href="https://wordpress.partner.example/wp-admin/admin-post.php?action=help_desk"') || throw new LogicException($link);
isset($hooks['admin_post_nopriv_help_desk']) && throw new LogicException('strangers may call it');
$hooks['admin_post_help_desk']();
