package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledAtWork kills a node with SIGKILL in the middle of an import, and of an erasure: both go on by themselves when it runs again,
// nothing comes twice, and nothing of the person is left.
func TestKilledAtWork(t *testing.T) {
	const tickets = 300
	c := newCrashing(t, "error")
	node := c.start()
	c.populate()
	c.command(nil, "tenant", "set", "acme", "api_requests_per_minute=1000000")
	file := filepath.Join(t.TempDir(), "old.jsonl")
	var lines strings.Builder
	for i := range tickets {
		fmt.Fprintf(&lines, `{"title":"Old %[1]d","description":"Of zoe@example.com","external_id":"old-%[1]d","requester":{"email":"zoe@example.com","name":"Zoe Example"}}`+"\n", i)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	importing := exec.CommandContext(t.Context(), "deskgate", "tenant", "import", "acme", file, "--data", c.data)
	if err := importing.Start(); err != nil {
		t.Fatal(err)
	}
	c.until("some tickets have come in", func() bool { return c.count("") >= tickets/10 })
	node = c.again(node)
	_ = importing.Wait() // its node was killed
	c.until("all tickets have come in", func() bool { return c.count("") >= tickets })
	c.compare() // no number twice, none left out
	if n := c.count(""); n != tickets {
		t.Errorf("%d tickets came of %d", n, tickets)
	}

	var one struct{ Requester struct{ ID string } }
	if _, err := c.call(t.Context(), http.MethodGet, "/api/tickets/1", nil, &one); err != nil {
		t.Fatal(err)
	}
	user := "/api/users/" + one.Requester.ID
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		var answer any
		_, _ = c.call(ctx, http.MethodPost, user+"/erase", nil, &answer) // its node is killed
	}()
	c.until("the erasure has begun", func() bool { return c.count("&q=zoe@example.com") < tickets })
	node = c.again(node)
	<-asked
	c.until("the erasure is over", func() bool {
		var e struct{ Status string }
		_, err := c.call(t.Context(), http.MethodPost, user+"/erase", nil, &e)
		return err == nil && e.Status == "erased"
	})
	if n := c.count("&q=zoe@example.com"); n != 0 {
		t.Errorf("she is found in %d tickets", n)
	}
	c.compare()
	c.end(node)
}

// again kills the node and starts it once more.
func (c *crashing) again(node *exec.Cmd) *exec.Cmd {
	c.t.Helper()
	_ = node.Process.Kill()
	_ = node.Wait()
	c.client.CloseIdleConnections()
	return c.start()
}

// count says how many tickets there are, 1,000 at most.
func (c *crashing) count(query string) int {
	c.t.Helper()
	var page struct{ Total int }
	if _, err := c.call(c.t.Context(), http.MethodGet, "/api/tickets?limit=1&include_total=true"+query, nil, &page); err != nil {
		c.t.Fatal(err)
	}
	return page.Total
}

// until waits for something that the node does by itself.
func (c *crashing) until(what string, done func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !done(); {
		if time.Now().After(end) {
			c.t.Fatalf("it did not come to pass that %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}
