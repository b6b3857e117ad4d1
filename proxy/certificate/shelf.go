package certificate

import (
	"container/list"
	"crypto/tls"
	"sync"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// shelfSize is how many certificates are in memory, at 2 KiB each with what is around them: those that were asked for last.
const shelfSize = 16_384

// shelf is what handshakes are answered from. It is safe for concurrent use.
type shelf struct {
	size int

	mu     sync.Mutex
	places map[tenant.Host]*list.Element
	used   list.List         // of *place, the last used first
	chains map[string][]byte // authorities' certificates, which most have in common
}

// place is one host's certificate.
type place struct {
	host     tenant.Host
	pair     *tls.Certificate
	notAfter time.Time
	// look is when the store is to be asked whether there is another one; zero: whenever it changes.
	look time.Time
}

func newShelf(size int) *shelf {
	return &shelf{size: size, places: make(map[tenant.Host]*list.Element), chains: make(map[string][]byte)}
}

// get is the certificate of a host, nil if it is not here, or is over, or there may be a better one.
func (s *shelf) get(host tenant.Host, now time.Time) *tls.Certificate {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.places[host]
	if e == nil {
		return nil
	}
	p, _ := e.Value.(*place) // always
	if !now.Before(p.notAfter) || !p.look.IsZero() && !now.Before(p.look) {
		return nil
	}
	s.used.MoveToFront(e)
	return p.pair
}

// put takes the place of what was there, and of what was not used for longest if there is no room.
func (s *shelf) put(host tenant.Host, h *held) {
	p := &place{host: host, pair: h.pair, notAfter: h.leaf.NotAfter}
	if h.own() || h.name != string(host) {
		p.look = h.handOver()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.pair.Certificate = s.shared(p.pair.Certificate)
	if e := s.places[host]; e != nil {
		e.Value = p
		s.used.MoveToFront(e)
		return
	}
	s.places[host] = s.used.PushFront(p)
	if s.used.Len() > s.size {
		s.drop(s.used.Back())
	}
}

// shared is the chain with what others have as well.
func (s *shelf) shared(chain [][]byte) [][]byte {
	const most = 64 // authorities; there are few
	for i := 1; i < len(chain); i++ {
		if same, ok := s.chains[string(chain[i])]; ok {
			chain[i] = same
		} else if len(s.chains) < most {
			s.chains[string(chain[i])] = chain[i]
		}
	}
	return chain
}

// remove forgets a host.
func (s *shelf) remove(host tenant.Host) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.places[host]; e != nil {
		s.drop(e)
	}
}

// clear forgets all.
func (s *shelf) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.places)
	s.used.Init()
}

func (s *shelf) drop(e *list.Element) {
	p, _ := s.used.Remove(e).(*place) // always
	delete(s.places, p.host)
}
