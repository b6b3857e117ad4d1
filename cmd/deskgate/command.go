package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Groups of the first help page.
const (
	groupRun     = "run"
	groupTenants = "tenants"
	groupCare    = "care"
)

// command builds the tree of commands.
func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "deskgate",
		Short: "The TLS edge of many tenants' domains, and the help desk behind it",
		Long: `Deskgate is one program: the TLS edge of many tenants' domains, the place where their users arrive signed in,
and the help desk that they arrive at.

Look around:  deskgate demo
Run a node:   deskgate serve --node-url https://tickets.example.com
Add a tenant: deskgate tenant create acme

Settings come from flags, from DESKGATE_… variables of the same name (DESKGATE_NODE_URL) and from a TOML file (--config),
in this order. Flags may stand anywhere. With --json every command prints one JSON document.
Exit codes: 0 done, 1 failed, 2 wrong usage.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run a node"},
		&cobra.Group{ID: groupTenants, Title: "Tenants and what is theirs"},
		&cobra.Group{ID: groupCare, Title: "Care"},
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpCommand(p.helpCommand(root))
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{c.CommandPath(), err.Error()}
	})
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { p.help(c) })
	root.Args = cobra.ArbitraryArgs
	root.RunE = p.chooser
	p.addSettings(root.PersistentFlags())
	p.addCommands(root)
	return root
}

// addSettings declares --json, --config and a flag for every setting.
func (p *program) addSettings(flags *pflag.FlagSet) {
	p.settings = settingValues{}
	flags.BoolVar(&p.asJSON, "json", false, "print one JSON document")
	flags.Var(&settingFlag{"config", "FILE", p.settings}, "config", "TOML file with settings")
	for _, d := range knownSettings() {
		flags.Var(&settingFlag{d.name, d.value, p.settings}, d.name, d.usage)
	}
}

// settingFlag keeps what a flag is given, unread: settings are parsed in one place, whatever they come from.
type settingFlag struct {
	name, value string
	into        settingValues
}

func (f *settingFlag) String() string { return "" }
func (f *settingFlag) Type() string   { return f.value }

func (f *settingFlag) Set(v string) error {
	f.into[f.name] = append(f.into[f.name], v)
	return nil
}

// chooser runs where a command only groups others.
func (p *program) chooser(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		text := fmt.Sprintf("there is no command %q", strings.Join(append(path(c), args[0]), " "))
		if like := c.SuggestionsFor(args[0]); len(like) > 0 {
			text += "; did you mean " + strings.Join(like, " or ") + "?"
		}
		return &usageError{c.CommandPath(), text}
	}
	if !c.HasParent() {
		p.help(c)
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return &usageError{c.CommandPath(), c.Name() + " needs one of " + strings.Join(names, ", ")}
}

// path is the command's name without the program's.
func path(c *cobra.Command) []string { return strings.Fields(c.CommandPath())[1:] }

// group is a command of the tenants' that only has others below it.
func (p *program) group(name, short string, children ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, GroupID: groupTenants, Args: cobra.ArbitraryArgs, RunE: p.chooser}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(children...)
	return c
}

// lesson is what a command's help teaches.
type lesson struct {
	use     string // the name and the arguments: SLUG is needed, [SLUG] is not, SLUG… may be repeated
	short   string
	long    string
	example string // without the word deskgate, one a line
}

// leaf is a command that does something.
func (p *program) leaf(l lesson, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: l.use, Short: l.short, Long: l.long, Example: l.example,
		DisableFlagsInUseLine: true,
		Args:                  checkArguments,
		RunE:                  func(c *cobra.Command, args []string) error { return run(c.Context(), args) },
	}
}

// checkArguments compares the arguments with the command's use line.
func checkArguments(c *cobra.Command, args []string) error {
	wanted := strings.Fields(c.Use)[1:]
	least, most := 0, len(wanted)
	for _, w := range wanted {
		if !strings.HasPrefix(w, "[") {
			least++
		}
		if strings.Contains(w, "…") {
			most = len(args)
		}
	}
	name := strings.Join(path(c), " ")
	if len(args) < least {
		missing := strings.Join(wanted[len(args):least], " ")
		return &usageError{c.CommandPath(), fmt.Sprintf("%s needs %s", name, strings.TrimSuffix(missing, "…"))}
	}
	if len(args) > most {
		return &usageError{c.CommandPath(), fmt.Sprintf("%s does not take %q", name, args[most])}
	}
	if i := slices.Index(args, ""); i >= 0 {
		return &usageError{c.CommandPath(), fmt.Sprintf("%s: argument %d is empty", name, i+1)}
	}
	return nil
}
