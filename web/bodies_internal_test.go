package web

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tenant"
)

// Bodies that are under way take memory: there is only so much for all, and less for one address. What is answered is free again.
func TestBodiesHaveABudget(t *testing.T) {
	b := newBodies()
	b.most, b.mostPerPeer = 100, 40
	send := func(ip string, size int) (release func(), err error) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat("x", size)))
		release = b.account(r, &tenant.Visit{ClientIP: netip.MustParseAddr(ip)})
		_, err = readBody(httptest.NewRecorder(), r, 1000)
		return release, err
	}
	var held []func()
	for _, tc := range []struct {
		ip   string
		size int
		want error
	}{
		{"192.0.2.1", 30, nil},
		{"192.0.2.1", 20, errBodiesFull},
		{"192.0.2.2", 40, nil},
		{"2001:db8::1", 20, nil},
		{"2001:db8::2", 30, errBodiesFull},
		{"192.0.2.3", 20, errBodiesFull},
		{"192.0.2.3", 10, nil},
	} {
		release, err := send(tc.ip, tc.size)
		if !errors.Is(err, tc.want) {
			t.Errorf("%d bytes from %s: %v, want %v", tc.size, tc.ip, err, tc.want)
		}
		held = append(held, release)
	}
	for _, release := range held {
		release()
	}
	if b.all != 0 || len(b.peers) != 0 {
		t.Errorf("%d bytes of %d peers are held after all were answered", b.all, len(b.peers))
	}
	if _, err := send("192.0.2.1", 40); err != nil {
		t.Errorf("after that: %v", err)
	}
}
