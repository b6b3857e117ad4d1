// Command deskgate runs a node and does what its operator asks for.
//
// A node is the TLS edge of many tenants' domains, the place where their users arrive signed in, and the help desk
// behind it. `deskgate help` teaches the commands; deploy/README.md is the operator's manual.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // tenants' time zones, on machines that have no database of them

	"github.com/spf13/cobra"
)

// version is set by the linker; see `deskgate version`.
var version string

// program is one call of deskgate: where it reads and writes, and what stands in front of its commands.
type program struct {
	in       io.Reader
	out      io.Writer
	errs     io.Writer
	environ  []string
	settings settingValues // given as flags
	asJSON   bool
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	cobra.EnableCommandSorting = false // the help keeps the order of the manual
	p := &program{in: os.Stdin, out: os.Stdout, errs: os.Stderr, environ: os.Environ()}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := p.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run does what the arguments say and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.command() //nolint:contextcheck // the commands take the context that is passed on to them below
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.errs)
	if err := root.ExecuteContext(ctx); err != nil {
		return p.fail(args, err)
	}
	return exitDone
}
