package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

// The demo's names. Browsers and curl find every name below localhost on this machine without asking DNS.
//
// By default the demo has TLS with a CA of its own, so that what is tried out is what runs later: HTTPS, the cookies'
// __Host- prefix, the SNI gate. The price is a browser's question for each host. --tls off has no such question:
// Chromium and Firefox take *.localhost for trustworthy and keep Secure cookies for it over plain HTTP (seen with
// Chromium 156), Safari does not.
const (
	demoHost        = "deskgate.localhost"
	demoPartnerHost = "partner.localhost"
	demoFile        = "demo.json" // marks a demo's data folder, and keeps the credentials
	demoCAFile      = "ca.pem"
)

// Ports where the demo looks for free ones, upwards.
const (
	demoHTTPS   = 8443
	demoHTTP    = 8080
	demoPartner = 9080
	demoTries   = 100
)

// demoDocument is everything that somebody needs to click through the demo.
type demoDocument struct {
	Data       string        `json:"data"`
	NodeURL    string        `json:"node_url"`
	PartnerURL string        `json:"partner_url"`
	MailURL    string        `json:"mail_url,omitempty"`
	CAFile     string        `json:"ca_file,omitempty"`
	Tenants    []demoTenant  `json:"tenants"`
	Moved      []portMoved   `json:"moved_ports,omitempty"`
	Commands   []demoCommand `json:"commands"`
}

type demoTenant struct {
	Slug     string            `json:"slug"`
	Name     string            `json:"name"`
	URL      string            `json:"url"`
	AgentURL string            `json:"agent_url"`
	Agent    demoAgent         `json:"agent"`
	Secrets  map[string]string `json:"secrets"`
}

type demoAgent struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

type demoCommand struct {
	What    string `json:"what"`
	Command string `json:"command"`
}

type portMoved struct {
	Wanted int `json:"wanted"`
	Got    int `json:"got"`
}

func (p *program) demoCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "demo", short: "a throw-away node with a few tickets, to click through",
		long: `Runs a throw-away node on this machine, without root and without DNS: two tenants with tickets, an agent each, and a page
of a partner whose buttons sign you in. It prints every URL and credential. What it mails goes to nobody: a page beside the partner's shows it. When it ends, everything of it is gone, unless
--data says where it is to be kept.

Its certificates come from a CA of its own, so a browser asks once for each host whether you trust it: for this demo you may.
With --tls off the demo speaks plain HTTP instead, and no browser asks (Safari then signs nobody in: it keeps no secure
cookies for plain HTTP, not even on localhost).

The demo takes settings from flags only, so that it never meets a real node's data.`,
		example: "demo\ndemo --tls off\ndemo --data ./demo --json",
	}, p.demo)
}

// demo runs the node, the partner's page beside it, and fills both with life.
func (p *program) demo(ctx context.Context, _ []string) (err error) {
	d := &demoDocument{}
	s, listeners, err := p.demoSettings(ctx, d)
	if err != nil {
		return err
	}
	if _, kept := p.settings["data"]; !kept {
		defer func() { err = errors.Join(err, os.RemoveAll(s.data)) }()
	}
	if err := demoFolder(s.data); err != nil {
		return errors.Join(err, listeners.close())
	}
	n, err := p.start(ctx, s, listeners.sockets)
	if err != nil {
		return errors.Join(err, listeners.closeOwn())
	}
	d.Data, d.NodeURL = s.data, n.names.URL()
	d.PartnerURL = "http://" + net.JoinHostPort(demoPartnerHost, portOf(listeners.partner))
	if listeners.mail != nil {
		d.MailURL = d.PartnerURL + "/mail"
	}
	return p.untilTold(ctx, n, hooks{
		beside: func(ctx context.Context) error { return d.beside(ctx, listeners) },
		ready: func(ctx context.Context) error {
			if err := d.fill(ctx, n); err != nil {
				return fmt.Errorf("fill the demo: %w", err)
			}
			return p.answer(d, d.people)
		},
	})
}

// demoListeners are opened by the demo, so that nobody takes a port that it found free.
type demoListeners struct {
	sockets

	partner net.Listener
	// mail is nil where the demo is given a mail server.
	mail net.Listener
}

func (l demoListeners) close() error { return errors.Join(l.sockets.close(), l.closeOwn()) }

