package certificate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/tenant/span"
)

// LetsEncrypt is the directory of the authority that is asked where none is named.
const LetsEncrypt = certmagic.LetsEncryptProductionCA

const (
	// answerTime is how long an authority may take for one answer.
	answerTime = 30 * time.Second
	// pollTime is how long an authority may take to validate, and to issue.
	pollTime = 2 * time.Minute
	// directoryTime is how long a directory counts, and directorySize what of it is read.
	directoryTime, directorySize = time.Hour, 64 << 10
)

// acmeIssuer gets certificates from one authority that speaks ACME. It is safe for concurrent use.
type acmeIssuer struct {
	authority Authority
	key       string // where its things are stored
	files     *AssetStore
	wire      http.RoundTripper
	log       *slog.Logger

	ahead   atomic.Int64 // how far its clock is ahead of ours, as a time.Duration
	profile sync.Map     // of profiles that it turned out not to offer, so that this is said once

	mu       sync.Mutex
	document []byte // the directory, as it was read
	readAt   time.Time
	silent   bool // it suggests no times for renewal
}

func newACMEIssuer(a Authority, files *AssetStore, log *slog.Logger) *acmeIssuer {
	if a.Directory == "" {
		a.Directory = LetsEncrypt
	}
	return &acmeIssuer{authority: a, key: issuerKey(a.Directory), files: files, log: log, wire: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		TLSClientConfig:       &tls.Config{RootCAs: a.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   answerTime,
		ResponseHeaderTimeout: answerTime,
		IdleConnTimeout:       time.Minute,
		ForceAttemptHTTP2:     true,
	}}
}

// issuerKey is a directory's URL as one component of a path.
func issuerKey(directory string) string {
	u, err := url.Parse(directory)
	if err != nil {
		return url.PathEscape(directory)
	}
	return strings.Trim(u.Host+"-"+strings.ReplaceAll(strings.Trim(u.Path, "/"), "/", "-"), "-")
}

// Name is how people are told of the authority.
func (i *acmeIssuer) Name() string { return i.authority.name() }

// close gives the connections back.
func (i *acmeIssuer) close() {
	if t, ok := i.wire.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// client is for one conversation, in which the ear hears what acmez keeps to itself. The directory is read here: acmez would read
// it under a lock that all authorities share, so that one that hangs would hold up the others.
func (i *acmeIssuer) client(ctx context.Context) (*acme.Client, *ear, error) {
	e := &ear{next: i.wire, directory: i.authority.Directory, ahead: &i.ahead}
	c := &http.Client{Transport: e, Timeout: answerTime}
	doc, err := i.read(ctx, c)
	var urls struct{ NewOrder, RenewalInfo string }
	if err == nil {
		err = json.Unmarshal(doc, &urls)
	}
	e.document, e.newOrder, e.renewalInfo = doc, urls.NewOrder, urls.RenewalInfo
	return &acme.Client{Directory: e.directory, UserAgent: "Deskgate", HTTPClient: c, PollTimeout: pollTime}, e, err
}

// read gets the authority's directory, which seldom changes.
func (i *acmeIssuer) read(ctx context.Context, c *http.Client) ([]byte, error) {
	i.mu.Lock()
	doc, fresh := i.document, time.Since(i.readAt) < directoryTime
	i.mu.Unlock()
	if fresh {
		return doc, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, i.authority.Directory, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	doc, err = io.ReadAll(io.LimitReader(res.Body, directorySize))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %.200s", res.StatusCode, doc)
	}
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	var says struct{ RenewalInfo string }
	if err := json.Unmarshal(doc, &says); err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.document, i.readAt, i.silent = doc, time.Now(), says.RenewalInfo == ""
	return doc, nil
}

// suggests says whether the authority may suggest times for renewal, as far as that is known.
func (i *acmeIssuer) suggests() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.silent
}

