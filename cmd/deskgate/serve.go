package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/proxy"
	"github.com/deskgate/deskgate/proxy/accesslog"
	"github.com/deskgate/deskgate/proxy/trace"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/web"
)

func (p *program) serveCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "serve", short: "run the node",
		long: `Runs the node until it is told to stop. Point the DNS of the node URL's host, and of everything below it, to this machine.

SIGTERM lets running requests finish and ends the node with exit code 0; a second one ends it at once. SIGHUP reads the
settings' file again. Logs go to stderr. The other commands reach the node through admin.sock in the data folder.

Secrets need not stand in flags: DESKGATE_MASTER_KEY is the key that seals all tenants' keys (else DATA/master.key, made at
the first start), and it (master.key), the SMTP URL (smtp-url), the CAs' external accounts (acme-eab) and the key for the
node's zone (acme-dns-key) may be credentials of systemd.`,
		example: `serve --node-url https://tickets.example.com --data /var/lib/deskgate
serve --config /etc/deskgate.toml
serve --node-url https://deskgate.localhost:8443 --tls internal --https :8443 --http :8080
serve --node-url https://tickets.example.com --tls off --http 127.0.0.1:8080 --trusted-proxy 127.0.0.1`,
	}, p.serve)
}

// node is a running node.
type node struct {
	*operator // the rooms

	settings *settings
	reloads  reloads        // how reading the settings again went
	access   *accesslog.Log // nil: there is none of its own
	tracer   *trace.Tracer  // nil: nothing is traced
	admin    net.Listener
	log      *slog.Logger
	level    *slog.LevelVar
}

func (p *program) serve(ctx context.Context, _ []string) error {
	s, err := p.resolve()
	if err != nil {
		return err
	}
	l, err := activated()
	if err != nil {
		return err
	}
	n, err := p.start(ctx, s, l)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // told to stop before it ran, which is no failure of a service
	}
	if err != nil {
		return err
	}
	return p.untilTold(ctx, n, hooks{
		ready:  func(ctx context.Context) error { n.greet(ctx, append(s.vain(), p.strays()...)); return nil },
		reload: func(ctx context.Context) { p.reload(ctx, n) },
	})
}

