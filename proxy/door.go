package proxy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/proxy/listener"
)

// door is a listener and the server behind it.
type door struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{} // closed when all who have come are the server's
	http1    *atomic.Int64 // connections of HTTP/1 that the server has
}

func newDoor(l net.Listener, s *http.Server) door {
	d := door{l, s, make(chan struct{}), new(atomic.Int64)}
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if known, ok := c.(*listener.Conn); !ok || !known.HTTP1() {
			return
		}
		switch state {
		case http.StateNew:
			d.http1.Add(1)
		case http.StateClosed, http.StateHijacked:
			d.http1.Add(-1)
		case http.StateActive, http.StateIdle:
		}
	}
	return d
}

func (d door) serve() error {
	defer close(d.done)
	if err := d.server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// drain stops accepting, and waits for those who have come. A server that is shut down gives up without a word what it has not
// read the head of: connections that are just made ready, and HTTP/1 requests on their way. So before it is told, all have the
// time to say what they want, and to hear that it was the last.
func (d door) drain(ctx context.Context) error {
	_ = d.listener.Close() // those who have come are still handed out; it is closed again at the end, where errors count
	late, cancel := context.WithTimeout(ctx, newcomerTime)
	defer cancel()
	select {
	case <-d.done:
	case <-late.Done():
	}
	d.server.SetKeepAlivesEnabled(false)
	look := time.NewTicker(departureLook)
	defer look.Stop()
	for d.http1.Load() > 0 && late.Err() == nil {
		select {
		case <-look.C:
		case <-late.Done():
		}
	}
	return d.server.Shutdown(ctx)
}
