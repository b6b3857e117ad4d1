package proxy_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/deskgate/deskgate/proxy"
)

// flood is one way of keeping an HTTP/2 server busy with frames that carry nothing.
type flood struct {
	name  string
	begin func(c *client2) error
	frame func(c *client2, i int) error
}

func floods() []flood {
	open := func(c *client2) error {
		return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(asked(":method", "POST")), EndHeaders: true})
	}
	nothing := func(*client2) error { return nil }
	request := block(asked())
	return []flood{
		{"PING", nothing, func(c *client2, i int) error { return c.WritePing(false, [8]byte{byte(i), byte(i >> 8)}) }},
		{"SETTINGS", nothing, func(c *client2, i int) error {
			return c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(65535 + i%2)})
		}},
		{"PRIORITY", nothing, func(c *client2, i int) error {
			return c.WritePriority(uint32(2*i+1), http2.PriorityParam{Weight: byte(i)})
		}},
		{"WINDOW_UPDATE", nothing, func(c *client2, _ int) error { return c.WriteWindowUpdate(0, 1) }},
		{"empty DATA", open, func(c *client2, _ int) error { return c.WriteData(1, false, nil) }},
		{"unknown frames", nothing, func(c *client2, i int) error { return c.WriteRawFrame(http2.FrameType(0x20+i%64), 0, 0, nil) }},
		{"rapid reset", nothing, func(c *client2, i int) error {
			id := uint32(2*i + 1)
			if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: request, EndHeaders: true, EndStream: true}); err != nil {
				return err
			}
			return c.WriteRSTStream(id, http2.ErrCodeCancel)
		}},
		{"CONTINUATION", func(c *client2) error {
			return c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: request[:1]})
		}, func(c *client2, _ int) error { return c.WriteContinuation(1, false, block([]string{"x", "y"})) }},
	}
}

// Who floods is cut off after some thousand frames, and everybody else is served.
func TestFloods(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})
	n.start(t)
	other := n.secureClient(t, "", n.roots(t))
	for _, f := range floods() {
		c := n.dial2(t)
		if err := f.begin(c); err != nil {
			t.Fatal(err)
		}
		cut := make(chan struct{})
		go func() {
			defer close(cut)
			_, _ = io.Copy(io.Discard, c.conn) // until it is closed
		}()
		sent, most := 0, 30_000
		for ; sent < most; sent++ {
			if err := f.frame(c, sent); err != nil {
				break
			}
			select {
			case <-cut:
				most = sent
			default:
			}
		}
		select {
		case <-cut:
		case <-time.After(5 * time.Second):
			t.Errorf("%s: %d frames were taken", f.name, sent)
		}
		t.Logf("%s: cut off after %d frames", f.name, sent)
		res, err := other.Get("https://" + acmeHost + "/")
		if err != nil {
			t.Fatalf("%s: somebody else: %v", f.name, err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: somebody else got %d", f.name, res.StatusCode)
		}
	}
}

// What honest clients send of such frames is no flood: a download takes a WINDOW_UPDATE for every few frames of it.
func TestNoFlood(t *testing.T) {
	n := newNode(t, proxy.Internal)
	const size = 64 << 20
	n.config.Product = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		part := make([]byte, 16<<10)
		for range size / len(part) {
			if _, err := w.Write(part); err != nil {
				t.Error(err)
				return
			}
		}
	})
	n.start(t)
	c := n.dial2(t)
	if err := c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block(asked()), EndHeaders: true, EndStream: true}); err != nil {
		t.Fatal(err)
	}
	const eager = 4 << 10 // nobody gives back less at a time
	got, owed := 0, 0
	for ended := false; !ended; { // not only until all is here: the server has to know that it is
		f, err := c.ReadFrame()
		if err != nil {
			t.Fatalf("after %d bytes: %v", got, err)
		}
		if d, ok := f.(*http2.DataFrame); ok {
			got += len(d.Data())
			owed += len(d.Data())
			ended = d.StreamEnded()
		}
		if owed < eager {
			continue
		}
		for _, id := range []uint32{0, 1} { // in more pieces than anybody needs
			for _, part := range []int{owed / 2, owed - owed/2} {
				if err := c.WriteWindowUpdate(id, uint32(part)); err != nil {
					t.Fatal(err)
				}
			}
		}
		owed = 0
	}
	if got != size {
		t.Errorf("got %d bytes of %d", got, size)
	}
}

// A browser that has a connection to one tenant and finds another's name in its certificate, or at its address, may ask there.
func TestOneConnectionForTwoTenants(t *testing.T) {
	n := newNode(t, proxy.Internal)
	n.start(t)
	c := n.dial2(t)
	for i, tc := range []struct {
		host string
		want int
	}{{acmeHost, 200}, {"bee.tickets.example", 421}, {"tickets.example", 421}, {"nobody.example", 421}, {acmeHost, 200}} {
		if got, err := c.ask(uint32(2*i+1), stream{fields: asked(":authority", tc.host)}); got != tc.want || err != nil {
			t.Errorf("%s over the connection to %s: %d, %v, want %d", tc.host, acmeHost, got, err, tc.want)
		}
	}
}
