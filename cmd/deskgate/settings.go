package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/deskgate/deskgate/tenant/mail"
)

// settings are what a node is told from outside: by flags, by DESKGATE_… variables, by a file.
type settings struct {
	data           string
	nodeURLs       []string
	https, http    string
	tls            string
	acmeCA         []string
	acmeCARoot     string
	acmeProfile    string
	acmeEAB        string // a file
	acmeDNS        string
	acmeDNSKey     string // a file
	acmeDNSKeyText string // what would be in it, from elsewhere
	acmeEABText    string // what would be in it, from elsewhere
	acmeEmail      string
	acmeHTTPPort   int
	acmeTLSPort    int
	resolvers      []string
	nodeAddresses  []netip.Addr
	trustedProxies []netip.Prefix
	proxyProtocol  []netip.Prefix
	maxConnections int
	http3          bool
	ech            bool
	outboundAllow  []netip.Prefix
	metrics        string
	metricsTenants int
	smtp           *mail.Server  // nil: no mail
	notifyDelay    time.Duration // how long news of a ticket is gathered; 0: notify.Delay
	mailFrom       string
	store          string
	memory         int64
	accessLog      string
	otlpEndpoint   string
	traceRatio     float64
	logFormat      string
	logLevel       slog.Level
	masterKey      []byte

	given settingValues // the values that are not the standard ones, as they were written
}

// The values of --tls.
const (
	tlsACME     = "acme"
	tlsInternal = "internal"
	tlsOff      = "off"
)

// setting is one of them: its flag --name, its variable DESKGATE_NAME and its key in the file are the same word.
type setting struct {
	name     string
	value    string // what stands for the value in the help
	usage    string
	standard string // the value if nobody gives one; empty: none
	repeated bool
	anywhere bool // the help of every command shows it, not only that of serve
	live     bool // SIGHUP changes it
	parse    func(s *settings, value string) error
}

// knownSettings are all of them, in the order of the manual.
func knownSettings() []setting {
	return slices.Concat(mainSettings(), certificateSettings(), networkSettings(), otherSettings())
}

func mainSettings() []setting {
	return []setting{
		{
			name: "data", value: "DIR", standard: "./data", anywhere: true,
			usage: "the folder of everything that the node keeps",
			parse: into(func(s *settings) *string { return &s.data }, anything),
		},
		{
			name: "node-url", value: "URL", repeated: true, anywhere: true,
			usage: "public base URL of the node, e.g. https://tickets.example.com; its port is used in every URL that the node hands out",
			parse: also(func(s *settings) *[]string { return &s.nodeURLs }, baseURL),
		},
		{
			name: "https", value: "ADDR", standard: ":443", usage: "where the node listens for HTTPS",
			parse: into(func(s *settings) *string { return &s.https }, listenAddress),
		},
		{
			name: "http", value: "ADDR", standard: ":80",
			usage: "where the node answers ACME challenges and sends all else to HTTPS",
			parse: into(func(s *settings) *string { return &s.http }, listenAddress),
		},
		{
			name: "tls", value: "MODE", standard: tlsACME,
			usage: "acme: certificates from a public CA; internal: from the node's own CA; off: plain HTTP on --http, behind another TLS edge that is in --trusted-proxy",
			parse: into(func(s *settings) *string { return &s.tls }, oneOf(tlsACME, tlsInternal, tlsOff)),
		},
	}
}

func certificateSettings() []setting {
	return []setting{
		{
			name: "acme-ca", value: "URL", repeated: true,
			usage: "directory of the ACME CA (Let's Encrypt if none); several are asked in this order, each where those before it can't or won't",
			parse: also(func(s *settings) *[]string { return &s.acmeCA }, anyURL("https", "http")),
		},
		{
			name: "acme-ca-root", value: "FILE", usage: "PEM file with roots that the ACME CAs' own certificates may hang on, beside the system's",
			parse: into(func(s *settings) *string { return &s.acmeCARoot }, readable),
		},
		{
			name: "acme-email", value: "ADDRESS", usage: "where the CA may write to",
			parse: into(func(s *settings) *string { return &s.acmeEmail }, mailAddress),
		},
		{
			name: "acme-profile", value: "NAME", usage: "kind of certificate to ask for where the CA offers it, e.g. shortlived or tlsserver",
			parse: into(func(s *settings) *string { return &s.acmeProfile }, anything),
		},
		{
			name: "acme-eab", value: "FILE",
			usage: "file with the external accounts that CAs gave you, a line each: the CA's host, the key ID, the HMAC key",
			parse: into(func(s *settings) *string { return &s.acmeEAB }, readable),
		},
		{
			name: "acme-dns", value: "URL",
			usage: "where the node can write records below its own name: rfc2136://SERVER[:PORT]; then one certificate covers all tenants' hosts",
			parse: into(func(s *settings) *string { return &s.acmeDNS }, anyURL("rfc2136")),
		},
		{
			name: "acme-dns-key", value: "FILE", usage: "TSIG key for --acme-dns, as tsig-keygen prints it",
			parse: into(func(s *settings) *string { return &s.acmeDNSKey }, readable),
		},
		{
			name: "acme-http-port", value: "PORT", standard: "0",
			usage: "port of this machine at which the CA arrives for HTTP-01, if not that of --http (port forwarding, tests)",
			parse: into(func(s *settings) *int { return &s.acmeHTTPPort }, port),
		},
		{
			name: "acme-tls-port", value: "PORT", standard: "0",
			usage: "port of this machine at which the CA arrives for TLS-ALPN-01, if not that of --https",
			parse: into(func(s *settings) *int { return &s.acmeTLSPort }, port),
		},
	}
}

