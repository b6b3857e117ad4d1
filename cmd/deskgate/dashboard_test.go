package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// The dashboard and the alerts in deploy ask for what a running node has: every name, every label, every value of a label.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	shown := runningMetrics(t)
	for file, exprs := range map[string][]string{"grafana.json": dashboardQueries(t), "alerts.yml": alertRules(t)} {
		for _, expr := range exprs {
			for _, complaint := range unanswered(expr, shown) {
				t.Errorf("%s: %s\n\tin %s", file, complaint, expr)
			}
		}
	}
	for query, want := range map[string]bool{
		`rate(deskgate_requests_total{part="api"}[5m])`: true, `deskgate_request_total`: false, `sum(deskgate_requests_total{part="apis"})`: false,
		`deskgate_requests_total{by="api"}`: false, `sum by (le) (rate(deskgate_request_seconds_bucket{status=~"5.."}[1m]))`: false, `(up`: false,
	} {
		if got := len(unanswered(query, shown)) == 0; got != want {
			t.Errorf("%s is answered: %v, want %v", query, got, want)
		}
	}
}

// series is one that a node shows: its name and labels.
type series struct {
	name   string
	labels map[string]string
}

var (
	sample    = regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? `)
	labelPair = regexp.MustCompile(`([a-z_]+)(=~|!~|!=|=)"([^"]*)"`)
	selector  = regexp.MustCompile(`\b((?:deskgate|go|process)_[a-z_]+|up)\b(?:\{([^}]*)\})?`)
)

// runningMetrics are those of a node with its own CA, a tenant and an upstream, and what one shows of other CAs.
func runningMetrics(t *testing.T) []series {
	t.Helper()
	upstream := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(upstream.Close)
	data, metrics := measured(t, "--tls", "internal", "--metrics-tenants", "10")
	for _, args := range [][]string{{"tenant", "create", "acme"}, {"route", "add", "acme", "acme.deskgate.localhost", "/app", upstream.URL}} {
		if out, err := exec.CommandContext(t.Context(), "deskgate", append(args, "--data", data)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	all := seen(t, metrics, "deskgate_upstream_up{")
	_, metrics = measured(t, "--tls", "acme", "--acme-ca", "https://127.0.0.1:1/directory") // where nobody answers
	for _, s := range seen(t, metrics, `deskgate_acme_faults{authority="127.0.0.1:1"} 1`) {
		if strings.HasPrefix(s.name, "deskgate_acme_") {
			all = append(all, s)
		}
	}
	return append(all, series{"up", map[string]string{"job": "deskgate"}})
}

// measured starts a node that shows its metrics, and says where.
func measured(t *testing.T, args ...string) (data, metrics string) {
	t.Helper()
	data = filepath.Join(t.TempDir(), "data")
	secure, port, shown := freePort(t), freePort(t), freePort(t)
	node := exec.CommandContext(t.Context(), "deskgate", append([]string{
		"serve", "--data", data, "--log-level", "error", "--https", fmt.Sprintf("127.0.0.1:%d", secure),
		"--metrics", fmt.Sprintf("127.0.0.1:%d", shown), "--http", fmt.Sprintf("127.0.0.1:%d", port), "--node-url", fmt.Sprintf("https://deskgate.localhost:%d", secure),
	}, args...)...)
	node.Stderr = t.Output()
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = node.Process.Kill(), node.Wait() })
	nodeReady(t, data)
	return data, fmt.Sprintf("http://127.0.0.1:%d/metrics", shown)
}

// seen are the metrics at an address, as soon as a text is among them.
func seen(t *testing.T, address, text string) (all []series) {
	t.Helper()
	var got stringResult
	eventually(t, "the node does not show "+text, func() error {
		got = get(t, address)
		if got.err == nil && !strings.Contains(got.body, text) {
			return errors.New(got.body)
		}
		return got.err
	})
	for line := range strings.Lines(got.body) {
		if m := sample.FindStringSubmatch(line); m != nil {
			s := series{m[1], map[string]string{"job": "deskgate", "instance": "here"}}
			for _, pair := range labelPair.FindAllStringSubmatch(m[2], -1) {
				s.labels[pair[1]] = pair[3]
			}
			all = append(all, s)
		}
	}
	return all
}

