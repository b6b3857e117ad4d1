package tenant

// Host is a host name in its one canonical form: lower-case ASCII (IDNA), no port, no dot at the end. Two Hosts are the
// same host exactly if they are equal.
type Host string

// String is the name as it stands in DNS.
func (h Host) String() string { return string(h) }

// ParseHost brings a name as people, browsers and Host headers write it into the canonical form: upper case, IDN, a port
// and a dot at the end are taken care of. ErrBadHost: IP addresses, single labels but "localhost", wildcards, empty or
// overlong labels, control characters, and all else that is no name.
func ParseHost(s string) (Host, error) { panic("not yet") }

// ParseCustomHost is ParseHost for a name that a tenant wants to bring along: public suffixes are refused besides.
func ParseCustomHost(s string) (Host, error) { panic("not yet") }

// ParseOrigin brings an origin ("https://Example.com:443") into the form that browsers send: "https://example.com".
func ParseOrigin(s string) (string, error) { panic("not yet") }

// ParseSlug says whether s can name a tenant: [a-z0-9-]{1,63}, no hyphen at either end nor at both positions 3 and 4, not "t".
func ParseSlug(s string) error { panic("not yet") }