func networkSettings() []setting {
	return []setting{
		{
			name: "dns-resolver", value: "HOST:PORT", repeated: true,
			usage: "resolver for the checks of domains (the system's if none); of several, up to five, most have to agree",
			parse: also(func(s *settings) *[]string { return &s.resolvers }, resolverAddress),
		},
		{
			name: "node-address", value: "IP", repeated: true,
			usage: "public address of the node, for the checks of domains at an apex",
			parse: also(func(s *settings) *[]netip.Addr { return &s.nodeAddresses }, address),
		},
		{
			name: "trusted-proxy", value: "CIDR", repeated: true, live: true,
			usage: "peers whose X-Forwarded-For is believed",
			parse: also(func(s *settings) *[]netip.Prefix { return &s.trustedProxies }, prefix),
		},
		{
			name: "proxy-protocol", value: "CIDR", repeated: true, usage: "peers that must send a PROXY header",
			parse: also(func(s *settings) *[]netip.Prefix { return &s.proxyProtocol }, prefix),
		},
		{
			name: "http3", value: "MODE", standard: "on", usage: "on: HTTP/3 as well, on the UDP port with the number of --https; off: not",
			parse: into(func(s *settings) *bool { return &s.http3 }, onOff),
		},
		{
			name: "ech", value: "MODE", standard: "off", usage: "on: take encrypted hellos, whose key deskgate ech prints for DNS; off: not",
			parse: into(func(s *settings) *bool { return &s.ech }, onOff),
		},
		{
			name: "max-connections", value: "N", standard: "0", live: true,
			usage: "connections of all visitors together; 0: as many as the process may open files for",
			parse: into(func(s *settings) *int { return &s.maxConnections }, count),
		},
		{
			name: "outbound-allow", value: "CIDR", repeated: true,
			usage: "networks that are not public and that tenants may have the node ask (key sets, identity providers, webhooks)",
			parse: also(func(s *settings) *[]netip.Prefix { return &s.outboundAllow }, prefix),
		},
		{
			name: "metrics", value: "ADDR", standard: "off", usage: "where Prometheus metrics, /healthz and /readyz are served, or off",
			parse: into(func(s *settings) *string { return &s.metrics }, orOff(listenAddress)),
		},
		{
			name: "metrics-tenants", value: "N", standard: "0", usage: "how many tenants the metrics tell apart; those beyond are counted together",
			parse: into(func(s *settings) *int { return &s.metricsTenants }, count),
		},
	}
}

func otherSettings() []setting {
	return []setting{
		{
			name: "smtp-url", value: "URL", live: true, usage: "outgoing mail: smtp[s]://user:pass@host:port; without it the node sends none",
			parse: into(func(s *settings) **mail.Server { return &s.smtp }, mail.ParseServer),
		},
		{
			name: "mail-from", value: "ADDRESS", live: true, usage: "sender of outgoing mail (no-reply@ the node's host if none)",
			parse: into(func(s *settings) *string { return &s.mailFrom }, mailAddress),
		},
		{
			name: "store", value: "URL", standard: "badger:", usage: "the storage engine; badger: keeps everything in --data",
			parse: into(func(s *settings) *string { return &s.store }, oneOf("badger:")),
		},
		{
			name: "memory", value: "SIZE", standard: "512MiB", usage: "what the node may hold in memory; GOMEMLIMIT, if set, wins",
			parse: into(func(s *settings) *int64 { return &s.memory }, size),
		},
		{
			name: "access-log", value: "WHERE", standard: "log",
			usage: "a line for each request: log: among the others; off; stdout; a FILE; or a FOLDER/ with a file for each tenant. SIGHUP opens files anew",
			parse: into(func(s *settings) *string { return &s.accessLog }, anything),
		},
		{
			name: "otlp-endpoint", value: "URL",
			usage: "OpenTelemetry collector that gets traces by OTLP/HTTP, e.g. http://127.0.0.1:4318; without it OTEL_EXPORTER_OTLP_ENDPOINT, if that is set",
			parse: into(func(s *settings) *string { return &s.otlpEndpoint }, anyURL("https", "http")),
		},
		{
			name: "trace-ratio", value: "SHARE", standard: "1", usage: "share of requests, and of what no request waits for, that is traced, from 0 to 1",
			parse: into(func(s *settings) *float64 { return &s.traceRatio }, fraction),
		},
		{
			name: "log-format", value: "FORMAT", standard: "json", usage: "json or text, to stderr",
			parse: into(func(s *settings) *string { return &s.logFormat }, oneOf("json", "text")),
		},
		{
			name: "log-level", value: "LEVEL", standard: "info", live: true, usage: "debug, info, warn or error",
			parse: into(func(s *settings) *slog.Level { return &s.logLevel }, logLevel),
		},
	}
}

