package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
)

// What is set and not used is said: an operator thinks that it holds.
func TestSettingsThatDoNothing(t *testing.T) {
	key := file(t, "key")
	for name, tc := range map[string]struct {
		environ, flags, want []string
	}{
		"all is well": {[]string{"DESKGATE_TLS=acme", "HOME=/", "DESKGATE_CONFIG="}, []string{"--acme-email", "ops@example.com", "--ech", "on"}, nil},
		"a certificate authority, and none is asked": {
			nil, []string{"--tls", "internal", "--acme-ca", "https://ca.example/dir"}, []string{"--acme-ca does nothing with --tls internal"},
		},
		"behind another edge": {
			nil,
			[]string{"--tls", "off", "--https", ":8443", "--ech", "on"},
			[]string{"--ech does nothing with --tls off", "--https does nothing with --tls off"},
		},
		"a key alone":  {nil, []string{"--acme-dns-key", key}, []string{"--acme-dns-key does nothing without --acme-dns"}},
		"no mail":      {nil, []string{"--mail-from", "a@b.example"}, []string{"--mail-from does nothing without --smtp-url"}},
		"a slip":       {[]string{"DESKGATE_TRUSTED_PROXIES=10.0.0.0/8"}, nil, []string{"DESKGATE_TRUSTED_PROXIES is no setting, and is not read; was DESKGATE_TRUSTED_PROXY meant?"}},
		"another slip": {[]string{"DESKGATE_URL=https://x.example"}, nil, []string{"DESKGATE_URL is no setting, and is not read"}},
		"Kubernetes":   {[]string{"DESKGATE_PORT=tcp://10.0.0.1:443", "DESKGATE_SERVICE_HOST=10.0.0.1", "DESKGATE_PORT_443_TCP=x"}, nil, nil},
	} {
		p := given(t, tc.environ, tc.flags...)
		s, err := p.resolve()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := append(s.vain(), p.strays()...)
		slices.Sort(got)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Examples of the help are copied into a shell: each is a call of a command with its own flags.
func TestExamplesAreCommands(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " | ")
			line, _, _ = strings.Cut(line, " > ")
			line, _, _ = strings.Cut(line, " < ")
			p := &program{}
			root := p.command()
			words := strings.Fields(line)
			found, rest, err := root.Find(words)
			if err != nil || found == root || !strings.HasPrefix(found.CommandPath(), c.CommandPath()) {
				t.Errorf("help of %s: the example %q is none of it", c.CommandPath(), line)
				continue
			}
			if err := found.ParseFlags(rest); err != nil && !strings.Contains(line, "'") {
				t.Errorf("help of %s: %q: %v", c.CommandPath(), line, err)
			}
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&program{}).command())
}
