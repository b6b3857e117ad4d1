package certificate

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/tenant/domain"
)

// inDNS are the authorities as CAA records speak of them: by what they have said of themselves, as far as they were asked.
func (k *Keeper) inDNS(ctx context.Context) []domain.Authority {
	all := make([]domain.Authority, len(k.sources))
	for i, s := range k.sources {
		all[i] = k.authorityOf(ctx, s, k.solvers)
	}
	return all
}

func (k *Keeper) authorityOf(ctx context.Context, s *source, by []solver) domain.Authority {
	a := domain.Authority{Names: s.identities()}
	if account, err := s.loadAccount(ctx); err == nil {
		a.Account = account.Location
	}
	for _, one := range by {
		a.Methods = append(a.Methods, one.kind)
	}
	return a
}

// introduce has the authorities say their names, in the background: it is soon enough that they are known when hosts are looked at.
func (k *Keeper) introduce(ctx context.Context) {
	for _, s := range k.sources {
		k.wg.Go(func() {
			if _, err := s.read(ctx, &http.Client{Transport: s.wire, Timeout: answerTime}); err != nil && ctx.Err() == nil {
				k.log.DebugContext(ctx, "directory of a certificate authority", "authority", s.Name(), "error", err)
			}
		})
	}
}

// identities are the names by which CAA records let the authority issue (RFC 8555, 9.7.6).
func (i *acmeIssuer) identities() []string {
	i.mu.Lock()
	doc := i.document
	i.mu.Unlock()
	var d acme.Directory
	if json.Unmarshal(doc, &d) == nil && d.Meta != nil && len(d.Meta.CAAIdentities) > 0 {
		return d.Meta.CAAIdentities
	}
	return CAANames(i.authority.Directory)
}

// forbiddenError says that CAA records do not let an authority issue, so that an order would be in vain.
type forbiddenError struct{ reason domain.Reason }

// Error implements error.
func (e *forbiddenError) Error() string { return e.reason.String() }

// permit asks DNS whether an authority may issue for a host, before it is ordered there.
func (k *Keeper) permit(ctx context.Context, s *source, t task) error {
	if isWildcard(t.host) {
		return nil // which other records are about
	}
	reason := k.options.Domains.Forbids(ctx, t.host, k.authorityOf(ctx, s, k.solversFor(ctx, t)))
	if len(reason) == 0 {
		return nil
	}
	return &forbiddenError{reason}
}