// variable is the name of the setting's environment variable.
func (d setting) variable() string {
	return "DESKGATE_" + strings.ToUpper(strings.ReplaceAll(d.name, "-", "_"))
}

// into parses a value into a field; the last one wins.
func into[T any](field func(*settings) *T, parse func(string) (T, error)) func(*settings, string) error {
	return func(s *settings, value string) (err error) {
		*field(s), err = parse(value)
		return err
	}
}

// also parses a value and appends it to a field.
func also[T any](field func(*settings) *[]T, parse func(string) (T, error)) func(*settings, string) error {
	return func(s *settings, value string) error {
		v, err := parse(value)
		*field(s) = append(*field(s), v)
		return err
	}
}

func anything(v string) (string, error) {
	if v == "" {
		return "", errors.New("is empty")
	}
	return v, nil
}

func baseURL(v string) (string, error) {
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return "", fmt.Errorf("%q is not a base URL like https://tickets.example.com", v)
	}
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("%q has more than scheme, host and port", v)
	}
	return strings.TrimSuffix(v, "/"), nil
}

func anyURL(schemes ...string) func(string) (string, error) {
	return func(v string) (string, error) {
		u, err := url.Parse(v)
		if err == nil && u.Host != "" {
			if slices.Contains(schemes, u.Scheme) {
				return v, nil
			}
		}
		// The value may hold a password and is not repeated.
		return "", fmt.Errorf("is not a URL that begins with %s://", strings.Join(schemes, ":// or "))
	}
}

func listenAddress(v string) (string, error) {
	_, p, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(p, 10, 16)
	}
	if err != nil {
		return "", fmt.Errorf("%q is not an address to listen on like :443 or 127.0.0.1:8443", v)
	}
	return v, nil
}

func orOff(parse func(string) (string, error)) func(string) (string, error) {
	return func(v string) (string, error) {
		if v == "off" || v == "" {
			return "", nil
		}
		return parse(v)
	}
}

func resolverAddress(v string) (string, error) {
	if ip, err := netip.ParseAddr(strings.Trim(v, "[]")); err == nil {
		return net.JoinHostPort(ip.String(), "53"), nil
	}
	host, p, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(p, 10, 16)
	}
	if err != nil || host == "" {
		return "", fmt.Errorf("%q is not a resolver like 9.9.9.9:53", v)
	}
	return v, nil
}

func oneOf(allowed ...string) func(string) (string, error) {
	return func(v string) (string, error) {
		if slices.Contains(allowed, v) {
			return v, nil
		}
		return "", fmt.Errorf("%q is not %s", v, strings.Join(allowed, ", "))
	}
}

func readable(v string) (string, error) {
	f, err := os.Open(v) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	return v, f.Close()
}

func mailAddress(v string) (string, error) {
	local, domain, ok := strings.Cut(v, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(v, " \t\r\n<>,") {
		return "", fmt.Errorf("%q is not an email address", v)
	}
	return v, nil
}

func port(v string) (int, error) {
	n, err := strconv.ParseUint(v, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a port", v)
	}
	return int(n), nil
}

func fraction(v string) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(f >= 0 && f <= 1) {
		return 0, fmt.Errorf("%q is not a share like 0.1", v)
	}
	return f, nil
}

func onOff(v string) (bool, error) {
	if v != "on" && v != "off" {
		return false, fmt.Errorf("%q is neither on nor off", v)
	}
	return v == "on", nil
}

func count(v string) (int, error) {
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", v)
	}
	return int(n), nil
}

func address(v string) (netip.Addr, error) {
	ip, err := netip.ParseAddr(v)
	if err != nil {
		return ip, fmt.Errorf("%q is not an address like 203.0.113.10 or 2001:db8::10", v)
	}
	return ip, nil
}

// prefix also takes a single address.
func prefix(v string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(v); err == nil {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		return p, fmt.Errorf("%q is not a network like 10.0.0.0/8", v)
	}
	return p.Masked(), nil
}

const leastMemory = 128 << 20

func size(v string) (int64, error) {
	n, err := humanize.ParseBytes(v)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size like 512MiB", v)
	}
	if n < leastMemory || n > 1<<50 {
		return 0, fmt.Errorf("%q: a node needs at least %s", v, humanize.IBytes(leastMemory))
	}
	return int64(n), nil
}

func logLevel(v string) (l slog.Level, err error) {
	if l.UnmarshalText([]byte(v)) != nil {
		return l, fmt.Errorf("%q is not debug, info, warn or error", v)
	}
	return l, nil
}
