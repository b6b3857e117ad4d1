package tenant

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Host is a host name in its one canonical form: lower-case ASCII (IDNA), no port, no dot at the end. Two Hosts are the
// same host exactly if they are equal.
type Host string

const (
	maxHost  = 253  // octets of a name, as DNS counts without the root
	maxLabel = 63   // octets of a label
	maxInput = 1024 // octets of a name in Unicode that are looked at
)

// String is the name as it stands in DNS.
func (h Host) String() string { return string(h) }

// Unicode is the name as people read it. It is for their eyes only: nothing may be decided by it.
func (h Host) Unicode() string {
	u, err := idna.ToUnicode(string(h))
	if err != nil {
		return string(h)
	}
	return u
}

// Below says whether the host is a subdomain of parent.
func (h Host) Below(parent Host) bool {
	return len(h) > len(parent)+1 && strings.HasSuffix(string(h), "."+string(parent))
}

// ParseHost brings a name as people, browsers and Host headers write it into the canonical form: upper case, IDN, a port
// and a dot at the end are taken care of. ErrBadHost: IP addresses, wildcards, empty or overlong labels, control
// characters, and all else that is no name.
func ParseHost(s string) (Host, error) {
	if len(s) > maxInput {
		return "", fmt.Errorf("%w: longer than %d characters", ErrBadHost, maxHost)
	}
	name, err := withoutPort(s)
	if err != nil {
		return "", err
	}
	if !utf8.ValidString(name) {
		return "", fmt.Errorf("%w: %q: it is no text", ErrBadHost, s)
	}
	name = strings.TrimSuffix(name, ".")
	if !isASCII(name) || strings.Contains(name, "--") {
		if name, err = toASCII(name); err != nil {
			return "", fmt.Errorf("%w: %q: %s", ErrBadHost, s, err.Error())
		}
	}
	name = asciiLower(name)
	if why := notName(name); why != "" {
		return "", fmt.Errorf("%w: %q: %s", ErrBadHost, s, why)
	}
	return Host(name), nil
}

// ParseCustomHost is ParseHost for a name that a tenant wants to bring along: single labels and public suffixes, which are
// nobody's own, are refused besides.
func ParseCustomHost(s string) (Host, error) {
	h, err := ParseHost(s)
	if err != nil {
		return "", err
	}
	if !strings.Contains(string(h), ".") {
		return "", fmt.Errorf("%w: %q is a single word, a whole name is needed", ErrBadHost, s)
	}
	if suffix, _ := publicsuffix.PublicSuffix(string(h)); suffix == string(h) {
		return "", fmt.Errorf("%w: %q is a public suffix: names are registered below it", ErrBadHost, s)
	}
	return h, nil
}

// Apex is the part of the name that is registered: "example.co.uk" of "help.example.co.uk".
func (h Host) Apex() Host {
	a, err := publicsuffix.EffectiveTLDPlusOne(string(h))
	if err != nil {
		return h
	}
	return Host(a)
}

func withoutPort(s string) (string, error) {
	name, port, has := strings.Cut(s, ":")
	if !has {
		return s, nil
	}
	if !isPort(port) {
		return "", fmt.Errorf("%w: %q: only a name is wanted, without scheme and path, and no IPv6 address", ErrBadHost, s)
	}
	return name, nil
}

func isPort(s string) bool {
	if len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// toASCII does UTS 46 for one name. Hyphens at positions 3 and 4 are left to live: such names are in use.
func toASCII(name string) (string, error) {
	return idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckHyphens(false),
		idna.CheckJoiners(true), idna.StrictDomainName(true)).ToASCII(name)
}

// notName says what is wrong with a lower-case name, or nothing.
func notName(name string) string {
	switch {
	case name == "":
		return "it is empty"
	case len(name) > maxHost:
		return "it is longer than 253 characters"
	case strings.HasPrefix(name, "*."):
		return "wildcards are not served: add each host"
	}
	label := ""
	for label = range strings.SplitSeq(name, ".") {
		if why := notLabel(label); why != "" {
			return why
		}
	}
	if numeric(label) {
		return "it is an IP address, a name is needed"
	}
	return ""
}

func notLabel(label string) string {
	switch {
	case label == "":
		return "a part between dots is empty"
	case len(label) > maxLabel:
		return "a part between dots is longer than 63 characters"
	case label[0] == '-' || label[len(label)-1] == '-':
		return "a part between dots begins or ends with a hyphen"
	}
	for i := range len(label) {
		if c := label[i]; c == 0 || canonical[c] != c {
			return "it may have letters, digits, hyphens and dots only"
		}
	}
	return ""
}

// numeric says whether browsers take a name with this last label for an IPv4 address.
func numeric(label string) bool {
	if strings.HasPrefix(label, "0x") {
		_, err := strconv.ParseUint("0"+label[2:], 16, 64)
		return err == nil
	}
	return strings.Trim(label, "0123456789") == ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// asciiLower folds A–Z alone: strings.ToLower would turn the Kelvin sign into a k.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// canonical maps each byte that may stand in a name to the one it stands for, and all others to 0.
var canonical = func() (t [256]byte) {
	for c := range 256 {
		switch b := byte(c); {
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '-', b == '.':
			t[b] = b
		case 'A' <= b && b <= 'Z':
			t[b] = b + 'a' - 'A'
		}
	}
	return t
}()

// ParseOrigin brings an origin ("https://Example.com:443/") into the form that browsers send: "https://example.com". Two
// origins are the same exactly if their canonical forms are equal.
func ParseOrigin(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %q: %s", ErrBadOrigin, s, why)
	}
	scheme, rest, has := strings.Cut(s, "://")
	scheme = asciiLower(scheme)
	if !has || scheme != "https" && scheme != "http" {
		return bad("it begins with https:// or http://")
	}
	name, port, err := splitAuthority(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return bad(err.Error())
	}
	if port != "" && port != defaultPort(scheme) {
		name += ":" + port
	}
	return scheme + "://" + name, nil
}

// splitAuthority takes host, IPv4:port, [IPv6]:port or host:port apart and makes each part canonical.
func splitAuthority(s string) (name, port string, err error) {
	name = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		n, err := strconv.ParseUint(s[i+1:], 10, 16)
		if err != nil || n == 0 || !isPort(s[i+1:]) {
			return "", "", fmt.Errorf("%q is no port", s[i+1:])
		}
		name, port = s[:i], strconv.FormatUint(n, 10)
	}
	if inner, v6 := strings.CutPrefix(name, "["); v6 {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" || !strings.HasSuffix(inner, "]") {
			return "", "", fmt.Errorf("%q is no IPv6 address", name)
		}
		return "[" + a.String() + "]", port, nil
	}
	if a, err := netip.ParseAddr(name); err == nil && a.Is4() {
		return a.String(), port, nil
	}
	h, err := ParseHost(name)
	if err != nil || strings.Contains(name, ":") {
		return "", "", fmt.Errorf("%q is no host name", name)
	}
	return string(h), port, nil
}

func defaultPort(scheme string) string {
	if scheme == "http" {
		return "80"
	}
	return "443"
}