// order asks for one certificate, with one order and one kind of challenge. The chain comes in PEM. What it fails with is an
// *authorityError.
func (i *acmeIssuer) order(ctx context.Context, csr *x509.CertificateRequest, solve solver, replaces *x509.Certificate) (c *certmagic.IssuedCertificate, taken bool, err error) {
	client, heard, err := i.client(ctx)
	var chain acme.Certificate
	if err == nil {
		chain, err = i.converse(ctx, client, csr, solve, replaces)
	}
	if err != nil {
		return nil, heard.taken.Load(), &authorityError{name: i.Name(), until: heard.until(), err: err}
	}
	return &certmagic.IssuedCertificate{Certificate: chain.ChainPEM, Metadata: chain}, true, nil
}

func (i *acmeIssuer) converse(ctx context.Context, client *acme.Client, csr *x509.CertificateRequest, solve solver, replaces *x509.Certificate) (acme.Certificate, error) {
	directory, err := client.GetDirectory(ctx)
	if err != nil {
		return acme.Certificate{}, fmt.Errorf("directory: %w", err)
	}
	for range 2 {
		account, err := i.account(ctx, client)
		if err != nil {
			return acme.Certificate{}, &accountError{err}
		}
		params, err := acmez.OrderParametersFromCSR(account, csr)
		if err != nil {
			return acme.Certificate{}, err
		}
		params.Profile = i.offered(ctx, directory)
		if directory.RenewalInfo != "" {
			params.Replaces = replaces
		}
		// Not solve itself: what else its Solver can do, as to wait, would be hidden.
		with := acmez.Client{Client: client, ChallengeSolvers: map[string]acmez.Solver{solve.kind: solve.Solver}}
		chains, err := with.ObtainCertificate(ctx, params)
		var p acme.Problem
		if errors.As(err, &p) && p.Type == acme.ProblemTypeAccountDoesNotExist {
			// The authority has forgotten us and ordered nothing: it is told again who we are.
			if err := i.files.Delete(ctx, i.accountPath()); err != nil {
				return acme.Certificate{}, err
			}
			continue
		}
		if err == nil && len(chains) == 0 {
			err = errors.New("no certificate came")
		}
		if err != nil {
			return acme.Certificate{}, err
		}
		return chains[0], nil
	}
	return acme.Certificate{}, &accountError{errors.New("the account is not known, again and again")}
}

// offered is the profile to ask for: the one that the operator wants, if there is such a one here.
func (i *acmeIssuer) offered(ctx context.Context, d acme.Directory) string {
	want := i.authority.Profile
	if want == "" {
		return ""
	}
	names := []string{}
	if d.Meta != nil {
		for name := range d.Meta.Profiles {
			names = append(names, name)
		}
	}
	if slices.Contains(names, want) {
		return want
	}
	if _, said := i.profile.LoadOrStore(want, true); !said {
		slices.Sort(names)
		i.log.WarnContext(ctx, "the certificate authority does not offer the profile; certificates are of its usual one",
			"authority", i.Name(), "profile", want, "offered", names)
	}
	return ""
}

// ear listens to what authorities say beside their documents.
type ear struct {
	next      http.RoundTripper
	directory string
	document  []byte // what was read there; nil: nothing yet
	newOrder  string // where orders are made
	taken     atomic.Bool
	ahead     *atomic.Int64

	renewalInfo string // where advice is given; empty: nowhere

	mu   sync.Mutex
	told time.Time // when to come back
}

// RoundTrip implements [http.RoundTripper].
func (e *ear) RoundTrip(r *http.Request) (*http.Response, error) {
	if e.document != nil && r.Method == http.MethodGet && r.URL.String() == e.directory {
		return &http.Response{
			StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(bytes.NewReader(e.document)), Request: r,
		}, nil
	}
	_, s := span.Below(r.Context(), r.Method)
	s.Asks(r.Method, r.URL)
	res, err := e.next.RoundTrip(r)
	if err != nil {
		s.End(err)
		return res, err
	}
	s.Text(span.Path, r.URL.Path)
	s.Answered(res.StatusCode)
	s.End(nil)
	e.ahead.Store(int64(ahead(res.Header, time.Now())))
	if res.StatusCode == http.StatusCreated && r.URL.String() == e.newOrder {
		e.taken.Store(true)
	}
	if res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusServiceUnavailable {
		e.mu.Lock()
		e.told = comeBack(res.Header, time.Now())
		e.mu.Unlock()
	}
	return res, nil
}

func (e *ear) until() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.told
}
