package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// errStoppedAtOnce: the operator did not want to wait for running requests.
var errStoppedAtOnce = errors.New("stopped at once; what was acknowledged is safe")

// sameSignal is within what two signals are one: a shell or timeout(1) tells the process and then its group.
const sameSignal = 100 * time.Millisecond

// hooks are what a command does while its node runs.
type hooks struct {
	beside func(context.Context) error // runs as long as the node; may be nil
	ready  func(context.Context) error // is called once, when the node runs
	reload func(context.Context)       // is called at SIGHUP; nil: that ends the node, as a terminal that is closed should
}

// untilTold runs the node until ctx ends, which the first SIGTERM brings about. A second one ends it at once.
func (p *program) untilTold(ctx context.Context, n *node, h hooks) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx, h.beside) }()
	if err := h.ready(ctx); err != nil {
		if ctx.Err() != nil { // told to stop meanwhile
			return <-done
		}
		end(err)
		return errors.Join(err, <-done)
	}
	n.tell(daemon.SdNotifyReady)
	var told time.Time // to stop
	for {
		select {
		case err := <-done:
			if err == nil {
				n.log.InfoContext(ctx, "the node has stopped")
			}
			return err
		case s := <-signals:
			switch {
			case s == syscall.SIGHUP && h.reload != nil:
				h.reload(ctx)
			case told.IsZero():
				told = time.Now()
				end(nil)
				n.tell(daemon.SdNotifyStopping)
				n.log.InfoContext(ctx, "stopping: running requests may finish", "signal", s.String())
			case time.Since(told) > sameSignal:
				return errStoppedAtOnce
			}
		}
	}
}

// tell tells systemd, if it is there.
func (n *node) tell(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		n.log.Warn("systemd could not be told", "state", state, "error", err)
	}
}

// reloading is the message that a reload begins; systemd wants to know when.
func reloading() string {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return daemon.SdNotifyReloading
	}
	return fmt.Sprintf("%s\nMONOTONIC_USEC=%d", daemon.SdNotifyReloading, now.Nano()/int64(time.Microsecond))
}

// reload reads the settings again. What can't change while the node runs is said, and stays.
func (p *program) reload(ctx context.Context, n *node) {
	n.tell(reloading())
	defer n.tell(daemon.SdNotifyReady)
	if err := n.access.Reopen(); err != nil {
		n.log.WarnContext(ctx, "an access log was not closed well", "error", err)
	}
	s, err := p.resolve()
	n.reloads.note(err == nil)
	if err != nil {
		n.log.ErrorContext(ctx, "the settings can't be used: everything stays as it is", "error", err)
		return
	}
	var changed, fixed []string
	for _, d := range knownSettings() {
		if slices.Equal(s.given[d.name], n.settings.given[d.name]) {
			continue
		}
		// Who waits for mail is not there where there was none at the start.
		if d.live && (d.name != "smtp-url" || (s.smtp == nil) == (n.settings.smtp == nil)) {
			changed = append(changed, d.name)
		} else {
			fixed = append(fixed, d.name)
		}
	}
	n.change(s, changed)
	n.log.InfoContext(ctx, "settings were read again", "changed", strings.Join(changed, ", "))
	if len(fixed) > 0 {
		n.log.WarnContext(ctx, "these settings need a restart", "settings", strings.Join(fixed, ", "))
	}
}

// change makes some of the new settings those of the node.
func (n *node) change(s *settings, names []string) {
	now := n.settings
	for _, name := range names {
		switch name {
		case "log-level":
			n.level.Set(s.logLevel)
		case "trusted-proxy":
			n.edge.SetTrustedProxies(s.trustedProxies)
		case "max-connections":
			n.edge.SetMaxConnections(s.maxConnections)
		case "smtp-url", "mail-from":
			if name == "smtp-url" {
				now.smtp = s.smtp
			} else {
				now.mailFrom = s.mailFrom
			}
			n.post.Change(now.smtp, now.mailFrom)
		}
		now.given[name] = s.given[name]
	}
}
