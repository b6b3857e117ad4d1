package outbound_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant/outbound"
)

// badServer answers a request with a text as it stands, and ends the connection; with none it says nothing and keeps the connection.
func badServer(text string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			r := bufio.NewReader(theirs)
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			if text == "" {
				_, _ = r.ReadByte() // until who asks has had enough
				return
			}
			_, _ = theirs.Write([]byte(text))
		}()
		return ours, nil
	}
}

func noServer(err error) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err} }
}

// TestProbeFaults: who answers badly, late or not at all is told from who is not there.
func TestProbeFaults(t *testing.T) {
	const toTLS = "HTTP/1.1 301 Moved\r\nLocation: https://help.acme.example/\r\nContent-Length: 0\r\n\r\n"
	type server = func(context.Context) (net.Conn, error)
	late := func(ctx context.Context) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	plain := func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer theirs.Close()
			_, _ = theirs.Read(make([]byte, 16<<10)) // a hello
			_, _ = theirs.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
		}()
		return ours, nil
	}
	closing := func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		return ours, theirs.Close()
	}
	for name, tc := range map[string]struct {
		at80, at443 server
		want        outbound.ProbeFault
		port        string
	}{
		"refused":          {noServer(os.NewSyscallError("connect", syscall.ECONNREFUSED)), nil, outbound.Refused, "80"},
		"no route":         {noServer(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), nil, outbound.Unreachable, "80"},
		"dropped":          {noServer(os.ErrDeadlineExceeded), nil, outbound.Unanswered, "80"},
		"dropped for long": {late, nil, outbound.Unanswered, "80"},
		"silence":          {badServer(""), nil, outbound.Mute, "80"},
		"closed":           {closing, nil, outbound.CutShort, "80"},
		"reset head":       {badServer("HTTP/1.1 200"), nil, outbound.CutShort, "80"},
		"short body":       {badServer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), nil, outbound.CutShort, "80"},
		"mail":             {badServer("220 mail.acme.example ESMTP\r\n"), nil, outbound.Gibberish, "80"},
		"endless header":   {badServer("HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 64<<10)), nil, outbound.Gibberish, "80"},
		"TLS at 80":        {badServer("\x15\x03\x01\x00\x02\x02\x46"), nil, outbound.Gibberish, "80"},
		"nobody at 443":    {badServer(toTLS), noServer(os.NewSyscallError("connect", syscall.ECONNREFUSED)), outbound.Refused, "443"},
		"HTTP at 443":      {badServer(toTLS), plain, outbound.BadTLS, "443"},
		"443 says nothing": {badServer(toTLS), late, outbound.Unanswered, "443"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := outbound.NewProber(outbound.Config{Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
					if strings.HasSuffix(address, ":443") {
						return tc.at443(ctx)
					}
					return tc.at80(ctx)
				}})
				_, err := p.Probe(t.Context(), "help.acme.example", []netip.Addr{netip.MustParseAddr("203.0.113.2")}, "/x")
				fault, ok := errors.AsType[*outbound.ProbeError](err)
				if !ok || fault.Fault != tc.want || fault.Port != tc.port {
					t.Errorf("%v (%+v), want %d at port %s", err, fault, tc.want, tc.port)
				}
				time.Sleep(time.Minute) // nothing is left behind
			})
		})
	}
}