// start opens the data folder, and the listeners that are not open already. The node that it returns has to be Run.
func (p *program) start(ctx context.Context, s *settings, l sockets) (*node, error) {
	if _, err := s.node(); err != nil {
		return nil, err
	}
	p.bound(s)
	n := &node{settings: s, level: &slog.LevelVar{}}
	n.reloads.note(true)
	n.level.Set(s.logLevel)
	n.log = p.logger(s.logFormat, n.level)
	slog.SetDefault(n.log) // some libraries have nobody else to talk to
	if err := os.MkdirAll(s.data, 0o700); err != nil {
		return nil, &settingError{"--data", err}
	}
	told := false
	err := patiently(ctx, func() (err error) {
		n.operator, err = open(ctx, s, n.log)
		if errors.Is(err, storage.ErrInUse) && !told {
			told = true
			n.log.InfoContext(ctx, "waiting until the data folder is free", "reason", err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := n.listen(ctx, p, l); err != nil {
		return nil, errors.Join(withPortFix(err), n.close())
	}
	return n, nil
}

// bound keeps the process to the memory that it may hold.
func (p *program) bound(s *settings) {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(s.memory)
	}
}

func (p *program) logger(format string, level slog.Leveler) *slog.Logger {
	o := &slog.HandlerOptions{Level: level}
	if format == "text" {
		return slog.New(slog.NewTextHandler(p.errs, o))
	}
	return slog.New(slog.NewJSONHandler(p.errs, o))
}

// farewell is how long visitors are asked to come over new connections when the node stops, and systemd keeps its sockets.
const farewell = time.Second

// listen builds what stands in front of the rooms.
func (n *node) listen(ctx context.Context, p *program, l sockets) error {
	if err := remember(n.settings); err != nil {
		return err
	}
	product, err := web.New(web.Config{
		Directory: n.directory, Tenants: n.tenants, Domains: n.domains, Doors: n.doors, Staff: n.staff, OIDC: n.oidc, Passkeys: n.passkeys, Desk: n.desk, Webhooks: n.webhooks, Rules: n.rules, Eraser: n.eraser, Transfers: n.transfers, Notifier: n.notifier, Log: n.log,
	})
	if err != nil {
		return err
	}
	config, err := n.settings.edge()
	if err != nil {
		return err
	}
	config.Store, config.Directory, config.Domains, config.Node, config.Spans = n.store, n.directory, n.domains, n.names, n.spans
	config.Product, config.Gate, config.Log, config.Numbers = product, product, n.log, append(n.numbers(), n.reloads.numbers()...) //nolint:contextcheck // asked for long after
	config.Page = func(r *http.Request, v *tenant.Visit, n proxy.Notice) proxy.Page {
		return proxy.Page(product.Notice(r, v, web.Notice(n)))
	}
	if err := n.openAccessLog(p, &config); err != nil {
		return err
	}
	if err := n.openTracer(ctx, p, &config); err != nil {
		return err
	}
	if l.given() {
		config.Farewell = farewell
	}
	config.HTTPListener, config.HTTPSListener, config.HTTPSPackets, config.MetricsListener = l.http, l.https, l.packets, l.metrics
	if n.edge, err = proxy.New(ctx, config); err != nil {
		return err
	}
	n.admin, err = listenAdmin(ctx, n.settings.data)
	return err
}

// edge is the part of proxy's configuration that the settings decide.
func (s *settings) edge() (proxy.Config, error) {
	c := proxy.Config{
		HTTP: s.http, HTTPS: s.https, Metrics: s.metrics, TLS: proxy.TLSMode(s.tls),
		TrustedProxies: s.trustedProxies, ProxyProtocol: s.proxyProtocol, MaxConnections: s.maxConnections, HTTP3: s.http3, ECH: s.ech, MetricsTenants: s.metricsTenants,
		ChallengeHTTP: s.acmeHTTPPort, ChallengeTLS: s.acmeTLSPort,
	}
	var err error
	if c.ACME.Authorities, err = s.authorities(); err != nil {
		return c, err
	}
	c.ACME.DNS, err = s.zone()
	return c, err
}

// Run serves until ctx ends and then stops in order: no new requests, the running ones, the work behind them, the store.
// What runs beside the node may be nil.
func (n *node) Run(ctx context.Context, beside func(context.Context) error) error {
	admin := &admin{operator: n.operator, log: n.log}
	front := stage{n.edge.Run}
	if beside != nil {
		front = append(front, beside)
	}
	err := runStages(ctx, front,
		stage{n.domains.Run, n.desk.Run, n.desk.RunHeld, n.desk.Live.Run, n.webhooks.Run, n.lookout.Run, n.tenants.Run, n.notifier.Run, n.post.Run, n.eraser.Run, n.transfers.Run, func(ctx context.Context) error { return admin.Run(ctx, n.admin) }},
		stage{n.doors.Run, n.directory.Run},
		stage{n.store.Run},
	)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSpans)
	defer cancel()
	if err := n.tracer.Close(last); err != nil {
		n.log.WarnContext(last, "the last traces were not sent", "error", err)
	}
	return errors.Join(err, n.store.Close(), n.access.Close())
}

// close ends a node that never ran.
func (n *node) close() error {
	var errs []error
	if n.admin != nil {
		errs = append(errs, n.admin.Close())
	}
	if n.edge != nil {
		errs = append(errs, n.edge.Close())
	}
	return errors.Join(append(errs, n.store.Close())...)
}

// greet logs what an operator wants to know first, and what is wrong with the settings without keeping the node from running.
func (n *node) greet(ctx context.Context, doubts []string) {
	attrs := []any{
		"node_url", n.names.URL(), "data", n.settings.data, "tls", n.settings.tls,
		"http", n.edge.HTTPAddr().String(), "version", thisVersion().Version,
	}
	if a := n.edge.HTTPSAddr(); a != nil {
		attrs = append(attrs, "https", a.String())
	}
	n.log.InfoContext(ctx, "the node is ready", attrs...)
	list, err := n.tenants.List(ctx)
	if err == nil && len(list) == 0 {
		n.log.InfoContext(ctx, "there are no tenants yet", "next", "deskgate tenant create SLUG --data "+n.settings.data)
	}
	if !n.post.Ready() {
		n.log.InfoContext(ctx, "no --smtp-url: the node sends no mail, and what needs it says so")
	}
	if n.settings.tls == tlsOff && len(n.settings.trustedProxies) == 0 {
		n.log.WarnContext(ctx, "--tls off without --trusted-proxy: visitors' addresses are those of the edge in front, if there is one")
	}
	for _, d := range doubts {
		n.log.WarnContext(ctx, "set in vain", "what", d)
	}
}
