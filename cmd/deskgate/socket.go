package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// socketName is the admin socket inside the data folder. Whoever can open it is the operator.
const socketName = "admin.sock"

// socketLimit is the kernel's bound on a socket's path; longer ones go through the folder's descriptor.
const socketLimit = 100

// socketAddress returns a path of the socket in dir that is short enough for the kernel, and what to call when the path
// is needed no more.
func socketAddress(dir string) (path string, release func() error, err error) {
	path = filepath.Join(dir, socketName)
	if len(path) <= socketLimit {
		return path, func() error { return nil }, nil
	}
	f, err := os.Open(dir) //nolint:gosec // the operator names the folder
	if err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(f.Fd())), socketName), f.Close, nil
}

// adminListener is the admin socket of a running node.
type adminListener struct {
	net.Listener
	release func() error
}

// listenAdmin opens the admin socket in the data folder. The caller holds the lock of the store in that folder, so that a
// socket that is there already was left behind by a process that is gone.
func listenAdmin(ctx context.Context, dir string) (net.Listener, error) {
	path, release, err := socketAddress(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(err, release())
	}
	// The mode is set before the socket has a name: there is no moment at which others can open it.
	private := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.Fchmod(int(fd), 0o600) })
		return errors.Join(err, failed)
	}}
	l, err := private.Listen(ctx, "unix", path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the admin socket: %w", err), release())
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close(), release())
	}
	return &adminListener{l, release}, nil
}

func (l *adminListener) Close() error { return errors.Join(l.Listener.Close(), l.release()) }

// errNoNode: no node answers in the data folder.
var errNoNode = errors.New("no node runs")

// dialAdmin connects to the node that runs on the data folder, or returns errNoNode.
func dialAdmin(ctx context.Context, dir string) (net.Conn, error) {
	path, release, err := socketAddress(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoNode
	}
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	err = errors.Join(err, release())
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, errNoNode
	}
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%s belongs to another user: run this as the user of the node, or as root", filepath.Join(dir, socketName))
	}
	return c, err
}
