package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Words that terminals understand.
const (
	screenBegin = "\x1b[?1049h\x1b[?25l" // another screen, no cursor
	screenEnd   = "\x1b[?25h\x1b[?1049l"
	screenHome  = "\x1b[H"
	lineRest    = "\x1b[K"
	screenRest  = "\x1b[J"
)

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}

// quiet has a terminal hand out each key at once and show none, until restore is called. What is no terminal stays as it is.
func quiet(in io.Reader) (restore func()) {
	f, ok := in.(*os.File)
	if !ok {
		return func() {}
	}
	before, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return func() {}
	}
	now := *before
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	_ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &now) // then keys need Enter
	return func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, before) }
}

// extent is how much fits on a terminal.
func extent(f *os.File) (width, height int) {
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil || w.Col == 0 || w.Row == 0 {
		return 80, 24
	}
	return int(w.Col), int(w.Row)
}

// liveScreen is a terminal that is taken for a while, and given back as it was.
type liveScreen struct {
	in      io.Reader
	out     *os.File
	restore func()
}

func (s *liveScreen) enter() error {
	s.restore = quiet(s.in)
	_, err := io.WriteString(s.out, screenBegin)
	return err
}

func (s *liveScreen) leave() {
	_, _ = io.WriteString(s.out, screenEnd)
	s.restore()
}

// suspend gives the terminal back to the shell, as Ctrl-Z asks, until the program is continued.
func (s *liveScreen) suspend(ctx context.Context) error {
	on := make(chan os.Signal, 1)
	signal.Notify(on, unix.SIGCONT)
	defer signal.Stop(on)
	s.leave()
	if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err == nil {
		select {
		case <-on:
		case <-ctx.Done():
		}
	}
	return s.enter()
}

// watchLive shows one look after the other until q is pressed or ctx ends.
func watchLive(ctx context.Context, in io.Reader, screen *os.File, look func(context.Context) (topDocument, error), order ordering) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	told := make(chan os.Signal, 1)
	signal.Notify(told, unix.SIGWINCH, unix.SIGTSTP)
	defer signal.Stop(told)
	s := &liveScreen{in: in, out: screen}
	defer s.leave()
	if err := s.enter(); err != nil {
		return err
	}
	looks, keys := make(chan looked), make(chan byte)
	go lookAgain(ctx, look, looks)
	go readKeys(ctx, in, keys)
	var doc topDocument
	for {
		draw(screen, &doc, order)
		select {
		case <-ctx.Done():
			return nil
		case l := <-looks:
			if l.err != nil {
				return l.err
			}
			doc = l.doc
		case sig := <-told: // of another size it is drawn anew
			if sig == unix.SIGTSTP {
				if err := s.suspend(ctx); err != nil {
					return err
				}
			}
		case k := <-keys:
			if k == 'q' || k == 'Q' || k == 3 {
				return nil
			}
			order = next(order, k)
		}
	}
}

// looked is what a look has found.
type looked struct {
	doc topDocument
	err error
}

// lookAgain hands over one look after the other, until one fails.
func lookAgain(ctx context.Context, look func(context.Context) (topDocument, error), to chan<- looked) {
	for {
		d, err := look(ctx)
		select {
		case to <- looked{d, err}:
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// next is the order that a key asks for.
func next(order ordering, key byte) ordering {
	all := allOrders()
	at := slices.IndexFunc(all, func(o ordering) bool { return o.name == order.name })
	if key == 's' {
		return all[(at+1)%len(all)]
	}
	for _, o := range all {
		if o.key == string(key) {
			return o
		}
	}
	return order
}

func readKeys(ctx context.Context, in io.Reader, keys chan<- byte) {
	b := make([]byte, 1)
	for {
		if n, err := in.Read(b); err != nil || n == 0 {
			return
		}
		select {
		case keys <- b[0]:
		case <-ctx.Done():
			return
		}
	}
}

// draw shows a look, in one piece, so that nothing flickers.
func draw(screen *os.File, d *topDocument, order ordering) {
	width, height := extent(screen)
	var b bytes.Buffer
	b.WriteString(screenHome)
	lines := []string{cut("deskgate top: looking…", width)}
	if d.State.Node != "" {
		lines = d.lines(view{width: width, height: height - 1, order: order, now: time.Now()})
	}
	for _, line := range lines {
		b.WriteString(line + lineRest + "\r\n")
	}
	b.WriteString(screenRest)
	_, _ = screen.Write(b.Bytes()) // a terminal that is gone ends the program by a signal
}
