package proxy_test

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy"
)

// BenchmarkStrangers makes 5,000 handshakes a second for names that nobody has here, each on a connection of its own, while a
// tenant's page is asked for 200 times a second. "p99-ratio" is how much longer that takes then; "cpu-µs/hello" is the whole
// process, in which the clients are as well; "heap-growth-KiB" is what is live after it.
func BenchmarkStrangers(b *testing.B) {
	n := newNode(b, proxy.Internal)
	n.config.Log = slog.New(slog.DiscardHandler)
	n.start(b)
	c := n.dial2(b)
	if err := c.conn.SetDeadline(time.Time{}); err != nil {
		b.Fatal(err)
	}
	id := uint32(1)
	ask := func() time.Duration {
		start := time.Now()
		if status, err := c.ask(id, stream{fields: asked()}); status != 200 || err != nil {
			b.Fatal(status, err)
		}
		took := time.Since(start)
		if err := c.WriteWindowUpdate(0, 64); err != nil { // about what the page has
			b.Fatal(err)
		}
		id += 2
		return took
	}
	const round, perSecond, senderCount = 3 * time.Second, 5000, 50
	hello := helloFor(b, "nobody.example")
	var quiet, flooded []time.Duration
	var hellos atomic.Int64
	var spent time.Duration
	before := live()
	for b.Loop() {
		quiet = append(quiet, paced(round, ask)...)
		stop := make(chan struct{})
		var senders sync.WaitGroup
		for i := range senderCount {
			senders.Go(func() {
				<-time.After(time.Duration(i) * time.Second / perSecond) // one after the other
				n.knock(hello, senderCount*time.Second/perSecond, stop, &hellos)
			})
		}
		start := cpu()
		flooded = append(flooded, paced(round, ask)...)
		spent += cpu() - start
		close(stop)
		senders.Wait()
	}
	b.ReportMetric(float64(p99(quiet).Microseconds()), "quiet-p99-µs")
	b.ReportMetric(float64(p99(flooded).Microseconds()), "flooded-p99-µs")
	b.ReportMetric(float64(p99(flooded))/float64(p99(quiet)), "p99-ratio")
	b.ReportMetric(float64(spent.Microseconds())/float64(hellos.Load()), "cpu-µs/hello")
	b.ReportMetric(float64(hellos.Load())/(float64(b.N)*round.Seconds()), "hellos/s")
	b.ReportMetric((live()-before)/1024, "heap-growth-KiB")
}

// knock sends the hello at a pace until it is told to stop, and waits for each alert.
func (n *node) knock(hello []byte, pause time.Duration, stop chan struct{}, count *atomic.Int64) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		c, err := net.Dial("tcp", n.server.HTTPSAddr().String())
		if err != nil {
			continue
		}
		if _, err := c.Write(hello); err == nil {
			_, _ = io.Copy(io.Discard, c) // the alert, and that the connection is closed
			count.Add(1)
		}
		c.Close()
	}
}

// paced does something 200 times a second.
func paced(d time.Duration, do func() time.Duration) (all []time.Duration) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		<-tick.C
		all = append(all, do())
	}
	return all
}

func p99(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)*99/100]
}

// live is how many bytes are in use.
func live() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// helloFor is what a client says first.
func helloFor(tb testing.TB, name string) []byte {
	tb.Helper()
	w := &silent{}
	if err := tls.Client(w, &tls.Config{ServerName: name, NextProtos: []string{"h2", "http/1.1"}}).HandshakeContext(tb.Context()); err == nil {
		tb.Fatal("a handshake with nobody")
	}
	return w.Bytes()
}

// silent is a connection that takes everything and never answers.
type silent struct {
	bytes.Buffer
	net.Conn
}

func (s *silent) Read([]byte) (int, error)    { return 0, io.EOF }
func (s *silent) Write(p []byte) (int, error) { return s.Buffer.Write(p) }
func (s *silent) Close() error                { return nil }
