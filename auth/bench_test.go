package auth_test

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/deskgate/deskgate/auth"
)

// A whole login: the redirect, and the callback with its session.
func BenchmarkLogin(b *testing.B) {
	for _, level := range []auth.Level{auth.Asserted, auth.Vouched} {
		b.Run(level.String(), func(b *testing.B) {
			h := open(b)
			secret := ""
			b.ReportAllocs()
			for i := range b.N {
				req := post(fmt.Sprintf("u%d@example.com", i%1000), "Bob")
				req.Client.IP = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
				if level == auth.Vouched && i%6000 == 0 {
					secret = h.token(b, h.acme, auth.SessionsCreate) // its count is full
				}
				if level == auth.Vouched {
					req.APIToken = secret
				}
				got, err := h.doors.Redirects.Begin(b.Context(), req)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := h.doors.Handoffs.Arrive(b.Context(), h.at(tokenOf(b, got.URL), click(partner))); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The redirect alone: what a visitor waits for before the browser moves on.
func BenchmarkBegin(b *testing.B) {
	h := open(b)
	b.ReportAllocs()
	var n atomic.Uint32
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			req := post("bob@example.com", "Bob")
			req.Client.IP = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			if _, err := h.doors.Redirects.Begin(b.Context(), req); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkSession(b *testing.B) {
	h := open(b)
	_, secret := h.signIn(b, auth.Vouched, "bob@example.com", "")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.doors.Sessions.Find(b.Context(), h.acme, auth.RequesterSide, acmeHost, secret); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkToken(b *testing.B) {
	h := open(b)
	secret := h.token(b, h.acme, auth.AllScopes)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := h.doors.Tokens.Authenticate(b.Context(), secret); err != nil {
			b.Fatal(err)
		}
	}
}

// A code is made and sealed into a letter, and one is typed that is not it.
func BenchmarkCode(b *testing.B) {
	h := open(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		_, secret := h.signIn(b, auth.Asserted, fmt.Sprintf("u%d@example.com", i), "")
		b.StartTimer()
		h.send(b, secret)
		if _, err := h.doors.Confirmations.Check(b.Context(), h.acme, asks(secret, "00000000")); !errors.Is(err, auth.ErrCodeWrong) {
			b.Fatal(err)
		}
	}
}
