package certificate

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// advice is what an authority says about the renewal of a certificate (RFC 9773).
type advice struct {
	at   time.Time // by chance within its window; zero: it does not say, or nothing that makes sense
	look time.Time // when to ask again; zero: it does not say
	why  string    // the address of a page that explains it
}

const (
	// soonestLook and lookTime bound how long after an answer an authority is asked again for the same certificate.
	soonestLook, lookTime = time.Hour, 24 * time.Hour
	// farEarly is how much before our own time an authority has to want a renewal for that to be worth a line in the log.
	farEarly = 48 * time.Hour
	// adviceSize is what of an answer is read.
	adviceSize = 16 << 10
)

// advise asks when a certificate is to be renewed.
func (i *acmeIssuer) advise(ctx context.Context, leaf *x509.Certificate) (advice, error) {
	_, e, err := i.client(ctx)
	if err != nil || e.renewalInfo == "" {
		return advice{}, err
	}
	// Not acmez's own way: it takes windows of a second for none, asks three times, and sleeps in between.
	id, err := acme.ARIUniqueIdentifier(leaf)
	if err != nil {
		return advice{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(e.renewalInfo, "/")+"/"+id, nil)
	if err != nil {
		return advice{}, err
	}
	res, err := (&http.Client{Transport: e, Timeout: answerTime}).Do(r)
	if err != nil {
		return advice{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, adviceSize))
	if err != nil {
		return advice{}, err
	}
	now := time.Now()
	a := advice{look: comeBack(res.Header, now)}
	if res.StatusCode != http.StatusOK {
		return a, fmt.Errorf("renewal info: HTTP %d", res.StatusCode)
	}
	return a, a.read(b, leaf, ahead(res.Header, now))
}

var errNonsense = errors.New("renewal info: no window that makes sense")

// read takes what an authority says whose clock is ahead by so much. A window that was over before the certificate began says nothing: it
// would have each new certificate renewed at once.
func (a *advice) read(b []byte, leaf *x509.Certificate, ahead time.Duration) error {
	var info struct {
		SuggestedWindow struct{ Start, End time.Time }
		ExplanationURL  string
	}
	if err := json.Unmarshal(b, &info); err != nil {
		return fmt.Errorf("renewal info: %w", err)
	}
	start, end := info.SuggestedWindow.Start, info.SuggestedWindow.End
	if !end.After(start) || !end.After(leaf.NotBefore) || end.Sub(start) > leaf.NotAfter.Sub(leaf.NotBefore) {
		return errNonsense
	}
	a.at = start.Add(rand.N(end.Sub(start)) - ahead) //nolint:gosec // nobody gains by guessing
	a.why = info.ExplanationURL
	return nil
}

// nextLook is when to ask again, within bounds.
func (a *advice) nextLook(now time.Time) time.Time {
	if a.look.IsZero() {
		return now.Add(lookTime)
	}
	return now.Add(min(max(a.look.Sub(now), soonestLook), lookTime))
}

// ahead is how far the clock of who answers is ahead of ours, as far as an answer says so; less than a minute is nothing.
func ahead(h http.Header, now time.Time) time.Duration {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	if d := theirs.Sub(now); d.Abs() >= time.Minute {
		return d
	}
	return 0
}

// comeBack reads a Retry-After header: seconds, or a date by the clock of who answers. What is not in the future, or further away than
// any limit lasts, counts as not said.
func comeBack(h http.Header, now time.Time) time.Time {
	header := h.Get("Retry-After")
	at, err := http.ParseTime(header)
	at = at.Add(-ahead(h, now))
	if seconds, notNumber := time.ParseDuration(header + "s"); notNumber == nil {
		at, err = now.Add(seconds), nil
	}
	if err != nil || !at.After(now) || at.Sub(now) > domainWindow {
		return time.Time{}
	}
	return at
}

// renewal is when a certificate is to be renewed: when its authority suggests it, else when a third of its life is left; one that
// somebody brought, two weeks before its end. The second one is when that is to be looked at again, if before.
func (k *Keeper) renewal(ctx context.Context, host string, cert *held, due time.Time) (at, look time.Time) {
	now := time.Now()
	look = now.Add(lookTime)
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	for _, s := range k.sources {
		if s.key != cert.from || cert.name != host || !s.suggests() || s.rests(now) != nil {
			continue
		}
		a, err := s.advise(ctx, cert.leaf)
		look = a.nextLook(now)
		switch {
		case err != nil:
			k.log.DebugContext(ctx, "no advice about a renewal", "host", host, "authority", s.Name(), "error", err)
		case a.at.IsZero() || !a.at.Before(cert.leaf.NotAfter.Add(-cert.left()/4)): // there were no time for a second try
		default:
			if !a.at.After(now) && now.Before(due.Add(-farEarly)) {
				k.log.InfoContext(ctx, "the certificate authority wants a certificate renewed early",
					"host", host, "authority", s.Name(), "due", due, "explanation", a.why)
			}
			return a.at, look
		}
	}
	return due, look
}
