package h1

import "syscall"

// probe looks at a socket without waiting.
type probe struct {
	look   func(fd uintptr) bool // for syscall.RawConn, made once
	silent bool                  // what it found
	one    [1]byte
}

func (p *probe) ask() {
	p.look = func(fd uintptr) bool {
		_, err := syscall.Read(int(fd), p.one[:])
		p.silent = err == syscall.EAGAIN
		return true
	}
}
