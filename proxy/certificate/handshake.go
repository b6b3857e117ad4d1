package certificate

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/proxy/listener"
	"github.com/deskgate/deskgate/tenant"
)

// TLS is the listener's. The gate stands before everything, also before resumed sessions: a hello for a name that nobody
// has here is answered with the alert unrecognized_name, and costs neither I/O nor a key exchange.
func (k *Keeper) TLS() *tls.Config {
	protocols := []string{"h2", "http/1.1"}
	if k.sources != nil {
		protocols = append(protocols, acmez.ACMETLS1Protocol)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		CipherSuites:   suites(),
		NextProtos:     protocols,
		GetCertificate: k.certificate,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if k.known(h) {
				return nil, nil //nolint:nilnil // crypto/tls wants it so: go on with this config
			}
			turnAway(h.Conn)
			return nil, listener.ErrStranger
		},
	}
}

// suites are those of TLS 1.2 that keep secrets if a key is lost later, and that seal and sign in one: what HTTP/2 demands as
// well. Every browser since 2015 has one of them.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// known says whether a hello is for somebody here.
func (k *Keeper) known(h *tls.ClientHelloInfo) bool {
	_, served := k.directory.Lookup(h.ServerName)
	switch {
	case k.challenged(h):
		k.options.Hello("challenge")
	case served:
		k.options.Hello("served")
	default:
		k.options.Hello("unknown")
		return false
	}
	return true
}

// turnAway sends the alert unrecognized_name, for which crypto/tls would first make the half of a key exchange. What crypto/tls
// says itself about the error that follows is kept back.
func turnAway(conn net.Conn) {
	const alert, fatal, unrecognizedName = 21, 2, 112
	_, _ = conn.Write([]byte{alert, 3, 3, 0, 2, fatal, unrecognizedName}) // the client may be gone
	_ = conn.SetWriteDeadline(time.Unix(1, 0))
}

// challenged says whether the hello is an authority's, and about a challenge that is under way here.
func (k *Keeper) challenged(h *tls.ClientHelloInfo) bool {
	if !isChallenge(h) || k.sources == nil {
		return false
	}
	_, active := k.challenges.here(acme.ChallengeTypeTLSALPN01, h.ServerName)
	return active
}

func isChallenge(h *tls.ClientHelloInfo) bool {
	return len(h.SupportedProtos) == 1 && h.SupportedProtos[0] == acmez.ACMETLS1Protocol
}

// certificate is the certificate for a hello: from memory, else from the store, else a new one, which a client that came
// first has to wait for.
func (k *Keeper) certificate(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if isChallenge(h) && k.sources != nil {
		return k.challenges.certificate(h.Context(), h.ServerName)
	}
	site, served := k.directory.Lookup(h.ServerName)
	if !served {
		return nil, nil //nolint:nilnil // crypto/tls wants it so: unrecognized_name
	}
	if pair := k.shelf.get(site.Host, time.Now()); pair != nil {
		return pair, nil
	}
	// The handshake's own deadline wakes nobody who waits here.
	ctx, cancel := context.WithTimeout(h.Context(), k.options.HandshakeTime)
	defer cancel()
	return k.fetch(ctx, site)
}

// fetch brings a site's certificate into memory. Of all who ask at once for the same, one does it. One that is over is given if
// there is no other.
func (k *Keeper) fetch(ctx context.Context, site *tenant.Site) (*tls.Certificate, error) {
	found, err := k.once(ctx, site)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if ctx.Err() == nil {
			k.log.ErrorContext(ctx, "certificate not loaded", slog.String("host", string(site.Host)), slog.Any("error", err))
		}
		return nil, err
	}
	if found.valid(time.Now()) {
		return found.pair, nil
	}
	failed := k.ensure(ctx, site)
	if fresh, err := k.once(ctx, site); err == nil {
		found = fresh
	}
	if found == nil {
		return nil, errors.Join(errNotNow, failed)
	}
	return found.pair, nil // perhaps over: the visitor's browser says so better than we can
}

// once reads a site's certificate, together with all who want it now.
func (k *Keeper) once(ctx context.Context, site *tenant.Site) (*held, error) {
	loading := k.loads.DoChan(string(site.Host), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
		defer cancel()
		return k.load(ctx, site)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-loading:
		h, _ := r.Val.(*held) // nil with an error
		return h, r.Err
	}
}

// Answer answers an authority that asks over HTTP for the token of a challenge, if there is one under way.
func (k *Keeper) Answer(w http.ResponseWriter, r *http.Request, known bool) bool {
	return k.sources != nil && k.challenges.answer(w, r, known)
}
