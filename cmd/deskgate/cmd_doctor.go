package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
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

	unsure bool // it may well be that nothing is wrong
}

// examined is what doctor found. With findings it is an error document as well.
type examined struct {
	*failure

	Findings []diagnosis `json:"findings"`
	// Unsure is what may be wrong, and can't be told from here. It is no finding.
	Unsure []diagnosis `json:"unsure"`
	Passed []string    `json:"passed"`
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
		long: `Looks at the settings, the data folder and its key, the disk, the memory and the limits of this machine, the ports, the clock and the CA,
the DNS of the node's names, the mail server and the age of the last backup, and asks the running node for domains that drift, certificates that fail, queues
that don't move and upstreams that are down. It comes to the running node by its public names, as visitors do, and looks whether DNS has the
key that browsers encrypt with. It says for each thing that is wrong what to do. Give it the settings that you give to serve. It changes nothing, and
asks no machine that these settings don't name. The exit code is 1 if there are findings; what can't be told from here is none.`,
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
	a := examined{Findings: []diagnosis{}, Unsure: []diagnosis{}, Passed: []string{}}
	for _, e := range []examination{
		{"settings", examineSettings},
		{"data folder", examineFolder},
		{"master key", examineKey},
		{"disk", examineDisk},
		{"memory", examineMemory},
		{"open files", examineFiles},
		{"UDP buffers", examineBuffers},
		{"ports", examinePorts},
		{"DNS", examineDNS},
		{"from outside", examineOutside},
		{"encrypted hellos", examineECH},
		{"CA and clock", examineAuthorities},
		{"mail", examineMail},
		{"certificates", examineCertificates},
		{"domains", examineDomains},
		{"queues", examineQueues},
		{"upstreams", examineUpstreams},
		{"backup", examineBackup},
	} {
		ctx, stop := context.WithTimeout(ctx, lookTime)
		found := e.look(ctx, s)
		stop()
		for _, d := range found {
			if d.Check = e.name; d.unsure {
				a.Unsure = append(a.Unsure, d)
			} else {
				a.Findings = append(a.Findings, d)
			}
		}
		if len(found) == 0 {
			a.Passed = append(a.Passed, e.name)
		}
	}
	if len(a.Findings) > 0 {
		wrong := &failure{
			Code: codeFindings, Message: "Something is wrong with the set-up.", Details: english.Plural(len(a.Findings), "finding", ""),
		}
		a.failure = wrong.whole()
	}
	return a
}

func (a examined) people(b *bytes.Buffer) {
	for _, name := range a.Passed {
		fmt.Fprintf(b, "ok     %s\n", name)
	}
	for _, d := range a.Unsure {
		fmt.Fprintf(b, "UNSURE %s: %s\n       Perhaps: %s\n", d.Check, d.Problem, d.Fix)
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
	found := examineResolvers(ctx, s, node)
	for _, host := range node.Hosts() {
		if foundWithoutDNS(string(host)) {
			continue // browsers find them without DNS
		}
		found = append(found, examineHost(ctx, resolver, host, s.nodeAddresses)...)
	}
	return found
}

// examineResolvers looks whether each DNS server of several answers: those that don't have no vote, and most have to see a proof.
func examineResolvers(ctx context.Context, s *settings, node *tenant.Node) []diagnosis {
	if len(s.resolvers) < 2 {
		return nil
	}
	silent := make([]error, len(s.resolvers))
	var wg sync.WaitGroup
	for i, address := range s.resolvers {
		wg.Go(func() {
			r, err := domain.NewResolver([]string{address})
			if err == nil {
				_, err = r.TXT(ctx, string(node.Hosts()[0]))
			}
			silent[i] = err
		})
	}
	wg.Wait()
	var found []diagnosis
	for i, err := range silent {
		if err != nil {
			found = append(found, one(fmt.Sprintf("a DNS server does not answer: %v", err),
				fmt.Sprintf("mend %s, or leave it out of --dns-resolver: of those that are named, most have to see a domain's proof", s.resolvers[i]))...)
		}
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
