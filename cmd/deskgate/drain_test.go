package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// busy is a node that forwards a request to an upstream which does not answer yet.
type busy struct {
	node   *exec.Cmd
	finish func()            // lets the upstream answer
	answer chan stringResult // what the visitor gets
}

type stringResult struct {
	body string
	err  error
}

func startBusy(t *testing.T) *busy {
	t.Helper()
	reached, finish := make(chan struct{}), make(chan struct{})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(reached)
		<-finish
		_, _ = io.WriteString(w, "at last")
	}))
	t.Cleanup(upstream.Close)
	data, port := filepath.Join(t.TempDir(), "data"), freePort(t)
	b := &busy{answer: make(chan stringResult, 1), finish: func() { close(finish) }}
	b.node = exec.CommandContext(t.Context(), "deskgate", "serve", "--data", data, "--tls", "off", "--log-level", "error",
		"--http", fmt.Sprintf("127.0.0.1:%d", port), "--node-url", fmt.Sprintf("http://deskgate.localhost:%d", port))
	b.node.Stderr = t.Output()
	if err := b.node.Start(); err != nil {
		t.Fatal(err)
	}
	nodeReady(t, data)
	for _, args := range [][]string{
		{"tenant", "create", "acme"},
		{"route", "add", "acme", "acme.deskgate.localhost", "/slow", upstream.URL},
	} {
		if out, err := exec.CommandContext(t.Context(), "deskgate", append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	go func() { b.answer <- get(t, fmt.Sprintf("http://acme.deskgate.localhost:%d/slow", port)) }()
	<-reached
	return b
}

// TestToldToStopBeforeItRuns stops a node that waits for the data folder of one that drains.
func TestToldToStopBeforeItRuns(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	data := filepath.Join(t.TempDir(), "data")
	holder := &settings{data: data, store: "badger:", nodeURLs: []string{"http://deskgate.localhost"}, tls: tlsOff}
	o, err := open(t.Context(), holder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer o.store.Close()
	var errs strings.Builder
	p := &program{errs: &errs, out: io.Discard}
	if code := p.run(ctx, []string{"serve", "--data", data, "--tls", "off", "--node-url", "http://deskgate.localhost"}); code != exitDone {
		t.Errorf("exit code %d, want 0: %s", code, errs.String())
	}
}

// A node that waits for the data folder of another one says so: a second start by mistake looks as if it hung.
func TestWaitingForTheFolderIsSaid(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	data := filepath.Join(t.TempDir(), "data")
	holder := &settings{data: data, store: "badger:", nodeURLs: []string{"http://deskgate.localhost"}, tls: tlsOff}
	o, err := open(t.Context(), holder, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer o.store.Close()
	errs := &stopper{word: "waiting until the data folder is free", stop: stop}
	p := &program{errs: errs, out: io.Discard}
	code := p.run(ctx, []string{"serve", "--data", data, "--tls", "off", "--node-url", "http://deskgate.localhost"})
	if code != exitDone || strings.Count(errs.text.String(), errs.word) != 1 {
		t.Errorf("exit code %d, want 0, and a line that says once that it waits: %s", code, &errs.text)
	}
}

// stopper stops what writes to it as soon as it says a word.
type stopper struct {
	text strings.Builder
	word string
	stop func()
}

func (s *stopper) Write(b []byte) (int, error) {
	s.text.Write(b)
	if strings.Contains(string(b), s.word) {
		s.stop()
	}
	return len(b), nil
}

func get(t *testing.T, url string) stringResult {
	t.Helper()
	client := localClient(nil)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return stringResult{err: err}
	}
	res, err := client.Do(r)
	if err != nil {
		return stringResult{err: err}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return stringResult{string(body), err}
}

// SIGTERM lets a running request finish, and the node ends with exit code 0.
func TestTermDrains(t *testing.T) {
	b := startBusy(t)
	send(t, b.node, syscall.SIGTERM)
	b.finish()
	if got := <-b.answer; got.err != nil || got.body != "at last" {
		t.Errorf("the running request got %q, %v", got.body, got.err)
	}
	if err := b.node.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v, want exit code 0", err)
	}
}

// A second SIGTERM does not wait for it.
func TestSecondTermStopsAtOnce(t *testing.T) {
	b := startBusy(t)
	defer b.finish()
	ended := make(chan error, 1)
	go func() { ended <- b.node.Wait() }()
	eventually(t, "the node did not stop", func() error {
		_ = b.node.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			ended <- err
			return nil
		default:
			return errors.New("it runs")
		}
	})
	var exit *exec.ExitError
	if err := <-ended; !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("ended with %v, want exit code %d", err, exitFailed)
	}
	if got := <-b.answer; got.err == nil {
		t.Errorf("the running request got %q", got.body)
	}
}