// closeOwn closes what the node knows nothing of.
func (l demoListeners) closeOwn() error {
	err := l.partner.Close()
	if l.mail != nil {
		err = errors.Join(err, l.mail.Close())
	}
	return err
}

// beside serves what a demo has besides the node: the partner's site, and the mailbox of all.
func (d *demoDocument) beside(ctx context.Context, l *demoListeners) error {
	group, ctx := errgroup.WithContext(ctx)
	var box *mailbox
	if l.mail != nil {
		box = &mailbox{}
		group.Go(func() error { return box.serve(ctx, l.mail) })
	}
	group.Go(func() error { return servePartner(ctx, l.partner, d, box) })
	return group.Wait()
}

// demoStandards are the values that suit a demo where no flag gives one.
func demoStandards() settingValues {
	return settingValues{"tls": {tlsInternal}, "log-format": {"text"}, "log-level": {"warn"}, "node-url": {"https://" + demoHost}}
}

// inDemo is the setting as the help of the demo has it, and whether there is any use for it there.
func (d setting) inDemo() (setting, bool) {
	standards := demoStandards()
	standards["data"] = []string{"a folder that goes with the demo"}
	standards["https"] = []string{fmt.Sprintf("a free port from %d on", demoHTTPS)}
	standards["http"] = []string{fmt.Sprintf("a free port from %d on", demoHTTP)}
	if values := standards[d.name]; values != nil {
		d.standard = values[0]
	}
	switch d.name {
	case "tls":
		d.usage = "internal: certificates from the demo's own CA; off: plain HTTP"
	case "http":
		d.usage = "where the demo sends all to HTTPS, or is with --tls off"
	}
	return d, !slices.ContainsFunc(certificateSettings(), func(c setting) bool { return c.name == d.name })
}

// demoSettings are the flags and, for the rest, what suits a demo.
func (p *program) demoSettings(ctx context.Context, d *demoDocument) (*settings, *demoListeners, error) {
	flags := source{p.settings, func(d setting) string { return "--" + d.name }}
	s, err := resolveFrom([]source{flags, {demoStandards(), setting.variable}})
	if err != nil {
		return nil, nil, err
	}
	if s.tls == tlsACME {
		return nil, nil, &settingError{"--tls", errors.New("a demo has no public name: use internal or off")}
	}
	l := &demoListeners{}
	open := func(wanted string, from int) net.Listener {
		if err != nil {
			return nil
		}
		var one net.Listener
		one, err = listenNear(ctx, wanted, from, d)
		return one
	}
	if s.tls == tlsInternal {
		l.https = open(firstOf(p.settings["https"]), demoHTTPS)
	}
	l.http = open(firstOf(p.settings["http"]), demoHTTP)
	l.partner = open("", demoPartner)
	if err != nil {
		return nil, nil, err
	}
	if _, given := p.settings["node-url"]; !given {
		s.nodeURLs = []string{"https://" + net.JoinHostPort(demoHost, portOf(l.https))}
		if s.tls == tlsOff {
			s.nodeURLs = []string{"http://" + net.JoinHostPort(demoHost, portOf(l.http))}
		}
		s.given["node-url"] = s.nodeURLs
	}
	if s.smtp == nil {
		if l.mail, err = listenForMail(ctx, s); err != nil {
			return nil, nil, errors.Join(err, l.close())
		}
	}
	if _, given := p.settings["data"]; !given {
		s.data, err = os.MkdirTemp("", "deskgate-demo-")
	}
	return s, l, err
}

// listenForMail opens the mailbox's door, and has the node send its mail there.
func listenForMail(ctx context.Context, s *settings) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	url := "smtp://" + l.Addr().String()
	s.given["smtp-url"] = []string{url}
	s.notifyDelay = demoDelay
	s.smtp, err = mail.ParseServer(url)
	return l, err
}

// listenNear listens at the address that is wanted or, without one, at the first free port of this machine from a number on.
func listenNear(ctx context.Context, wanted string, from int, d *demoDocument) (net.Listener, error) {
	var lc net.ListenConfig
	if wanted != "" {
		return lc.Listen(ctx, "tcp", wanted)
	}
	var errs []error
	for port := from; port < from+demoTries; port++ {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			if port != from {
				d.Moved = append(d.Moved, portMoved{from, port})
			}
			return l, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no free port from %d to %d: %w", from, from+demoTries-1, errs[0])
}

// portOf is the port of a listener, nothing for none.
func portOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return ""
	}
	return port
}

