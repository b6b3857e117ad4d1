package h3

import (
	"net"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/net/ipv4"
)

const (
	// quiet is for how long nobody may have begun to say who it is before nobody is taken to: what has come until newcomers were held
	// back is read by then.
	quiet = 20 * time.Millisecond
	// greeted is how long a stop waits for that at most, and glance how often it looks.
	greeted, glance = time.Second, time.Millisecond
)

// takeAll and holdBack are programs that the kernel runs for each packet. The first packets of a connection are Initial ones whose
// destination the client has made up, of 8 bytes at least (RFC 9000, 7.2 and 17.2); what it says after an answer has a
// destination of ours, which is shorter.
var (
	takeAll  = []bpf.Instruction{bpf.RetConstant{Val: 1 << 16}}
	holdBack = []bpf.Instruction{
		bpf.LoadAbsolute{Off: payload, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xb0}, // long or short, and the type
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0x80, SkipFalse: 2},
		bpf.LoadAbsolute{Off: payload + 5, Size: 1}, // the length of the destination
		bpf.JumpIf{Cond: bpf.JumpGreaterOrEqual, Val: 8, SkipTrue: 1},
		bpf.RetConstant{Val: 1 << 16},
		bpf.RetConstant{Val: 0},
	}
)

// payload is where a packet begins, after UDP's own header.
const payload = 8

// filter has the kernel run a program for each packet, and says whether it can. Where it can't, packets come in as ever.
func filter(c net.PacketConn, program []bpf.Instruction) bool {
	if _, ok := c.(*net.UDPConn); !ok {
		return false
	}
	raw, err := bpf.Assemble(program)
	return err == nil && ipv4.NewPacketConn(c).SetBPF(raw) == nil // IPv6 is the same here
}

// depart has clients go elsewhere: newcomers are held back, late requests rejected, and at last the listener is closed. quic-go
// refuses then whoever has only begun to say who it is; so all have the time to say it, even what a busy machine has not read yet.
// Who was held back says it again, and the process that has the port by then hears it.
func (s *Server) depart() error {
	held := filter(s.packets, holdBack)
	for begin, last := time.Now(), time.Now(); time.Since(begin) < greeted && time.Since(last) < quiet; {
		<-time.After(glance)
		if s.greeting.Load() > 0 {
			last = time.Now()
		}
	}
	if held { // or those who are rejected would be taken once more
		s.begin()
		if s.open.Load() > 0 {
			<-time.After(linger)
		}
	}
	err := s.listener.Close()
	s.begin()
	return err
}