// unanswered says what a query asks for that is not there.
func unanswered(expr string, shown []series) (complaints []string) {
	if strings.Count(expr, "(") != strings.Count(expr, ")") || strings.Count(expr, "{") != strings.Count(expr, "}") {
		complaints = append(complaints, "brackets don't match")
	}
	asked := selector.FindAllStringSubmatch(expr, -1)
	if len(asked) == 0 {
		complaints = append(complaints, "nothing is asked for")
	}
	for _, a := range asked {
		if !slices.ContainsFunc(shown, func(s series) bool { return s.name == a[1] && s.matches(a[2]) }) {
			complaints = append(complaints, "the node shows no "+a[0])
		}
	}
	return complaints
}

// matches says whether a series is one that a selector's labels ask for.
func (s series) matches(labels string) bool {
	for _, m := range labelPair.FindAllStringSubmatch(labels, -1) {
		if strings.HasPrefix(m[3], "$") {
			continue // the reader chooses
		}
		value, has := s.labels[m[1]]
		re, err := regexp.Compile("^(?:" + m[3] + ")$")
		if err != nil || !has {
			return false
		}
		if re.MatchString(value) == strings.HasPrefix(m[2], "!") {
			return false
		}
	}
	return true
}

type dashboard struct {
	UID           string `json:"uid"`
	SchemaVersion int    `json:"schemaVersion"`
	Templating    struct {
		List []struct{ Name string } `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`
}

type panel struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Title   string `json:"title"`
	GridPos struct{ X, Y, W, H int }
	Targets []struct {
		RefID      string               `json:"refId"`
		Expr       string               `json:"expr"`
		Datasource struct{ UID string } `json:"datasource"`
	} `json:"targets"`
}

// dashboardQueries are those of the dashboard, which has to be one that Grafana can show: panels have ids of their own, lie in
// the grid beside each other, and ask the data source that the reader has chosen.
func dashboardQueries(t *testing.T) (exprs []string) {
	t.Helper()
	var d dashboard
	b, err := os.ReadFile("../../deploy/grafana.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.SchemaVersion < 36 || len(d.Templating.List) == 0 || d.Templating.List[0].Name != "datasource" {
		t.Errorf("uid %q, schema %d, variables %v: not what Grafana 10 imports", d.UID, d.SchemaVersion, d.Templating.List)
	}
	taken, ids := map[[2]int]string{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q at %+v: an id that is taken, no title, or outside of the grid", p.ID, p.Title, p.GridPos)
		}
		ids[p.ID] = true
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
		if (p.Type == "row") != (len(p.Targets) == 0) {
			t.Errorf("%q has %d queries", p.Title, len(p.Targets))
		}
		refs := map[string]bool{}
		for _, q := range p.Targets {
			if refs[q.RefID] || q.Datasource.UID != "${datasource}" {
				t.Errorf("%q: query %q twice, or of data source %q", p.Title, q.RefID, q.Datasource.UID)
			}
			refs[q.RefID] = true
			exprs = append(exprs, q.Expr)
		}
	}
	return exprs
}

// alertRules are the expressions of all rules, each of which says what is wrong and how much that matters.
func alertRules(t *testing.T) (exprs []string) {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	b, err := os.ReadFile("../../deploy/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if names[r.Alert] || r.For == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" {
				t.Errorf("%s: twice, or without a time, a severity or a summary", r.Alert)
			}
			names[r.Alert] = true
			exprs = append(exprs, r.Expr)
		}
	}
	return exprs
}

// Whatever the node shows by the name deskgate_ stands in the manual.
func TestMetricsAreInTheManual(t *testing.T) {
	b, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	said, shown := map[string]bool{}, map[string]bool{}
	for _, name := range regexp.MustCompile("`(deskgate_[a-z_]+)").FindAllStringSubmatch(string(b), -1) {
		said[name[1]] = true
	}
	ends := regexp.MustCompile(`_(bucket|sum|count)$`)
	for _, s := range runningMetrics(t) {
		if name := ends.ReplaceAllString(s.name, ""); strings.HasPrefix(name, "deskgate_") {
			shown[name] = true
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(said))); diff != "" {
		t.Errorf("metrics that a node shows, and those in deploy/README.md (-shown +in the manual):\n%s", diff)
	}
}
