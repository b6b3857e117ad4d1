// Package accesslog writes a line for each request to a file of its own, or to one for each tenant.
//
// Files are opened when there is something to write and opened anew when the operator says so, after they were moved away. What
// a line says, and what it must not say, is decided before: see package proxy.
package accesslog

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// mostOpen is how many files are open at once, of tenants that had requests lately.
	mostOpen = 256
	// complainEvery is how often the node's log hears of lines that could not be written.
	complainEvery = time.Minute
	// nobodys is the file of requests that are no tenant's. No slug has an underscore.
	nobodys = "_node"
)

// Log is an open access log. It is safe for concurrent use.
type Log struct {
	name  string // of the file, or of the folder if it is for tenants
	split bool
	log   *slog.Logger
	out   io.Writer // instead of files

	mu         sync.Mutex
	line       bytes.Buffer
	handler    slog.Handler // writes to line
	files      map[string]*list.Element
	used       *list.List // of *file, the one that was used last in front
	complained time.Time
	lost       int // lines since then
}

type file struct {
	name string
	*os.File
}

// To writes all lines to w.
func To(w io.Writer, log *slog.Logger) *Log {
	l := newLog("", log)
	l.out = w
	return l
}

// Open writes to the file of that name or, if the name ends with a slash, to a file for each tenant in that folder. It finds out
// whether it may.
func Open(name string, log *slog.Logger) (*Log, error) {
	l := newLog(filepath.Clean(name), log)
	l.split = strings.HasSuffix(name, "/")
	dir := filepath.Dir(l.name)
	if l.split {
		dir = l.name
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	_, err := l.open("")
	return l, err
}

func newLog(name string, log *slog.Logger) *Log {
	l := &Log{name: name, log: log, files: map[string]*list.Element{}, used: list.New()}
	l.handler = slog.NewJSONHandler(&l.line, nil)
	return l
}

// Write writes the line of a request of a tenant, named by its slug; empty: nobody's. What can't be written is lost, for no
// visitor is to wait for a disk; the node's log says so.
func (l *Log) Write(ctx context.Context, slug string, r slog.Record) { //nolint:gocritic // as slog.Handler has it
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line.Reset()
	err := l.handler.Handle(ctx, r)
	if err == nil {
		err = l.write(slug)
	}
	if err != nil {
		l.complain(ctx, err)
	}
}

func (l *Log) write(slug string) error {
	if l.out != nil {
		_, err := l.out.Write(l.line.Bytes())
		return err
	}
	f, err := l.open(slug)
	if err != nil {
		return err
	}
	_, err = f.Write(l.line.Bytes())
	return err
}

// open finds the open file of a tenant, or opens it.
func (l *Log) open(slug string) (*file, error) {
	name := l.name
	if l.split {
		if slug == "" {
			slug = nobodys
		}
		name = filepath.Join(l.name, slug+".log")
	}
	if e, ok := l.files[name]; ok {
		l.used.MoveToFront(e)
		return e.Value.(*file), nil //nolint:errcheck,forcetypeassert // nothing else is in there
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o640) //nolint:gosec // the operator names the folder, and slugs are letters, digits and hyphens
	if err != nil {
		return nil, err
	}
	opened := &file{name, f}
	l.files[name] = l.used.PushFront(opened)
	if l.used.Len() > mostOpen {
		err = l.shut(l.used.Back())
	}
	return opened, err
}

func (l *Log) shut(e *list.Element) error {
	f := l.used.Remove(e).(*file) //nolint:errcheck,forcetypeassert // nothing else is in there
	delete(l.files, f.name)
	return f.Close()
}

// Reopen has the next lines go to files that are opened anew. There need not be a Log.
func (l *Log) Reopen() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for l.used.Len() > 0 {
		errs = append(errs, l.shut(l.used.Back()))
	}
	return errors.Join(errs...)
}

// Close closes all files. Who writes nevertheless opens them anew.
func (l *Log) Close() error { return l.Reopen() }

func (l *Log) complain(ctx context.Context, err error) {
	l.lost++
	if now := time.Now(); now.Sub(l.complained) >= complainEvery {
		l.log.WarnContext(ctx, "the access log can't be written", "lines_lost", l.lost, "error", err)
		l.complained, l.lost = now, 0
	}
}
