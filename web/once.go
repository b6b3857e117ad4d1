package web

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
)

// ownKeys are the addresses of the API that are posted to and not wrapped by once, with the reason.
var ownKeys = map[string]string{
	"/tickets":              keptWithTheEffect,
	"/tickets/bulk":         keptWithTheEffect,
	"/tickets/:id/comments": keptWithTheEffect,
	"/tickets/:id/merge":    keptWithTheEffect,
	"/tickets/:id/split":    keptWithTheEffect,

	"/test/jwt":                    "makes nothing",
	"/rules/:id/try":               "makes nothing",
	"/tenant/domains/:host/verify": "is there to look anew",
	"/users/:id/erase":             "is the same once or twice, and says how far it is",
}

const keptWithTheEffect = "the help desk writes the key in the transaction that has the effect"

// repeatable has every address of the API that is posted to honour an Idempotency-Key.
func (s *Server) repeatable(method, pattern string, h handler) handler {
	if _, own := ownKeys[pattern]; method != http.MethodPost || own {
		return h
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		key, err := idempotencyKey(r)
		switch {
		case err != nil:
			return err
		case key == "":
			return h(w, r)
		}
		return s.once(w, r, key, h)
	}
}

// once has a request carried out to its end, even if whoever sent it does not wait, and keeps what it was answered for when it comes again.
func (s *Server) once(w http.ResponseWriter, r *http.Request, key string, h handler) error {
	c, ctx := callerOf(r), context.WithoutCancel(r.Context())
	try, err := s.desk.Attempt(r.Context(), c.tenant, c.actor(), callOf(r), key)
	if err != nil {
		return err
	}
	defer try.End()
	body := newFingerprint(r)
	r.Body = body
	if try.Answered() {
		return repeat(w, r, try, body)
	}
	taken := &takenAnswer{ResponseWriter: w}
	if err := h(taken, r.WithContext(ctx)); err != nil {
		if problemOf(err).Status != http.StatusInternalServerError { // after that nobody knows
			s.report(try.Forget(ctx))
		}
		return err
	}
	sum, err := body.sum(w, r)
	if err == nil {
		err = try.Keep(ctx, sum, taken.answer())
	}
	s.report(err)
	return taken.send()
}

// repeat answers as before, if all of the request is as it was.
func repeat(w http.ResponseWriter, r *http.Request, try *tickets.Attempt, body *fingerprint) error {
	sum, err := body.sum(w, r)
	if err != nil {
		return err
	}
	former, err := try.Former(sum)
	if err != nil {
		return err
	}
	for name, value := range former.Header {
		w.Header().Set(name, value)
	}
	replayed(w, true)
	return send(w, former.Status, former.Body)
}

// callOf names what is asked for, by whichever of its addresses.
func callOf(r *http.Request) string {
	path, _ := below(tenant.VisitFrom(r.Context()).Mount, r.URL.Path)
	if rest, versioned := strings.CutPrefix(path, "/api/v1/"); versioned {
		path = "/api/" + rest
	}
	return r.Method + " " + path
}

// fingerprint is a request's body that is hashed while it is read, with the request's query. The boundary of a form is left out: clients
// draw another one for each try.
type fingerprint struct {
	io.ReadCloser

	hash hash.Hash
	// skip is what is left out; end is the end of what was read, which may begin with it.
	skip, end []byte
}

func newFingerprint(r *http.Request) *fingerprint {
	f := &fingerprint{ReadCloser: r.Body, hash: sha256.New()}
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil {
		f.skip = []byte(params["boundary"])
	}
	f.hash.Write([]byte(r.URL.RawQuery + "\n"))
	return f
}

// Read hashes what it reads.
func (f *fingerprint) Read(p []byte) (int, error) {
	n, err := f.ReadCloser.Read(p)
	f.take(p[:n])
	return n, err
}

func (f *fingerprint) take(b []byte) {
	if len(f.skip) == 0 {
		f.hash.Write(b)
		return
	}
	rest := append(f.end, b...)
	for {
		at := bytes.Index(rest, f.skip)
		if at < 0 {
			break
		}
		f.hash.Write(rest[:at])
		rest = rest[at+len(f.skip):]
	}
	keep := min(len(rest), len(f.skip)-1)
	f.hash.Write(rest[:len(rest)-keep])
	f.end = append(f.end[:0], rest[len(rest)-keep:]...)
}

// unheld is the body for whoever does not keep it in memory.
func (f *fingerprint) unheld() io.ReadCloser {
	if held, is := f.ReadCloser.(heldBody); is {
		f.ReadCloser = held.unheld()
	}
	return f
}

// sum is the hash of all of the body, of which nobody has to have read anything.
func (f *fingerprint) sum(w http.ResponseWriter, r *http.Request) (sum [sha256.Size]byte, err error) {
	rest, err := uploadBody(w, r, callerOf(r).tenant)
	if err == nil {
		_, err = io.Copy(io.Discard, rest)
	}
	if err != nil {
		return sum, brokenBody(err, "The body ended early.")
	}
	f.hash.Write(f.end)
	return [sha256.Size]byte(f.hash.Sum(nil)), nil
}

// takenAnswer keeps an answer until it is written down.
type takenAnswer struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (t *takenAnswer) WriteHeader(status int) { t.status = status }

// Write keeps a part of the body.
func (t *takenAnswer) Write(b []byte) (int, error) { return t.body.Write(b) }

// answer is the answer as it is kept.
func (t *takenAnswer) answer() tickets.Answer {
	x := tickets.Answer{Status: cmp.Or(t.status, http.StatusOK), Header: map[string]string{}, Body: t.body.Bytes()}
	for _, name := range []string{"Content-Type", "Cache-Control", "ETag", "Location"} {
		if value := t.Header().Get(name); value != "" {
			x.Header[name] = value
		}
	}
	return x
}

// send gives the answer to whoever asked.
func (t *takenAnswer) send() error {
	return send(t.ResponseWriter, cmp.Or(t.status, http.StatusOK), t.body.Bytes())
}
