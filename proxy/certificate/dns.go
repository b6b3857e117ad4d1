package certificate

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/libdns/rfc2136"
	"github.com/mholt/acmez/v3/acme"
	"github.com/miekg/dns"
	"go.uber.org/zap"

	"github.com/deskgate/deskgate/tenant"
)

const (
	recordTTL = time.Minute
	// propagationTime is how long a record may take to be seen at all servers of the zone.
	propagationTime = 2 * time.Minute
	// wildcardPatience is how long the first handshake at a tenant's host waits for the wildcard before it asks for one of its own.
	wildcardPatience = 5 * time.Second
)

// DNS is where records can be written into the zone of the node's names, for the challenge DNS-01: so one certificate covers
// everything below a node host.
type DNS struct {
	// Provider writes the records. Any of libdns will do.
	Provider certmagic.DNSProvider
	// Resolvers are asked for the zone and whether a record is seen; none: the system's, and all servers of the zone.
	Resolvers []string
}

// NewDNS reads where records are written: "rfc2136://SERVER[:PORT]" is a server that takes dynamic updates (RFC 2136), signed
// with a TSIG key as tsig-keygen prints it. No error repeats anything of the key.
func NewDNS(where, key string, resolvers []string) (*DNS, error) {
	u, err := url.Parse(where)
	if err != nil || u.Scheme != "rfc2136" || u.Hostname() == "" {
		return nil, errors.New("is not rfc2136://SERVER[:PORT]")
	}
	server := u.Host
	if u.Port() == "" {
		server = net.JoinHostPort(u.Hostname(), "53")
	}
	p, err := readTSIG(key)
	if err != nil {
		return nil, err
	}
	p.Server = server
	return &DNS{Provider: p, Resolvers: resolvers}, nil
}

// A key as named.conf has it.
var (
	tsigName      = regexp.MustCompile(`key\s+"?([^\s"{]+)"?\s*\{`)
	tsigAlgorithm = regexp.MustCompile(`algorithm\s+"?([A-Za-z0-9-]+)"?\s*;`)
	tsigSecret    = regexp.MustCompile(`secret\s+"([^"]+)"\s*;`)
)

func readTSIG(key string) (*rfc2136.Provider, error) {
	name, algorithm, secret := tsigName.FindStringSubmatch(key), tsigAlgorithm.FindStringSubmatch(key), tsigSecret.FindStringSubmatch(key)
	if name == nil || algorithm == nil || secret == nil {
		return nil, errors.New(`the key is not as tsig-keygen prints it: key "NAME" { algorithm hmac-sha256; secret "…"; };`)
	}
	switch a := strings.ToLower(algorithm[1]); dns.Fqdn(a) {
	case dns.HmacSHA224, dns.HmacSHA256, dns.HmacSHA384, dns.HmacSHA512:
		return &rfc2136.Provider{KeyName: name[1], KeyAlg: a, Key: secret[1]}, nil
	default:
		return nil, fmt.Errorf("the key's algorithm %s is none of hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512", algorithm[1])
	}
}

// solver writes the answers to challenges into DNS, and waits until they are seen.
func (d *DNS) solver(log *zap.Logger) solver {
	return solver{kind: acme.ChallengeTypeDNS01, Solver: &certmagic.DNS01Solver{DNSManager: certmagic.DNSManager{
		DNSProvider: d.Provider, TTL: recordTTL, PropagationTimeout: propagationTime, Resolvers: d.Resolvers, Logger: log,
	}}}
}

const wild = "*."

func isWildcard(h tenant.Host) bool { return strings.HasPrefix(string(h), wild) }

// site is what is served at a host, or what stands for everything below a node host where the node can have a certificate for that.
func (k *Keeper) site(host tenant.Host) (*tenant.Site, bool) {
	if parent, ok := strings.CutPrefix(string(host), wild); ok {
		return &tenant.Site{Host: host, Kind: tenant.NodeHost}, k.byDNS != nil && k.directory.Node().IsNodeHost(tenant.Host(parent))
	}
	return k.directory.Lookup(string(host))
}

// wildcards are the names that the node gets by DNS.
func (k *Keeper) wildcards() (all []tenant.Host) {
	if k.byDNS == nil {
		return nil
	}
	for _, h := range k.directory.Node().Hosts() {
		all = append(all, wild+h)
	}
	return all
}
