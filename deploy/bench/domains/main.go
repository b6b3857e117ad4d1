// Command domains measures a node with very many verified domains: how long counting them takes, how long it takes from its start until it
// answers, and what it holds then. It fills a data folder with them, through the registry, with a DNS in which everything is right; or takes one that it
// has filled before.
//
//	go build -o deskgate ./cmd/deskgate && go run ./deploy/bench/domains -dir /var/tmp/domains -domains 100000
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/tickets"
)

type settings struct {
	binary, dir string
	domains     int
	starts      int
}

func main() {
	var s settings
	flag.StringVar(&s.binary, "binary", "./deskgate", "the program to measure")
	flag.StringVar(&s.dir, "dir", "", "where the data folder is and stays")
	flag.IntVar(&s.domains, "domains", 100_000, "verified domains, a hundred for each tenant")
	flag.IntVar(&s.starts, "starts", 5, "how often the node is started")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := errors.New("-dir is required")
	if s.dir != "" {
		err = run(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "domains:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	began := time.Now()
	made, err := fill(ctx, s)
	if err != nil {
		return err
	}
	fmt.Printf("%d domains made, %d there, in %v\n", made, s.domains, time.Since(began).Round(time.Millisecond))
	if err := count(ctx, s); err != nil {
		return err
	}
	var took []time.Duration
	for range s.starts {
		t, err := start(ctx, s)
		if err != nil {
			return err
		}
		took = append(took, t)
	}
	if s.starts == 0 {
		return nil
	}
	slices.Sort(took)
	fmt.Printf("from the start of the process to a tenant's page: median %v, worst %v\n", took[len(took)/2], took[len(took)-1])
	return nil
}

const (
	perTenant = 100
	writers   = 16
	address   = "203.0.113.1"
)

// right is a DNS in which every name has the node's address and nothing else.
type right struct{}

func (right) TXT(context.Context, string) ([]string, error)       { return nil, nil }
func (right) CNAMEs(context.Context, string) ([]string, error)    { return nil, nil }
func (right) CAA(context.Context, string) ([]domain.CAA, error)   { return nil, nil }
func (right) Apex(_ context.Context, name string) (string, error) { return name, nil }
func (right) Addresses(context.Context, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(address)}, nil
}

func host(i int) string { return "help.customer-" + strconv.Itoa(i) + ".com" }

// open opens the data folder.
func open(ctx context.Context, s settings) (*storage.Store, *tenant.Directory, error) {
	store, err := storage.Open(ctx, storage.Options{Dir: s.dir, Memory: 512, Tables: slices.Concat(tenant.Tables(), domain.Tables(), tickets.Tables())})
	if err != nil {
		return nil, nil, err
	}
	node, err := tenant.NewNode(tenant.NodeOptions{URLs: []string{"https://deskgate.localhost"}, Addresses: []netip.Addr{netip.MustParseAddr(address)}})
	if err == nil {
		directory := tenant.NewDirectory(store, node, nil)
		if err = directory.Load(ctx); err == nil {
			return store, directory, nil
		}
	}
	return nil, nil, errors.Join(err, store.Close())
}

// count counts the domains, as metrics, doctor and top have it done.
func count(ctx context.Context, s settings) (err error) {
	store, directory, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	domains := domain.New(store, tenant.NewRegistry(store, directory), directory, domain.Options{})
	for range 5 {
		began, used := time.Now(), processorTime()
		c, err := domains.Census(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("counted %v in %v, %v of processor time\n", c.Domains, time.Since(began).Round(time.Microsecond), processorTime()-used)
	}
	return nil
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Round(time.Microsecond)
}

// fill makes the domains that are not there yet.
func fill(ctx context.Context, s settings) (made int, err error) {
	store, directory, err := open(ctx, s)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	tenants := tenant.NewRegistry(store, directory)
	domains := domain.New(store, tenants, directory, domain.Options{Resolver: right{}})
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for i := 0; i < s.domains; i += perTenant {
		if _, there := directory.Lookup(host(min(i+perTenant, s.domains) - 1)); there {
			continue
		}
		made += perTenant
		g.Go(func() error { return customer(ctx, tenants, domains, i, min(i+perTenant, s.domains)) })
	}
	return made, g.Wait()
}

// customer is a tenant with the domains from one to below another.
func customer(ctx context.Context, tenants *tenant.Registry, domains *domain.Registry, from, to int) error {
	slug := "customer-" + strconv.Itoa(from)
	t, err := tenants.Find(ctx, slug)
	if errors.Is(err, tenant.ErrNotFound) {
		t, _, err = tenants.Create(ctx, slug, "")
	}
	for i := from; i < to && err == nil; i++ {
		if _, err = domains.Add(ctx, t, host(i), domain.ByOperator); err == nil {
			_, err = domains.Verify(ctx, host(i))
		}
	}
	return err
}

// start starts a node, waits until it answers for a domain, tells what it holds, and ends it.
func start(ctx context.Context, s settings) (took time.Duration, err error) {
	secure, plain := free(), free()
	_, port, err := net.SplitHostPort(secure)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, s.binary, "serve", "--data", s.dir, "--node-url", "https://deskgate.localhost:"+port,
		"--https", secure, "--http", plain, "--tls", "internal", "--node-address", address, "--log-level", "error")
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	}()
	for {
		if err := answered(ctx, secure, host(s.domains/2)); err == nil {
			break
		} else if time.Since(began) > time.Minute {
			return 0, err
		}
		<-time.After(2 * time.Millisecond)
	}
	took = time.Since(began).Round(time.Millisecond)
	fmt.Printf("answered after %v, with %s\n", took, held(cmd.Process.Pid))
	return took, nil
}

// answered asks for a tenant's page, with a handshake for which the certificate may have to be made.
func answered(ctx context.Context, at, host string) error {
	c := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		},
	}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	_, port, _ := net.SplitHostPort(at)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+":"+port+"/tickets", nil)
	if err != nil {
		return err
	}
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusMisdirectedRequest {
		return fmt.Errorf("%s: %s", host, res.Status)
	}
	return nil
}

// held is what the kernel counts as the process's own memory.
func held(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return err.Error()
	}
	for l := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(l, ":"); name == "RssAnon" {
			return strings.TrimSpace(value) + " of its own"
		}
	}
	return "nothing"
}

func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().String()
}
