<?php
// As much of Laravel as the guide's controller touches, over a real request.

namespace Illuminate\Http {
    class Request
    {
        public function user(): object
        {
            return (object) json_decode($GLOBALS['argv'][2], true);
        }
    }

    class RedirectResponse
    {
        public function __construct(public string $to, public int $status)
        {
        }
    }
}

namespace Illuminate\Support\Facades {
    class Http
    {
        private array $options = [CURLOPT_RETURNTRANSFER => true, CURLOPT_FOLLOWLOCATION => true];
        private array $headers = [];
        private bool $form = false;

        public static function withHeaders(array $headers): self
        {
            $http = new self();
            foreach ($headers as $name => $value) {
                $http->headers[] = "$name: $value";
            }
            return $http;
        }

        public function withoutRedirecting(): self
        {
            $this->options[CURLOPT_FOLLOWLOCATION] = false;
            return $this;
        }

        public function asForm(): self
        {
            $this->form = true;
            return $this;
        }

        public function timeout(int $seconds): self
        {
            $this->options[CURLOPT_TIMEOUT] = $seconds;
            return $this;
        }

        public function post(string $url, array $data): Response
        {
            $headers = $this->headers;
            $headers[] = 'Content-Type: application/' . ($this->form ? 'x-www-form-urlencoded' : 'json');
            $curl = curl_init($url);
            curl_setopt_array($curl, $this->options + [
                CURLOPT_HTTPHEADER => $headers,
                CURLOPT_POSTFIELDS => $this->form ? http_build_query($data) : json_encode($data),
            ]);
            $body = curl_exec($curl);
            if ($body === false) {
                throw new \RuntimeException(curl_error($curl));
            }
            return new Response(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), (string) curl_getinfo($curl, CURLINFO_REDIRECT_URL), $body);
        }
    }

    class Response
    {
        public function __construct(private int $status, private string $location, private string $body)
        {
        }

        public function status(): int
        {
            return $this->status;
        }

        public function header(string $name): string
        {
            return strtolower($name) === 'location' ? $this->location : '';
        }
    }
}

namespace {
    function config(string $key): string
    {
        return $key === 'services.deskgate.token' ? getenv('DESKGATE_TOKEN') : throw new LogicException($key);
    }

    function url(string $path): string
    {
        return 'https://laravel.partner.example' . $path;
    }

    function abort_unless(bool $fine, int $status, string $message): void
    {
        $fine || throw new RuntimeException("$status $message");
    }

    function redirect(): object
    {
        return new class {
            public function away(string $to, int $status): Illuminate\Http\RedirectResponse
            {
                return new Illuminate\Http\RedirectResponse($to, $status);
            }
        };
    }

    require $argv[1];
    $answer = (new App\Http\Controllers\HelpController())(new Illuminate\Http\Request());
    $answer->status === 303 || throw new LogicException("status $answer->status");
    echo $answer->to;
}
