// Package mailtest runs a real SMTP server in the process, for tests.
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/deskgate/deskgate/tenant/mail"
)

// Options say what a Server asks for, and how it misbehaves. The zero value takes every letter, without TLS.
type Options struct {
	// STARTTLS is offered, with a certificate that Server.Roots are good for.
	STARTTLS bool
	// User and Password, if not empty, have to be given.
	User, Password string
	// Receive is called with each letter before it is taken. An error is the answer: a *smtp.SMTPError as it is; Hangup cuts the connection
	// without one. Nil: all are taken.
	Receive func(Letter) error
	// Rcpt is called with each recipient, like Receive.
	Rcpt func(to string) error
	// Pipes: no network, so that the server works inside a synctest bubble. Only Server.Dial reaches it.
	Pipes bool
}

// ErrHangup as an answer means that there is none: the connection is cut.
var ErrHangup = errors.New("cut the connection")

// Server is an SMTP server that keeps what it is given.
type Server struct {
	// URL is what --smtp-url has to be.
	URL string
	// Roots are good for the server's certificate.
	Roots *x509.CertPool

	options Options
	pipes   *pipes

	mu      sync.Mutex
	taken   []Letter
	arrived chan struct{} // closed and made anew with each letter
	calls   int
	asked   bool
}

// host is a name with which this machine is not known as this machine, so that credentials need TLS.
const host = "mail.example"

// Start runs a server until the test ends.
func Start(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{options: o, arrived: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		s.calls++
		s.mu.Unlock()
		return &session{server: s, conn: c.Conn()}, nil
	}))
	server.Domain = host
	server.AllowInsecureAuth = true // what is sent in the open is for the tests to see
	server.ErrorLog = silence{}
	if o.STARTTLS {
		certificate, roots := newCertificate(tb, host)
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		s.Roots = roots
	}
	listener := s.listen(tb)
	over := make(chan error, 1)
	go func() { over <- server.Serve(listener) }()
	tb.Cleanup(func() {
		_ = listener.Close() // the server may not know it yet
		_ = server.Close()
		if err := <-over; err != nil && !errors.Is(err, net.ErrClosed) {
			tb.Errorf("SMTP server: %v", err)
		}
	})
	return s
}

// silence is what the server says about clients that go away in the middle: that is what some tests are about.
type silence struct{}

// Printf says nothing.
func (silence) Printf(string, ...any) {}

// Println says nothing.
func (silence) Println(...any) {}

func (s *Server) listen(tb testing.TB) net.Listener {
	tb.Helper()
	user := ""
	if s.options.User != "" {
		user = s.options.User + ":" + s.options.Password + "@"
	}
	if s.options.Pipes {
		s.pipes = newPipes()
		s.URL = "smtp://" + user + host + ":25"
		return s.pipes
	}
	l, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.URL = "smtp://" + user + l.Addr().String()
	return l
}

// Server is the server as a mail.Config wants it.
func (s *Server) Server(tb testing.TB) *mail.Server {
	tb.Helper()
	server, err := mail.ParseServer(s.URL)
	if err != nil {
		tb.Fatal(err)
	}
	server.Roots = s.Roots
	if s.pipes != nil {
		server.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) { return s.pipes.dial(ctx) }
	}
	return server
}

// Calls is how many connections there were.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Asked says whether somebody has shown credentials, good or not.
func (s *Server) Asked() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Letters are the letters that were taken, in order.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.taken...)
}

// patience is how long a letter may take on a busy machine.
const patience = 20 * time.Second

// Wait returns the first letter to an address that nobody has waited for before, as soon as it is there.
func (s *Server) Wait(tb testing.TB, to string) Letter {
	tb.Helper()
	late := time.After(patience)
	for {
		letter, arrived, found := s.next(to)
		if found {
			return letter
		}
		select {
		case <-arrived:
		case <-late:
			tb.Fatalf("no letter to %s", to)
		}
	}
}

// WaitCode is the code in the next letter to somebody that has one. Those before it are passed over.
func (s *Server) WaitCode(tb testing.TB, to string) string {
	tb.Helper()
	for {
		if l := s.Wait(tb, to); codes.MatchString(l.Text) {
			return l.Code(tb)
		}
	}
}

func (s *Server) next(to string) (Letter, <-chan struct{}, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.taken {
		if one := &s.taken[i]; one.To == to && !one.seen {
			one.seen = true
			return *one, nil, true
		}
	}
	return Letter{}, s.arrived, false
}

// None fails the test if a letter to an address is there that nobody has waited for. What is still on its way it does not see: wait
// for a later letter first.
func (s *Server) None(tb testing.TB, to string) {
	tb.Helper()
	if letter, _, found := s.next(to); found {
		tb.Errorf("a letter to %s: %s", to, letter.Subject)
	}
}

func (s *Server) take(l Letter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, l)
	close(s.arrived)
	s.arrived = make(chan struct{})
}

// session is one connection.
type session struct {
	server *Server
	conn   net.Conn
	known  bool
	from   string
	to     string
}

var _ smtp.AuthSession = (*session)(nil)

// AuthMechanisms are those that the server knows.
func (s *session) AuthMechanisms() []string {
	if s.server.options.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// sent is what a client has sent to say who it is.
func sent(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// Auth checks who is calling. Like some servers it repeats what it refuses.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		s.server.asked = true
		s.server.mu.Unlock()
		if user != s.server.options.User || password != s.server.options.Password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "Refused: " + password + " in " + sent(user, password)}
		}
		s.known = true
		return nil
	}), nil
}

// Mail begins a letter.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.options.User != "" && !s.known {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

// Rcpt names the recipient.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if refuse := s.server.options.Rcpt; refuse != nil {
		if err := s.answer(refuse(to)); err != nil {
			return err
		}
	}
	s.to = to
	return nil
}

// Data takes the letter.
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l, err := parse(s.from, s.to, bytes.NewReader(b))
	if err != nil {
		return &smtp.SMTPError{Code: 554, Message: "this is no letter: " + err.Error()}
	}
	if refuse := s.server.options.Receive; refuse != nil {
		if err := s.answer(refuse(l)); err != nil {
			return err
		}
	}
	s.server.take(l)
	return nil
}

func (s *session) answer(err error) error {
	if errors.Is(err, ErrHangup) {
		_ = s.conn.Close() // that is what is asked for
	}
	return err
}

// Reset forgets the letter that was begun.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout ends the connection.
func (*session) Logout() error { return nil }
