package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"

	"github.com/mholt/acmez/v3/acme"
)

// storedAccount is an account with an authority, and its key.
type storedAccount struct {
	Account acme.Account `json:"account"`
	Key     []byte       `json:"key"` // SEC 1, DER
}

// accountPath is where the account is kept. Another address, or another external account, is another account.
func (i *acmeIssuer) accountPath() string {
	who := "anonymous"
	if i.authority.Email != "" {
		who = i.authority.Email
	}
	if x := i.authority.External; x != nil {
		who += "," + x.KeyID
	}
	return path.Join("acme", i.key, url.PathEscape(who))
}

// account is the node's account with the authority, which is made if there is none yet. Of several attempts at once, one makes
// it.
func (i *acmeIssuer) account(ctx context.Context, client *acme.Client) (acme.Account, error) {
	a, err := i.loadAccount(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return a, err
	}
	lock := "account " + i.accountPath()
	if err := i.files.Lock(ctx, lock); err != nil {
		return a, err
	}
	a, err = i.loadAccount(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		a, err = i.register(ctx, client)
	}
	return a, errors.Join(err, i.files.Unlock(ctx, lock))
}

func (i *acmeIssuer) loadAccount(ctx context.Context) (acme.Account, error) {
	b, err := i.files.Load(ctx, i.accountPath())
	if err != nil {
		return acme.Account{}, err
	}
	var s storedAccount
	if err := json.Unmarshal(b, &s); err != nil {
		return acme.Account{}, err
	}
	key, err := x509.ParseECPrivateKey(s.Key)
	if err != nil {
		return acme.Account{}, err
	}
	s.Account.PrivateKey = key
	return s.Account, nil
}

func (i *acmeIssuer) register(ctx context.Context, client *acme.Client) (acme.Account, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return acme.Account{}, err
	}
	a := acme.Account{TermsOfServiceAgreed: true, PrivateKey: key}
	if i.authority.Email != "" {
		a.Contact = []string{"mailto:" + i.authority.Email}
	}
	if x := i.authority.External; x != nil {
		if err := a.SetExternalAccountBinding(ctx, client, acme.EAB{KeyID: x.KeyID, MACKey: x.Key}); err != nil {
			return a, err
		}
	}
	if a, err = client.NewAccount(ctx, a); err != nil {
		return a, fmt.Errorf("register: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return a, err
	}
	a.ExternalAccountBinding = nil // it has done its work
	b, err := json.Marshal(storedAccount{Account: a, Key: der})
	if err != nil {
		return a, err
	}
	i.log.InfoContext(ctx, "registered with a certificate authority", "authority", i.Name(), "account", a.Location)
	return a, i.files.Store(ctx, i.accountPath(), b)
}
