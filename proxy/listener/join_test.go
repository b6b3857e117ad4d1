package listener_test

import (
	"errors"
	"net"
	"testing"

	"github.com/deskgate/deskgate/proxy/listener"
)

// Of several listeners one is made: it takes connections from each, and ends with all of them.
func TestJoin(t *testing.T) {
	var all []net.Listener
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	if listener.Join() != nil || listener.Join(all[0]) != all[0] {
		t.Error("none is not nil, or one is not itself")
	}
	joined := listener.Join(all...)
	for _, l := range all {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		got, err := joined.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if got.LocalAddr().String() != l.Addr().String() {
			t.Errorf("a connection of %s, want one of %s", got.LocalAddr(), l.Addr())
		}
		got.Close()
	}
	if err := joined.Close(); err != nil {
		t.Error(err)
	}
	if _, err := joined.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	for _, l := range all {
		if c, err := net.Dial("tcp", l.Addr().String()); err == nil {
			c.Close()
			t.Errorf("%s is still open", l.Addr())
		}
	}
}
