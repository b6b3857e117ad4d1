package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"github.com/deskgate/deskgate/tenant/outbox"
	"github.com/deskgate/deskgate/tenant/span"
)

// Server is the operator's SMTP server, as --smtp-url names it. Its password is shown by nothing.
type Server struct {
	host     string
	port     int
	tls      bool // from the first byte on
	user     string
	password string

	// Dial opens the connection. Nil: over the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Roots are the authorities that are believed. Nil: the system's.
	Roots *x509.CertPool
}

// Sentences about a URL that is none of a mail server. They don't repeat it: it may hold a password.
var (
	errScheme = errors.New("is not a URL like smtp://user:password@mail.example.com:587 or smtps://…")
	errHost   = errors.New("names no host")
	errPort   = errors.New("has no port from 1 to 65535")
	errUser   = errors.New("has a user without a password, or a password without a user (write % as %25, @ as %40, / as %2F, : as %3A)")
	errRest   = errors.New("has more than a user, a password, a host and a port (write / in a password as %2F, ? as %3F, # as %23)")
)

// The usual ports: submission with TLS, submission, and a relay's.
const (
	portTLS    = 465
	portSubmit = 587
	portRelay  = 25
)

// ParseServer reads smtp[s]://[user:password@]host[:port]. Without a port it is 465 for smtps, 587 for smtp with a user, and 25 for a relay
// that asks for none. The error does not repeat the URL.
func ParseServer(s string) (*Server, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Opaque != "" {
		return nil, errScheme
	}
	v := &Server{host: u.Hostname(), tls: u.Scheme == "smtps"}
	v.user = u.User.Username()
	v.password, _ = u.User.Password()
	switch {
	case v.host == "" || strings.ContainsAny(v.host, " \t\r\n"):
		return nil, errHost
	case (v.user == "") != (v.password == "") || strings.ContainsAny(v.user+v.password, "\x00\r\n"):
		return nil, errUser
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return nil, errRest
	}
	switch port := u.Port(); {
	case port != "":
		v.port, err = strconv.Atoi(port)
	case v.tls:
		v.port = portTLS
	case v.user != "":
		v.port = portSubmit
	default:
		v.port = portRelay
	}
	if err != nil || v.port < 1 || v.port > 65535 {
		return nil, errPort
	}
	return v, nil
}

// String is the server without its password.
func (s *Server) String() string {
	scheme := "smtp://"
	if s.tls {
		scheme = "smtps://"
	}
	return scheme + net.JoinHostPort(s.host, strconv.Itoa(s.port))
}

// local says whether nobody can listen in on the way to the server.
func (s *Server) local() bool {
	ip, err := netip.ParseAddr(s.host)
	return s.host == "localhost" || err == nil && ip.IsLoopback()
}

// patience is how long one command may take.
const patience = 20 * time.Second

// line is one connection to the server.
type line struct {
	*gomail.Client

	conn net.Conn
}

// line makes the client of a connection that is still to be opened.
//
// Credentials are sent over TLS with a certificate that is good for the host, or to this machine itself. A relay that wants none is
// given TLS where it offers it, whatever its certificate: relays in house have seldom a good one, and whoever can take the certificate's
// place could as well take the offer away.
func (s *Server) line(helo string) (*line, error) {
	strict := s.tls || s.user != "" && !s.local()
	config := &tls.Config{
		ServerName: s.host, MinVersion: tls.VersionTLS12, RootCAs: s.Roots,
		InsecureSkipVerify: !strict, //nolint:gosec // see above
	}
	l := &line{}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(patience), gomail.WithHELO(helo), gomail.WithTLSConfig(config), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
			return s.open(ctx, network, address, l, config)
		}),
	}
	switch {
	case s.tls:
		options = append(options, gomail.WithSSL())
	case strict:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
			gomail.WithOpportunisticSMTPAuth(s.mechanisms()...))
	}
	var err error
	l.Client, err = gomail.NewClient(s.host, options...)
	return l, err
}

// mechanisms are the ways to say who we are, the best first. Those that show the password need TLS, but on this machine.
func (s *Server) mechanisms() []gomail.SMTPAuthType {
	all := []gomail.SMTPAuthType{gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1}
	if s.local() && !s.tls {
		return append(all, gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc, gomail.SMTPAuthCramMD5)
	}
	return append(all, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5)
}

