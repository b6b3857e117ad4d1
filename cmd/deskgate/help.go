package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// help prints what a command does, how it is called, examples, and the flags that matter for it.
func (p *program) help(c *cobra.Command) {
	var b bytes.Buffer
	about := c.Long
	if about == "" {
		about = strings.ToUpper(c.Short[:1]) + c.Short[1:] + "."
	}
	fmt.Fprintf(&b, "%s\n\nUsage:\n  %s\n", strings.TrimSpace(about), usageLine(c))
	if c.Example != "" {
		fmt.Fprintf(&b, "\nExamples:\n")
		for line := range strings.Lines(c.Example) {
			fmt.Fprintf(&b, "  deskgate %s\n", strings.TrimSpace(line))
		}
	}
	writeCommands(&b, c)
	writeFlags(&b, c)
	if c.HasAvailableSubCommands() {
		fmt.Fprintf(&b, "\nMore about one of them: %s COMMAND --help\n", c.CommandPath())
	}
	_, _ = p.out.Write(b.Bytes())
}

// helpCommand is help as a command.
func (p *program) helpCommand(root *cobra.Command) *cobra.Command {
	c := p.leaf(lesson{
		use: "help [COMMAND…]", short: "what a command does, with examples", example: "help domain add",
	}, func(_ context.Context, args []string) error {
		c, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return &usageError{root.CommandPath(), fmt.Sprintf("there is no command %q", strings.Join(args, " "))}
		}
		p.help(c)
		return nil
	})
	c.GroupID = groupCare
	return c
}

func usageLine(c *cobra.Command) string {
	line := c.UseLine()
	if c.HasAvailableSubCommands() {
		line = c.CommandPath() + " COMMAND"
	}
	return line + " [flags]"
}

func writeCommands(b *bytes.Buffer, c *cobra.Command) {
	for _, g := range c.Groups() {
		fmt.Fprintf(b, "\n%s:\n", g.Title)
		writeChildren(b, c, g.ID)
	}
	if len(c.Groups()) == 0 && c.HasAvailableSubCommands() {
		fmt.Fprintf(b, "\nCommands:\n")
		writeChildren(b, c, "")
	}
}

func writeChildren(b *bytes.Buffer, c *cobra.Command, group string) {
	w := columns(b)
	for _, sub := range c.Commands() {
		if sub.GroupID == group && !sub.Hidden {
			fmt.Fprintf(w, "  %s\t%s\n", sub.Use, sub.Short)
		}
	}
	_ = w.Flush()
}

// writeFlags prints the command's own flags, then the settings: all of them for what runs a node, else the few that say
// which node is meant.
func writeFlags(b *bytes.Buffer, c *cobra.Command) {
	var own bytes.Buffer
	flags := columns(&own)
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" {
			value, usage := pflag.UnquoteUsage(f)
			fmt.Fprintf(flags, "  --%s\t%s%s\n", strings.TrimSpace(f.Name+" "+value), usage, standardWord(f))
		}
	})
	_ = flags.Flush()
	if own.Len() > 0 {
		fmt.Fprintf(b, "\nFlags:\n%s", own.String())
	}
	fmt.Fprintf(b, "\nSettings:\n")
	w := columns(b)
	fmt.Fprintf(w, "  --json\tprint one JSON document\n")
	demo := c.Name() == "demo"
	if !demo {
		fmt.Fprintf(w, "  --config FILE\tTOML file with settings\n")
	}
	for _, d := range knownSettings() {
		ofDemo := true
		if demo {
			d, ofDemo = d.inDemo()
		}
		if ofDemo && (d.anywhere || c.GroupID == groupRun || c.Name() == "doctor") {
			fmt.Fprintf(w, "  --%s %s\t%s\n", d.name, d.value, d.usage+d.remark())
		}
	}
	_ = w.Flush()
}

// remark is what the help adds to a setting's usage.
func (d setting) remark() string {
	var words []string
	if d.standard != "" && d.standard != "0" {
		words = append(words, "default "+d.standard)
	}
	if d.repeated {
		words = append(words, "may be repeated")
	}
	if len(words) == 0 {
		return ""
	}
	return " (" + strings.Join(words, "; ") + ")"
}

func standardWord(f *pflag.Flag) string {
	if f.DefValue == "" || f.DefValue == "false" || f.DefValue == "[]" {
		return ""
	}
	return " (default " + f.DefValue + ")"
}

// columns aligns what is separated by tabs.
func columns(b *bytes.Buffer) *tabwriter.Writer { return tabwriter.NewWriter(b, 0, 8, 2, ' ', 0) }
