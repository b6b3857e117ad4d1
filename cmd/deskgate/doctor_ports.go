package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
	"time"
)

// place is where the node listens.
type place struct{ network, address string }

func (s *settings) places() []place {
	all := []place{{"tcp", s.http}}
	if s.tls != tlsOff {
		all = append(all, place{"tcp", s.https})
		if s.http3 {
			all = append(all, place{"udp", s.https})
		}
	}
	return all
}

// examinePorts tries to listen where the node would or, where one runs, whether it answers there.
func examinePorts(ctx context.Context, s *settings) []diagnosis {
	runs := false
	if c, err := dialAdmin(ctx, s.data); err == nil {
		_ = c.Close()
		runs = true
	}
	var found []diagnosis
	for _, p := range s.places() {
		if runs {
			found = append(found, examineAnswer(ctx, p)...)
		} else {
			found = append(found, examinePort(ctx, p)...)
		}
	}
	return found
}

// examineAnswer looks whether the running node listens at a place: it might have been started with other settings.
func examineAnswer(ctx context.Context, p place) []diagnosis {
	host, port, err := net.SplitHostPort(p.address)
	if err != nil || p.network != "tcp" {
		return nil
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return one(fmt.Sprintf("a node runs on this data folder, and nothing listens at %s: %v", p.address, err),
			"give doctor the settings that serve has, or restart the node")
	}
	_ = c.Close()
	return nil
}

// examinePort tries to listen.
func examinePort(ctx context.Context, p place) []diagnosis {
	var lc net.ListenConfig
	var l io.Closer
	var err error
	if p.network == "udp" {
		l, err = lc.ListenPacket(ctx, p.network, p.address)
	} else {
		l, err = lc.Listen(ctx, p.network, p.address)
	}
	what := p.address
	if p.network == "udp" {
		what += " (UDP)"
	}
	switch {
	case err == nil:
		_ = l.Close()
		return nil
	case errors.Is(err, fs.ErrPermission):
		return one("this user may not listen at "+what,
			lowPortFix)
	case errors.Is(err, syscall.EADDRINUSE):
		return one("something else listens at "+what, takenPortFix(p.network, p.address))
	}
	return one(fmt.Sprintf("can't listen at %s: %v", what, err), "choose another address")
}
