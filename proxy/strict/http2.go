package strict

import (
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// Budget is how many frames that carry nothing one HTTP/2 connection may send: at once, and each second after that. Every
// KiB of bodies and answers that the connection carries is good for one more, as those need such frames (WINDOW_UPDATE).
type Budget struct {
	Burst, PerSecond int
}

// Frame types of RFC 9113 §6 that are told apart here.
const (
	frameData    = 0x0
	frameHeaders = 0x1
	frameReset   = 0x3

	frameHeader = 9 // bytes
	endStream   = 0x1

	resetCost = 10 // to take a request back costs more than a ping: it was begun to be answered
)

// preface is what an HTTP/2 client says first.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// Conn2 is a connection on which a client speaks HTTP/2.
type Conn2 struct {
	net.Conn
	budget  Budget
	refused func(reason string)
	err     error

	header  [frameHeader]byte
	have    int     // bytes of header
	left    int64   // bytes of a frame that are no header
	greeted int     // bytes of the preface
	spent   float64 // of the budget
	bytes   int64   // of bodies that came in and have paid for nothing yet
	since   time.Time
	written atomic.Int64
}

// HTTP2 counts along with whoever reads from the connection.
func HTTP2(c net.Conn, b Budget, refused func(reason string)) *Conn2 {
	return &Conn2{Conn: c, budget: b, refused: refused, since: time.Now()}
}

// Read implements [net.Conn]. It fails when the client's budget is used up.
func (c *Conn2) Read(p []byte) (int, error) {
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		if c.greeted < len(preface) {
			if rest[0] != preface[c.greeted] {
				return 0, c.refuse("preface")
			}
			rest = rest[1:]
			c.greeted++
			continue
		}
		if c.left > 0 {
			k := min(int64(len(rest)), c.left)
			rest, c.left = rest[k:], c.left-k
			continue
		}
		k := copy(c.header[c.have:], rest)
		rest = rest[k:]
		if c.have += k; c.have < frameHeader {
			break
		}
		c.have = 0
		if !c.pays() {
			return 0, c.refuse("frames")
		}
	}
	return n, err
}

// refuse ends the connection for who reads: as an error of the network, which nobody answers.
func (c *Conn2) refuse(reason string) error {
	c.err = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("refused: " + reason)}
	if c.refused != nil {
		c.refused(reason)
	}
	return c.err
}

// pays looks at a frame's header and says whether there is budget for it. A body's bytes and a request pay for themselves.
func (c *Conn2) pays() bool {
	c.left = int64(c.header[0])<<16 | int64(binary.BigEndian.Uint16(c.header[1:]))
	switch kind, flags := c.header[3], c.header[4]; {
	case kind == frameData && c.left > 0:
		c.bytes += c.left
		return true
	case kind == frameData && flags&endStream != 0, kind == frameHeaders:
		return true
	case kind == frameReset:
		c.spent += resetCost
	default:
		c.spent++
	}
	if c.spent < float64(c.budget.Burst) {
		return true
	}
	earned := time.Since(c.since).Seconds()*float64(c.budget.PerSecond) + float64(c.bytes+c.written.Swap(0))/1024
	c.since, c.bytes = time.Now(), 0
	c.spent = max(0, c.spent-earned)
	return c.spent < float64(c.budget.Burst)
}

// Write implements [net.Conn].
func (c *Conn2) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}
