package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// diagnosis is one thing that is wrong with this machine's set-up.
type diagnosis struct {
	Check   string `json:"check"`
	Problem string `json:"problem"`
	Fix     string `json:"fix"`
}

// examined is what doctor found. With findings it is an error document as well.
type examined struct {
	*failure

	Findings []diagnosis `json:"findings"`
	Passed   []string    `json:"passed"`
}

// examination is one look at the set-up. No findings: all is well.
type examination struct {
	name string
	look func(ctx context.Context, s *settings) []diagnosis
}

const lookTime = 10 * time.Second

func (p *program) doctorCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "doctor", short: "what is wrong with this machine's set-up, and how to mend it",
		long: `Looks at the settings, the data folder, the disk, the limits of this machine, the ports, the DNS of the node's names and the mail
server, and says for each thing that is wrong what to do. Give it the settings that you give to serve. It changes nothing. The exit code
is 1 if there are findings.`,
		example: "doctor --config /etc/deskgate.toml --data /var/lib/deskgate\ndoctor --node-url https://tickets.example.com",
	}, func(ctx context.Context, _ []string) error {
		s, err := p.forCommand()
		if err != nil {
			return err
		}
		a := examine(ctx, s)
		if err := p.answer(a, a.people); err != nil {
			return err
		}
		if len(a.Findings) > 0 {
			return unsaid{}
		}
		return nil
	})
}

func examine(ctx context.Context, s *settings) examined {
	a := examined{Findings: []diagnosis{}, Passed: []string{}}
	for _, e := range []examination{
		{"settings", examineSettings},
		{"data folder", examineFolder},
		{"disk", examineDisk},
		{"open files", examineFiles},
		{"ports", examinePorts},
		{"DNS", examineDNS},
		{"mail", examineMail},
	} {
		ctx, stop := context.WithTimeout(ctx, lookTime)
		found := e.look(ctx, s)
		stop()
		for _, d := range found {
			d.Check = e.name
			a.Findings = append(a.Findings, d)
		}
		if len(found) == 0 {
			a.Passed = append(a.Passed, e.name)
		}
	}
	if len(a.Findings) > 0 {
		a.failure = &failure{
			Code: codeFindings, Message: "Something is wrong with the set-up.", Details: english.Plural(len(a.Findings), "finding", ""),
		}
	}
	return a
}

func (a examined) people(b *bytes.Buffer) {
	for _, name := range a.Passed {
		fmt.Fprintf(b, "ok     %s\n", name)
	}
	for _, d := range a.Findings {
		fmt.Fprintf(b, "WRONG  %s: %s\n       Fix: %s\n", d.Check, d.Problem, d.Fix)
	}
}

func one(problem, fix string) []diagnosis { return []diagnosis{{Problem: problem, Fix: fix}} }

func examineSettings(_ context.Context, s *settings) []diagnosis {
	if _, err := s.node(); err != nil {
		return one(err.Error(), "give --node-url, or DESKGATE_NODE_URL, or node-url in the file that --config names")
	}
	if s.tls == tlsOff && len(s.trustedProxies) == 0 {
		return one("--tls off without --trusted-proxy: every visitor seems to come from the edge in front, and shares its limits",
			"name that edge's addresses with --trusted-proxy")
	}
	return nil
}

func examineFolder(_ context.Context, s *settings) []diagnosis {
	info, err := os.Stat(s.data)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // serve makes it
	}
	if err != nil {
		return one(err.Error(), "run this as the user of the node, or as root")
	}
	var found []diagnosis
	if info.Mode().Perm()&0o077 != 0 {
		found = append(found, one(fmt.Sprintf("%s can be entered by others (mode %#o)", s.data, info.Mode().Perm()), "chmod 700 "+s.data)...)
	}
	key := filepath.Join(s.data, "master.key")
	if info, err := os.Stat(key); err == nil && info.Mode().Perm()&0o077 != 0 {
		found = append(found, one(fmt.Sprintf("%s can be read by others (mode %#o)", key, info.Mode().Perm()), "chmod 600 "+key)...)
	}
	return found
}

// leastDisk is the free space below which the store would soon refuse to write.
const leastDisk = 2 << 30