// open opens the connection, with TLS from the first byte on where the URL wants it.
func (s *Server) open(ctx context.Context, network, address string, l *line, config *tls.Config) (net.Conn, error) {
	dial := s.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	c, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = c
	if !s.tls {
		return c, nil
	}
	secure := tls.Client(c, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return secure, nil
}

// call connects and signs in. The connection is cut when ctx ends, and by hangUp.
func (s *Server) call(ctx context.Context, helo string) (l *line, conn *smtp.Client, hangUp func(), err error) {
	if l, err = s.line(helo); err != nil {
		return nil, nil, nil, err
	}
	conn, err = l.DialToSMTPClientWithContext(ctx)
	if err != nil {
		if l.conn != nil {
			_ = l.conn.Close() // of a call that did not come about
		}
		return nil, nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	return l, conn, func() {
		_ = l.CloseWithSMTPClient(conn) // whoever has gone away owes us no goodbye
		stop()
		_ = l.conn.Close()
	}, nil
}

// send hands one letter to the server. outbox.Permanent: the server will never take it.
func (s *Server) send(ctx context.Context, helo string, m *gomail.Msg) error {
	switch err := s.hand(ctx, helo, m); {
	case refused(err) && unwanted(err):
		return outbox.Permanent(refusal{s.plain(err)})
	case refused(err):
		return outbox.Permanent(s.plain(err))
	default:
		return s.plain(err)
	}
}

// hand is send, with the error as it comes.
func (s *Server) hand(ctx context.Context, helo string, m *gomail.Msg) (err error) {
	ctx, sp := span.Below(ctx, "send mail")
	defer func() {
		if failure, ok := errors.AsType[*gomail.SendError](err); ok && failure.ErrorCode() > 0 {
			sp.Fail(strconv.Itoa(failure.ErrorCode())) // nothing else of what the server says: it repeats addresses
			sp.End(nil)
			return
		}
		sp.End(err)
	}()
	sp.At(net.JoinHostPort(s.host, strconv.Itoa(s.port)))
	sp.Text(span.Protocol, "smtp")
	l, conn, hangUp, err := s.call(ctx, helo)
	if err != nil {
		return err
	}
	defer hangUp()
	if err = l.SendWithSMTPClient(conn, m); m.IsDelivered() { // what went wrong afterwards has no part in it
		return nil
	}
	return err
}

// ErrRefused is in the error of a letter that the server refused because of its recipient: there is no such mailbox, or it takes nothing.
var ErrRefused = errors.New("the recipient is refused")

// refusal is an error that is an ErrRefused, in the server's words.
type refusal struct{ error }

// Is says that it is an ErrRefused.
func (refusal) Is(target error) bool { return target == ErrRefused }

// unwanted says whether it is the recipient for whose sake the server refused the letter. Codes 5.7.x are about who may send what (RFC 3463): they
// say nothing about the mailbox.
func unwanted(err error) bool {
	failure, ok := errors.AsType[*gomail.SendError](err)
	if !ok || failure.Reason != gomail.ErrSMTPRcptTo && failure.Reason != gomail.ErrSMTPDataClose {
		return false
	}
	switch code := failure.EnhancedStatusCode(); {
	case strings.HasPrefix(code, "5.1."), strings.HasPrefix(code, "5.2."):
		return true
	case code == "" && !strings.Contains(failure.Error(), " 5.7."): // a server that does not say that it knows such codes
		return failure.Reason == gomail.ErrSMTPRcptTo
	}
	return false
}

// refused says whether the server refused the letter for good. That it wants other credentials is no fault of the letter's.
func refused(err error) bool {
	failure, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return false
	}
	switch failure.Reason {
	case gomail.ErrSMTPMailFrom, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
		code := failure.ErrorCode()
		return code >= 500 && code < 600 && code != 530 && code != 535
	default:
		return false
	}
}

// Check connects, signs in, and asks whether the server takes letters from an address. It sends none.
func (s *Server) Check(ctx context.Context, helo, from string) error {
	_, conn, hangUp, err := s.call(ctx, helo)
	if err != nil {
		return s.plain(err)
	}
	defer hangUp()
	return s.plain(conn.Mail(from))
}

// secrets are the password, and what it becomes on its way: some servers repeat what they refuse.
func (s *Server) secrets() []string {
	if s.password == "" {
		return nil
	}
	enc := base64.StdEncoding
	return []string{s.password, enc.EncodeToString([]byte("\x00" + s.user + "\x00" + s.password)), enc.EncodeToString([]byte(s.password))}
}

// plain is an error in one line, without the password.
func (s *Server) plain(err error) error {
	if err == nil {
		return nil
	}
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, secret := range s.secrets() {
		text = strings.ReplaceAll(text, secret, "…")
	}
	const most = 300
	return fmt.Errorf("%s: %s", s, strings.ToValidUTF8(text[:min(len(text), most)], ""))
}
