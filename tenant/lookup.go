package tenant

import "strings"

// Lookup finds what is served for a raw Host header or SNI name: upper case, a port and a dot at the end are taken care of.
// It neither allocates nor blocks.
func (d *Directory) Lookup(host string) (*Site, bool) {
	s := d.snapshot.Load()
	// Nearly every name comes canonical, and only canonical ones are in the map.
	if len(s.places.top) > 0 {
		if p, ok := s.places.top[host]; ok {
			return p.site, p.site != nil
		}
	}
	if p, ok := s.places.base[host]; ok {
		return p.site, p.site != nil
	}
	return s.lookupOdd(host)
}

// lookupOdd finds a name with a port, a dot at the end, or upper case.
func (s *snapshot) lookupOdd(host string) (*Site, bool) {
	name, port, _ := strings.Cut(host, ":")
	name = strings.TrimSuffix(name, ".")
	if len(name) > maxHost || !isPort(port) {
		return nil, false
	}
	if len(name) < len(host) {
		if site := s.places.get(name).site; site != nil {
			return site, true
		}
	}
	for i := range len(name) {
		if 'A' <= name[i] && name[i] <= 'Z' {
			return s.lookupUpper(name)
		}
	}
	return nil, false
}

func (s *snapshot) lookupUpper(name string) (*Site, bool) {
	var buf [maxHost]byte
	for i := range len(name) {
		buf[i] = canonical[name[i]]
	}
	site := s.places.getBytes(buf[:len(name)]).site
	return site, site != nil
}
