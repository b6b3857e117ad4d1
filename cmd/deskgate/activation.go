package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/deskgate/deskgate/proxy/listener"
)

// sockets are what systemd opened for the node. It keeps them open while the node is restarted, so that whoever comes meanwhile
// waits instead of being refused.
type sockets struct {
	http, https, metrics net.Listener
	packets              net.PacketConn // for HTTP/3
}

// given says whether there are any.
func (s *sockets) given() bool { return s.http != nil || s.https != nil || s.packets != nil }

// activated returns systemd's sockets. Their names (FileDescriptorName=, or else the unit's name) say which is which; several
// may have the same name. A datagram socket is for HTTP/3.
func activated() (s sockets, err error) {
	found := map[string][]net.Listener{}
	for _, f := range activation.Files(true) {
		if err := s.take(f, found); err != nil {
			return s, errors.Join(fmt.Errorf("socket activation: %w", err), s.close())
		}
	}
	s.http, s.https, s.metrics = listener.Join(found["http"]...), listener.Join(found["https"]...), listener.Join(found["metrics"]...)
	return s, nil
}

// take finds out what a socket is for. The file is closed.
func (s *sockets) take(f *os.File, found map[string][]net.Listener) error {
	defer f.Close()
	kind := ""
	for _, word := range []string{"https", "http", "metrics"} {
		if strings.Contains(f.Name(), word) {
			kind = word
			break
		}
	}
	if kind == "" {
		return fmt.Errorf("the socket %q has none of https, http and metrics in its name (FileDescriptorName=)", f.Name())
	}
	if l, err := net.FileListener(f); err == nil {
		found[kind] = append(found[kind], l)
		return nil
	}
	p, err := net.FilePacketConn(f)
	switch {
	case err != nil:
		return fmt.Errorf("the socket %q: %w", f.Name(), err)
	case kind == "metrics":
		return errors.Join(fmt.Errorf("the datagram socket %q: metrics have none", f.Name()), p.Close())
	case s.packets != nil:
		return errors.Join(fmt.Errorf("more than one datagram socket is called %q: let one listen on all addresses", f.Name()), p.Close())
	}
	s.packets = p
	return nil
}

func (s *sockets) close() error {
	var errs []error
	for _, l := range []net.Listener{s.http, s.https, s.metrics} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if s.packets != nil {
		errs = append(errs, s.packets.Close())
	}
	return errors.Join(errs...)
}
