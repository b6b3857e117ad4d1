package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"syscall"
)

// lowPortFix lets a user who is not root listen below port 1024.
const lowPortFix = "use deploy/deskgate.service, or: sudo setcap cap_net_bind_service=+ep $(command -v deskgate), or ports above 1023"

// takenPortFix finds who listens at an address already.
func takenPortFix(network, address string) string {
	_, port, _ := net.SplitHostPort(address)
	return fmt.Sprintf("find it with: sudo ss -lnp -A %s 'sport = :%s', and stop it, or choose another address", network, port)
}

// withPortFix adds to an error about a port what to do.
func withPortFix(err error) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "listen" || op.Addr == nil {
		return err
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w; %s", err, takenPortFix(op.Net, op.Addr.String()))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; %s", err, lowPortFix)
	}
	return err
}
