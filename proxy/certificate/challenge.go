package certificate

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/tenant"
)

// challenges are those that are under way: of this process in memory, of all nodes in the store, so that whichever is asked can
// answer.
type challenges struct {
	files *AssetStore

	mu     sync.Mutex
	active map[string]acme.Challenge // by challengePath
}

// solver lets authorities find the answers to one kind of challenge.
type solver struct {
	acmez.Solver

	kind string
}

func (c *challenges) solver(kind string) solver { return solver{c, kind} }

func challengePath(kind, host string) string { return path.Join("challenges", kind, host) }

// Present implements [acmez.Solver].
func (c *challenges) Present(ctx context.Context, ch acme.Challenge) error {
	b, err := json.Marshal(ch)
	if err != nil {
		return err
	}
	p := challengePath(ch.Type, ch.Identifier.Value)
	c.mu.Lock()
	c.active[p] = ch
	c.mu.Unlock()
	return c.files.Store(ctx, p, b)
}

// CleanUp implements [acmez.Solver].
func (c *challenges) CleanUp(ctx context.Context, ch acme.Challenge) error {
	p := challengePath(ch.Type, ch.Identifier.Value)
	c.mu.Lock()
	delete(c.active, p)
	c.mu.Unlock()
	return c.files.Delete(context.WithoutCancel(ctx), p)
}

// here is the challenge of a host that this process presents.
func (c *challenges) here(kind, host string) (acme.Challenge, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, ok := c.active[challengePath(kind, host)]
	return ch, ok
}

// anywhere is the challenge of a host that some node presents.
func (c *challenges) anywhere(ctx context.Context, kind, host string) (ch acme.Challenge, err error) {
	if ch, ok := c.here(kind, host); ok {
		return ch, nil
	}
	b, err := c.files.Load(ctx, challengePath(kind, host))
	if err == nil {
		err = json.Unmarshal(b, &ch)
	}
	return ch, err
}

// certificate is what an authority wants to see in a handshake of its own.
func (c *challenges) certificate(ctx context.Context, host string) (*tls.Certificate, error) {
	ch, err := c.anywhere(ctx, acme.ChallengeTypeTLSALPN01, host)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // crypto/tls wants it so: unrecognized_name
	}
	if err != nil {
		return nil, err
	}
	return acmez.TLSALPN01ChallengeCert(ch)
}

const challengePrefix = "/.well-known/acme-challenge/"

// answer answers an authority that asks over HTTP. A stranger's host is not looked for in the store.
func (c *challenges) answer(w http.ResponseWriter, r *http.Request, known bool) bool {
	if r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, challengePrefix) {
		return false
	}
	h, err := tenant.ParseHost(r.Host)
	if err != nil {
		return false
	}
	ch, ok := c.here(acme.ChallengeTypeHTTP01, string(h))
	if !ok && known {
		ch, err = c.anywhere(r.Context(), acme.ChallengeTypeHTTP01, string(h))
		ok = err == nil
	}
	if !ok || r.URL.Path != challengePrefix+ch.Token {
		return false
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(ch.KeyAuthorization)) // the authority may be gone
	return true
}