func examineDisk(_ context.Context, s *settings) []diagnosis {
	dir := s.data
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return one(fmt.Sprintf("the free space of %s can't be read: %v", dir, err), "run this as the user of the node, or as root")
	}
	free := int64(stat.Bavail) * stat.Bsize
	if free < leastDisk {
		return one(fmt.Sprintf("%s has %s of free space; below some 700 MiB a node takes no changes", dir, sizeWord(free)),
			"make room, or put --data on a larger disk")
	}
	return nil
}

// leastFiles is enough for a few thousand visitors at once.
const leastFiles = 8192

func examineFiles(context.Context, *settings) []diagnosis {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Max >= leastFiles {
		return nil
	}
	return one(fmt.Sprintf("a process may open %d files here: visitors beyond that are turned away", limit.Max),
		"LimitNOFILE=1048576 in the unit file, or ulimit -n 1048576")
}

// examinePorts tries to listen where the node would, unless one runs already.
func examinePorts(ctx context.Context, s *settings) []diagnosis {
	if c, err := dialAdmin(ctx, s.data); err == nil {
		_ = c.Close()
		return nil
	}
	addresses := []string{s.http}
	if s.tls != tlsOff {
		addresses = append(addresses, s.https)
	}
	var found []diagnosis
	for _, a := range addresses {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", a)
		switch {
		case err == nil:
			_ = l.Close()
		case errors.Is(err, fs.ErrPermission):
			found = append(found, one("this user may not listen at "+a,
				"use deploy/deskgate.service, or: sudo setcap cap_net_bind_service=+ep $(command -v deskgate), or ports above 1023")...)
		case errors.Is(err, syscall.EADDRINUSE):
			_, port, _ := net.SplitHostPort(a)
			found = append(found, one("something else listens at "+a, "find it with: sudo ss -ltnp 'sport = :"+port+"', and stop it, or choose another address")...)
		default:
			found = append(found, one(fmt.Sprintf("can't listen at %s: %v", a, err), "choose another address")...)
		}
	}
	return found
}

// examineDNS looks whether the node's names, and those below them, lead somewhere, and all to the same place.
func examineDNS(ctx context.Context, s *settings) []diagnosis {
	node, err := s.node()
	if err != nil {
		return nil // said already
	}
	resolver, err := domain.NewResolver(s.resolvers)
	if err != nil {
		return one("no resolver for DNS: "+err.Error(), "name one with --dns-resolver")
	}
	var found []diagnosis
	for _, host := range node.Hosts() {
		if host == "localhost" || strings.HasSuffix(string(host), ".localhost") {
			continue // browsers find them without DNS
		}
		found = append(found, examineHost(ctx, resolver, host, s.nodeAddresses)...)
	}
	return found
}

func examineHost(ctx context.Context, r domain.Resolver, host tenant.Host, want []netip.Addr) []diagnosis {
	name := string(host)
	own, err := r.Addresses(ctx, name)
	if err != nil {
		return one(fmt.Sprintf("DNS could not be asked for %s: %v", name, err), "look at --dns-resolver, or at /etc/resolv.conf")
	}
	if len(own) == 0 {
		return one(name+" has no address in DNS", fmt.Sprintf("set an A or AAAA record of %s to this machine's address", name))
	}
	var found []diagnosis
	if len(want) > 0 && !slices.ContainsFunc(own, func(a netip.Addr) bool { return slices.Contains(want, a) }) {
		found = append(found, one(fmt.Sprintf("%s leads to %v, not to --node-address", name, own), "correct its A or AAAA record, or --node-address")...)
	}
	for _, below := range []string{"deskgate-doctor." + name, "deskgate-doctor.t." + name} {
		_, parent, _ := strings.Cut(below, ".")
		fix := fmt.Sprintf("set *.%s CNAME %s.", parent, name)
		switch got, err := r.Addresses(ctx, below); {
		case err != nil:
			found = append(found, one(fmt.Sprintf("DNS could not be asked for %s: %v", below, err), "look at --dns-resolver, or at /etc/resolv.conf")...)
		case len(got) == 0:
			found = append(found, one(fmt.Sprintf("names below %s have no address in DNS, so tenants can't be reached there", parent), fix)...)
		case !slices.ContainsFunc(got, func(a netip.Addr) bool { return slices.Contains(own, a) }):
			found = append(found, one(fmt.Sprintf("names below %s lead to %v, %s itself to %v", parent, got, name, own), fix)...)
		}
	}
	return found
}
