package partner

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/outbound"
)

const (
	// How long a key set is taken for what it was: as its server says, within bounds.
	freshLeast    = time.Minute
	freshMost     = time.Hour
	freshStandard = 10 * time.Minute
	// staleMost is how long it will do after that where the server doesn't answer.
	staleMost = 24 * time.Hour
	// askEvery is how often a server is asked at most, whoever wants to know: visitors can make up names of keys.
	askEvery = time.Minute
	askTime  = 5 * time.Second
	// maxKeySet bounds the document.
	maxKeySet = 128 << 10
)

// keySets are the public keys that tenants' partners publish, as this node has last seen them.
type keySets struct {
	client *outbound.Client
	log    *slog.Logger
	flight singleflight.Group

	mu   sync.Mutex
	seen map[tenant.ID]keySet
}

// keySet is what was at a URL. The zero keySet was never asked for.
type keySet struct {
	url  string
	keys []tenant.PublicKey
	// asked is the last time that the server was asked, whatever it answered.
	asked time.Time
	// Until fresh, nobody has to ask. Until stale, the keys will do if the server doesn't answer.
	fresh, stale time.Time
	// problem says why the last question had no answer, in words for the tenant.
	problem string
}

func newKeySets(client *outbound.Client, log *slog.Logger) *keySets {
	return &keySets{client: client, log: log, seen: map[tenant.ID]keySet{}}
}

// last is what is known of the tenant's present URL.
func (s *keySets) last(t *tenant.Tenant) keySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set := s.seen[t.ID]; set.url == t.Settings.JWKSURL {
		return set
	}
	return keySet{url: t.Settings.JWKSURL}
}

// get returns the tenant's published keys, asking for them if it has to. None: there are none, or none that we know of.
func (s *keySets) get(ctx context.Context, t *tenant.Tenant) keySet {
	set, now := s.last(t), time.Now()
	if now.After(set.fresh) && now.Sub(set.asked) >= askEvery {
		set = s.ask(ctx, t)
	}
	if now.After(set.stale) {
		set.keys = nil
	}
	return set
}

// again asks once more, because a key is missing. False: it is too early to ask again, or nothing came of it.
func (s *keySets) again(ctx context.Context, t *tenant.Tenant) bool {
	return time.Since(s.last(t).asked) >= askEvery && s.ask(ctx, t).problem == ""
}

// ask fetches the set. Of all who want to know at the same time one asks, and it doesn't matter who of them goes away.
func (s *keySets) ask(ctx context.Context, t *tenant.Tenant) keySet {
	answer, _, _ := s.flight.Do(string(t.ID)+" "+t.Settings.JWKSURL, func() (any, error) {
		set := s.last(t)
		if time.Since(set.asked) < askEvery {
			return set, nil // somebody has just come back with it
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		set = s.fetch(ctx, set)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen[t.ID] = set
		return set, nil
	})
	set, _ := answer.(keySet)
	return set
}

// fetch asks the server, and keeps what was there before if it doesn't answer.
func (s *keySets) fetch(ctx context.Context, set keySet) keySet {
	set.asked = time.Now()
	doc, err := s.client.Get(ctx, set.url, maxKeySet, "application/jwk-set+json, application/json")
	if err != nil {
		s.log.WarnContext(ctx, "a partner's key set can't be fetched", "url", set.url, "error", err)
		set.problem = outbound.Reason(err)
		return set
	}
	keys, _, err := tenant.ParseKeySet(doc.Body)
	if err != nil {
		set.problem = err.Error()
		return set
	}
	set.keys, set.problem = keys, ""
	set.fresh = set.asked.Add(doc.Fresh(freshLeast, freshStandard, freshMost))
	set.stale = set.fresh.Add(staleMost)
	return set
}

// forget drops what is known of a tenant that is no more.
func (s *keySets) forget(t *tenant.Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, t.ID)
}
