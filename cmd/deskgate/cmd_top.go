package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/proxy/live"
)

// topDocument is one look at a running node.
type topDocument struct {
	Traffic live.Traffic `json:"traffic"`
	State   nodeState    `json:"state"`
}

type topFlags struct {
	once     bool
	interval time.Duration
	sort     string
}

func (p *program) topCommand() *cobra.Command {
	var f topFlags
	c := p.leaf(lesson{
		use: "top", short: "live view of the running node: hosts, rates, errors, certificates, queues",
		long: `Shows what the running node does at the moment: how many requests each host gets, how many of them fail and how long they take,
and how certificates, upstreams and queues are. The node counts by host only while somebody looks.

Keys: q ends it; s goes to the next order, r sorts by requests, e by errors, t by time, b by bytes, h by host.
Where the output is no terminal, or one that can do nothing but print (TERM=dumb), and with --once or --json, it looks once.`,
		example: "top --data /var/lib/deskgate\ntop --once --interval 10s --sort errors\ntop --json",
	}, func(ctx context.Context, _ []string) error { return p.top(ctx, f) })
	c.Flags().BoolVar(&f.once, "once", false, "look once")
	c.Flags().DurationVar(&f.interval, "interval", 2*time.Second, "how long each look takes")
	c.Flags().StringVar(&f.sort, "sort", "requests", "`WAY` to sort hosts: requests, errors, time, bytes or host")
	return c
}

func (p *program) top(ctx context.Context, f topFlags) error {
	order, known := orders()[f.sort]
	if !known {
		return &usageError{"deskgate top", fmt.Sprintf("--sort %q is not requests, errors, time, bytes or host", f.sort)}
	}
	if f.interval < 100*time.Millisecond || f.interval > longestWatch {
		return &usageError{"deskgate top", "--interval is between 100ms and 1m"}
	}
	s, err := p.forCommand()
	if err != nil {
		return err
	}
	conn, err := dialAdmin(ctx, s.data)
	if errors.Is(err, errNoNode) {
		return errNoEdge
	}
	if err != nil {
		return err
	}
	c := clientOver(s.data, conn)
	defer c.CloseIdleConnections()
	look := func(ctx context.Context) (topDocument, error) { return lookOnce(ctx, c, f.interval) }
	screen, interactive := p.out.(*os.File)
	if interactive = interactive && !f.once && !p.asJSON; interactive {
		term := p.getenv("TERM")
		interactive = isTerminal(screen) && term != "" && term != "dumb"
	}
	if interactive {
		return watchLive(ctx, p.in, screen, look, order)
	}
	d, err := look(ctx)
	if err != nil {
		return err
	}
	if p.asJSON {
		return p.printJSON(d)
	}
	for _, line := range d.lines(view{width: 120, height: len(d.Traffic.Hosts) + 20, order: order, now: time.Now()}) {
		fmt.Fprintln(p.out, line)
	}
	return nil
}

// lookOnce looks at the traffic for the interval, and how the rest is at its end.
func lookOnce(ctx context.Context, c *http.Client, interval time.Duration) (d topDocument, err error) {
	d.Traffic, err = overSocket[watching, live.Traffic](ctx, c, watchTraffic.path(), watching{int(interval.Milliseconds())})
	if err != nil {
		return d, err
	}
	d.State, err = overSocket[nothing, nodeState](ctx, c, stateShow.path(), nothing{})
	return d, err
}
