package listener

import (
	"errors"
	"net"
	"sync"
)

// Join makes one listener of several, whose address is that of the first. Of one it makes that one, and of none nil.
func Join(all ...net.Listener) net.Listener {
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return &joined{all: all, came: make(chan arrival), over: make(chan struct{})}
}

// joined accepts from all of them at once, while somebody calls Accept.
type joined struct {
	all   []net.Listener
	begin sync.Once
	came  chan arrival
	over  chan struct{}
	end   sync.Once
}

type arrival struct {
	conn net.Conn
	err  error
}

// Accept implements [net.Listener].
func (j *joined) Accept() (net.Conn, error) {
	j.begin.Do(func() {
		for _, l := range j.all {
			go j.work(l)
		}
	})
	select {
	case a := <-j.came:
		return a.conn, a.err
	case <-j.over:
		return nil, net.ErrClosed
	}
}

func (j *joined) work(l net.Listener) {
	for {
		c, err := l.Accept()
		select {
		case j.came <- arrival{c, err}:
		case <-j.over:
			if c != nil {
				_ = c.Close() // it came too late, and nothing was said on it
			}
			return
		}
		if err != nil && !temporary(err) {
			return
		}
	}
}

// Close implements [net.Listener].
func (j *joined) Close() error {
	j.end.Do(func() { close(j.over) })
	var errs []error
	for _, l := range j.all {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// Addr implements [net.Listener].
func (j *joined) Addr() net.Addr { return j.all[0].Addr() }