// demoFolder makes the folder and marks it as a demo's. One that holds something else is refused.
func demoFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &settingError{"--data", err}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return &settingError{"--data", err}
	}
	mark := filepath.Join(dir, demoFile)
	if len(entries) == 0 {
		return writeFile(mark, []byte("[]"))
	}
	if _, err := os.Stat(mark); err != nil {
		return &settingError{"--data", fmt.Errorf("%s is not empty and is no demo's folder", dir)}
	}
	return nil
}

// fill makes the tenants and their tickets, or takes them over from a demo that ran in this folder before.
func (d *demoDocument) fill(ctx context.Context, n *node) error {
	if n.settings.tls == tlsInternal {
		pem, err := certificate.RootPEM(ctx, n.store)
		if err != nil {
			return err
		}
		d.CAFile = filepath.Join(n.settings.data, demoCAFile)
		if err := writeFile(d.CAFile, pem); err != nil {
			return err
		}
	}
	name := filepath.Join(n.settings.data, demoFile)
	b, err := os.ReadFile(name) //nolint:gosec // it is the demo's own folder
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &d.Tenants); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(d.Tenants) == 0 {
		if err := d.seed(ctx, n); err != nil {
			return err
		}
		if b, err = json.Marshal(d.Tenants); err != nil {
			return err
		}
		if err := writeFile(name, b); err != nil {
			return err
		}
	}
	return d.address(ctx, n)
}

// address fills in what depends on the ports of this run.
func (d *demoDocument) address(ctx context.Context, n *node) error {
	for i := range d.Tenants {
		one := &d.Tenants[i]
		t, err := n.tenants.Set(ctx, one.Slug, map[string]string{"allowed_origins": d.PartnerURL})
		if err != nil {
			return err
		}
		one.URL = n.directory.PrimaryURL(t)
		one.AgentURL = one.URL + "/agent"
	}
	d.Commands = []demoCommand{
		{"tenants", "deskgate tenant list --data " + d.Data},
		{"API", d.curl()},
	}
	return nil
}

// curl is a command that shows the first tenant's tickets.
func (d *demoDocument) curl() string {
	trust := ""
	if d.CAFile != "" {
		trust = "--cacert " + d.CAFile + " "
	}
	t := d.Tenants[0]
	return fmt.Sprintf("curl %s-H 'Authorization: Bearer %s' %s/api/tickets", trust, t.Secrets[secretAPIToken], t.URL)
}

// people prints what to open first, what then, and with which credentials.
func (d *demoDocument) people(b *bytes.Buffer) {
	fmt.Fprintf(b, "\nThe demo is running. Ctrl+C ends it.\n\n")
	for _, m := range d.Moved {
		fmt.Fprintf(b, "Port %d is taken: %d is used instead.\n\n", m.Wanted, m.Got)
	}
	fmt.Fprintf(b, "Begin here: a partner's web site whose buttons sign you in at the help desk\n\n  %s\n\n", d.PartnerURL)
	if d.MailURL != "" {
		fmt.Fprintf(b, "All mail that the demo sends, codes and links among it\n\n  %s\n\n", d.MailURL)
	}
	for _, t := range d.Tenants {
		fmt.Fprintf(b, "%s (tenant %s)\n", t.Name, t.Slug)
		kv := []string{
			"  help desk", t.URL, "  integration guide", t.URL + "/integration",
			"  agents", t.AgentURL, "  agent's email", t.Agent.Email, "  agent's password", t.Agent.Password,
		}
		for _, k := range tenant.Kinds() {
			kv = append(kv, "  "+k.Field(), t.Secrets[k.Field()])
		}
		pairs(b, append(kv, "  "+secretAPIToken, t.Secrets[secretAPIToken])...)
		fmt.Fprintln(b)
	}
	fmt.Fprintf(b, "On another terminal\n")
	for _, c := range d.Commands {
		fmt.Fprintf(b, "  %s\n", c.Command)
	}
	if d.CAFile != "" {
		fmt.Fprintf(b, `
Your browser will say that it doesn't know the certificate's issuer: it is this demo's own CA, made a moment ago on this
machine. Go on (Advanced > Proceed), or import %s, or run: deskgate demo --tls off
`, d.CAFile)
	}
	fmt.Fprintln(b)
}

// demoDelay is how long the demo gathers what happens to a ticket: whoever tries it waits for the letter.
const demoDelay = 5 * time.Second
