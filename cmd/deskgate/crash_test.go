package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crashing is a node that is killed.
type crashing struct {
	t      *testing.T
	data   string
	url    string
	flags  []string
	client *http.Client
	token  string
	// log is what its processes have written. It is read when none runs.
	log      bytes.Buffer
	mu       sync.Mutex
	acked    map[string]string // ids of tickets that the node has acknowledged, with their titles
	files    map[string]string // ids of files that it has acknowledged, with what is in them
	attempts atomic.Int64
}

// newCrashing prepares a node without tenants. It does not run yet.
func newCrashing(t *testing.T, logLevel string) *crashing {
	t.Helper()
	https, plain := freePort(t), freePort(t)
	return &crashing{
		t: t, data: filepath.Join(t.TempDir(), "data"), acked: map[string]string{}, files: map[string]string{},
		url: fmt.Sprintf("https://acme.deskgate.localhost:%d", https),
		flags: []string{
			"--https", fmt.Sprintf("127.0.0.1:%d", https), "--http", fmt.Sprintf("127.0.0.1:%d", plain),
			"--node-url", fmt.Sprintf("https://deskgate.localhost:%d", https), "--tls", "internal", "--log-level", logLevel,
		},
	}
}

// populate makes the tenant of the running node, and a client that trusts it. It returns the tenant's secrets.
func (c *crashing) populate() map[string]string {
	c.t.Helper()
	var created createdTenant
	c.command(&created, "tenant", "create", "acme")
	var ca manyRoots
	c.command(&ca, "ca")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ca.Roots[0].Certificate))
	c.token, c.client = created.Secrets[secretAPIToken], localClient(roots)
	return created.Secrets
}

// TestKilled kills a node with SIGKILL while 16 clients upload files and file tickets over HTTPS, again and again: every
// one that was acknowledged is there afterwards, as it was sent.
func TestKilled(t *testing.T) {
	c := newCrashing(t, "error")
	const rounds, eachRound = 3, 150
	node := c.start()
	c.populate()
	c.command(nil, "tenant", "set", "acme", "api_requests_per_minute=1000000")
	for round := range rounds {
		c.load(node, (round+1)*eachRound)
		c.client.CloseIdleConnections()
		node = c.start()
		c.compare()
	}
	c.end(node)
	t.Logf("%d tickets acknowledged of %d tries", len(c.acked), c.attempts.Load())
}

func (c *crashing) start() *exec.Cmd {
	c.t.Helper()
	node := exec.CommandContext(c.t.Context(), "deskgate", append([]string{"serve", "--data", c.data}, c.flags...)...)
	node.Stderr = &c.log
	if err := node.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Log(c.log.String())
		}
	})
	nodeReady(c.t, c.data)
	return node
}

func (c *crashing) command(answer any, args ...string) {
	c.t.Helper()
	out, err := exec.CommandContext(c.t.Context(), "deskgate", append([]string{"--json", "--data", c.data}, args...)...).Output()
	if err != nil {
		c.t.Fatalf("%v: %v\n%s", args, err, out)
	}
	if answer != nil {
		if err := json.Unmarshal(out, answer); err != nil {
			c.t.Fatal(err)
		}
	}
}

// load files tickets with many clients, and kills the node when so many have been acknowledged in all.
func (c *crashing) load(node *exec.Cmd, enough int) {
	const clients = 16
	ctx, stop := context.WithTimeout(c.t.Context(), patience)
	defer stop()
	killed := make(chan struct{})
	var kill sync.Once
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-killed:
					return
				default:
				}
				if c.file(ctx) >= enough {
					kill.Do(func() {
						_ = node.Process.Kill()
						_ = node.Wait()
						close(killed)
					})
				}
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		c.t.Fatal("the node did not take enough tickets in time")
	}
}

// file files one ticket and returns how many have been acknowledged so far. That a request fails is part of the test.
func (c *crashing) file(ctx context.Context) int {
	title := fmt.Sprintf("ticket %d", c.attempts.Add(1))
	body, err := json.Marshal(map[string]any{
		"title": title, "description": "filed while the node is being killed", "attachment_ids": c.upload(ctx, title),
	})
	if err != nil {
		c.t.Error(err)
	}
	var made struct{ ID string }
	status, err := c.call(ctx, http.MethodPost, "/api/tickets", body, &made)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
	case status == http.StatusCreated:
		c.acked[made.ID] = title
	default:
		c.t.Errorf("POST /api/tickets: %d", status)
	}
	return len(c.acked)
}

// upload stores a file and returns its id, or nothing: that it fails is part of the test.
func (c *crashing) upload(ctx context.Context, content string) []string {
	var made struct{ Data []struct{ ID string } }
	status, err := c.call(ctx, http.MethodPost, "/api/attachments?name=a.txt", []byte(content), &made)
	switch {
	case err != nil:
		return []string{}
	case status != http.StatusCreated || len(made.Data) != 1:
		c.t.Errorf("POST /api/attachments: %d", status)
		return []string{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[made.Data[0].ID] = content
	return []string{made.Data[0].ID}
}

// download says what is in a file.
func (c *crashing) download(ctx context.Context, id string) string {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/api/attachments/"+id, nil)
	if err != nil {
		return err.Error()
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.client.Do(req)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (c *crashing) call(ctx context.Context, method, path string, body []byte, answer any) (int, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := c.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	return res.StatusCode, json.Unmarshal(b, answer)
}

// compare looks for every acknowledged ticket, and for numbers that were given twice.
func (c *crashing) compare() {
	c.t.Helper()
	ctx, stop := context.WithTimeout(c.t.Context(), patience+10*time.Second)
	defer stop()
	there, numbers := map[string]string{}, map[int]bool{}
	for cursor := ""; ; {
		var page struct {
			Data []struct {
				ID, Title string
				Number    int
			}
			NextCursor string `json:"next_cursor"`
		}
		if status, err := c.call(ctx, http.MethodGet, "/api/tickets?limit=100&cursor="+cursor, nil, &page); err != nil || status != http.StatusOK {
			c.t.Fatalf("GET /api/tickets: %d, %v", status, err)
		}
		for _, one := range page.Data {
			if numbers[one.Number] {
				c.t.Errorf("number %d was given twice", one.Number)
			}
			there[one.ID], numbers[one.Number] = one.Title, true
		}
		if cursor = page.NextCursor; cursor == "" {
			break
		}
	}
	for id, title := range c.acked {
		if there[id] != title {
			c.t.Errorf("ticket %s (%s) was acknowledged and is lost", id, title)
		}
	}
	for id, content := range c.files {
		if got := c.download(ctx, id); got != content {
			c.t.Errorf("file %s was acknowledged with %q and is %q", id, content, got)
		}
	}
	for n := range len(numbers) {
		if !numbers[n+1] {
			c.t.Errorf("number %d is missing", n+1)
		}
	}
}

// end has the node check its store, and kills it for the last time.
func (c *crashing) end(node *exec.Cmd) {
	c.t.Helper()
	var found checked
	c.command(&found, "check")
	if len(found.Findings) > 0 {
		c.t.Errorf("check: %+v", found.Findings)
	}
	_ = node.Process.Kill()
	_ = node.Wait()
}
