package h3_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/deskgate/deskgate/proxy/h3"
)

// port is a UDP port that somebody else keeps open while servers on it come and go, as systemd does.
type port struct {
	file *os.File
}

func newPort(t *testing.T) *port {
	t.Helper()
	u, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := u.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	return &port{f}
}

func (p *port) start(t *testing.T, handler http.HandlerFunc, change func(*h3.Options)) *served {
	t.Helper()
	c, err := net.FilePacketConn(p.file)
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, c, handler, change)
}

// Whoever asks while one server ends and the next one begins is answered by one of them: over a connection that was there, and
// over new ones.
func TestRestart(t *testing.T) {
	p := newPort(t)
	s := p.start(t, ok, nil)
	var asked [2]atomic.Int64
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	failed := make(chan error, len(asked))
	kept := s.client(t)
	for i := range asked {
		go func() {
			for ctx.Err() == nil {
				c := kept
				if i == 1 {
					c = s.client(t)
				}
				if err := ask(c); err != nil {
					failed <- fmt.Errorf("visitor %d: %w", i, err)
					return
				}
				if i == 1 {
					c.Transport.(*http3.Transport).Close() //nolint:errcheck,forcetypeassert // s.client made it
				}
				asked[i].Add(1)
			}
			failed <- nil
		}()
	}
	more := func() {
		for i := range asked {
			for want := asked[i].Load() + 20; asked[i].Load() < want && len(failed) == 0; {
				<-time.After(time.Millisecond)
			}
		}
	}
	for range 3 {
		more()
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		s = p.start(t, ok, nil)
	}
	more()
	leave()
	for range asked {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

// A request that comes during a stop hears that nothing was done about it, as long as the connection is there.
func TestLateRequests(t *testing.T) {
	arrived, proceed := make(chan struct{}), make(chan struct{})
	s := start(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-proceed
		ok(w, r)
	}, nil)
	idle, slow := s.dial(t), s.client(t)
	answered := make(chan error, 1)
	go func() { answered <- ask(slow) }()
	<-arrived
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(t.Context()) }()
	rejected := &quic.StreamError{}
	for begin := time.Now(); ; {
		str, err := idle.OpenStreamSync(t.Context())
		if err != nil {
			t.Fatalf("an idle connection was closed at once: %v", err)
		}
		if _, err := io.WriteString(str, getHead[:6]); err != nil { // it would be read for a while, if it were read
			t.Fatal(err)
		}
		if _, err = io.ReadAll(str); errors.As(err, &rejected) && rejected.ErrorCode == quic.StreamErrorCode(http3.ErrCodeRequestRejected) {
			break
		}
		if time.Since(begin) > 10*time.Second {
			t.Fatalf("a late request ended with %v, want H3_REQUEST_REJECTED", err)
		}
	}
	close(proceed)
	if err := <-answered; err != nil {
		t.Errorf("the running request: %v", err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	<-idle.Context().Done()
	end := &quic.ApplicationError{}
	if err := context.Cause(idle.Context()); !errors.As(err, &end) || end.ErrorCode != quic.ApplicationErrorCode(http3.ErrCodeNoError) {
		t.Errorf("an idle connection ended with %v, want H3_NO_ERROR", err)
	}
}

// A handshake that is under way when a stop begins is made, and what is asked then is answered, or rejected so that it comes again. Meanwhile
// newcomers hear nothing, least of all that they are refused.
func TestHandshakeDuringStop(t *testing.T) {
	for name, packets := range map[string]int{"half a hello": 1, "a hello": 2} {
		t.Run(name, func(t *testing.T) {
			s := start(t, ok, nil)
			line := newLine(t, s.addr, packets)
			connected := make(chan error, 1)
			var c *quic.Conn
			go func() {
				var err error
				c, err = quic.DialAddr(t.Context(), line.addr(), s.tls(), nil)
				connected <- err
			}()
			<-line.answered
			stopped := make(chan error, 1)
			go func() { stopped <- s.Shutdown(t.Context()) }()
			var err error
			for err == nil { // it is stopping when nobody new is answered
				err = s.greet(t)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a newcomer heard %v, want nothing", err)
			}
			close(line.proceed)
			if err := <-connected; err != nil {
				t.Fatalf("the handshake: %v", err)
			}
			defer c.CloseWithError(0, "") //nolint:errcheck // the server has closed it
			str, err := c.OpenStreamSync(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(str, getHead)
			_ = str.Close()
			rejected := &quic.StreamError{}
			if _, err := io.ReadAll(str); err != nil && (!errors.As(err, &rejected) || rejected.ErrorCode != quic.StreamErrorCode(http3.ErrCodeRequestRejected)) {
				t.Errorf("the request ended with %v, want an answer or H3_REQUEST_REJECTED", err)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// greet connects, unless that takes long.
func (s *served) greet(t *testing.T) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c, err := quic.DialAddr(ctx, s.addr, s.tls(), nil)
	if err != nil {
		return err
	}
	return c.CloseWithError(0, "")
}

// line is a way to a server on which everything waits for proceed that the client says after the first packets. Its hello is two.
type line struct {
	net.PacketConn
	answered, proceed chan struct{}
}

func newLine(t *testing.T, to string, packets int) *line {
	t.Helper()
	near, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.Dial("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{near, make(chan struct{}), make(chan struct{})}
	t.Cleanup(func() { near.Close(); far.Close() })
	client := make(chan net.Addr, 1)
	go func() {
		b := make([]byte, 2000)
		for said := 0; ; said++ {
			n, from, err := near.ReadFrom(b)
			if err != nil {
				return
			}
			if said == 0 {
				client <- from
			}
			if said >= packets {
				<-l.proceed
			}
			_, _ = far.Write(b[:n])
		}
	}()
	go func() {
		b, to := make([]byte, 2000), <-client
		for said := false; ; {
			n, err := far.Read(b)
			if err != nil {
				return
			}
			_, _ = near.WriteTo(b[:n], to)
			if whole := n >= 1200; !said && (whole || packets == 1) { // else it is an acknowledgement
				said = true
				close(l.answered)
			}
		}
	}()
	return l
}

func (l *line) addr() string { return l.LocalAddr().String() }

// After a crash clients hear from the next process that their connection is no more, instead of waiting for answers.
func TestCrash(t *testing.T) {
	for name, key := range map[string]string{"the same key": "k", "another key": "l"} {
		t.Run(name, func(t *testing.T) {
			p := newPort(t)
			s := p.start(t, ok, func(o *h3.Options) { o.ResetKey = []byte(strings.Repeat("k", 32)) })
			c := s.dial(t)
			if err := s.Close(); err != nil { // it tells nobody
				t.Fatal(err)
			}
			s = p.start(t, ok, func(o *h3.Options) { o.ResetKey = []byte(strings.Repeat(key, 32)) })
			str, err := c.OpenStream()
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(str, getHead+strings.Repeat("x", 100))
			late := time.After(2 * time.Second)
			select {
			case <-c.Context().Done():
				if err := context.Cause(c.Context()); !errors.As(err, new(*quic.StatelessResetError)) || key != "k" {
					t.Errorf("the connection ended with %v", err)
				}
			case <-late:
				if key == "k" {
					t.Error("the client waits for a connection that is no more")
				}
			}
			if err := ask(s.client(t)); err != nil {
				t.Error(err)
			}
		})
	}
}
