package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/proxy/ca"
)

// doctor runs it with the node's data folder, and returns what it found, a line each, and what passed.
func (m *manager) doctor(t *testing.T, args ...string) (found, passed string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "deskgate", append([]string{"doctor", "--json", "--tls", "internal", "--data", filepath.Join(m.dir, "data"), "--config", m.config}, args...)...)
	out, err := c.Output()
	var a struct {
		Findings []diagnosis
		Passed   []string
	}
	if err := json.Unmarshal(out, &a); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var exit *exec.ExitError
	if failed := errors.As(err, &exit); failed != (len(a.Findings) > 0) {
		t.Errorf("%d findings, and %v", len(a.Findings), err)
	}
	var lines strings.Builder
	for _, d := range a.Findings {
		lines.WriteString(d.Check + ": " + d.Problem + "\n")
		if d.Fix == "" {
			t.Errorf("%s: no fix for %s", d.Check, d.Problem)
		}
	}
	return lines.String(), strings.Join(a.Passed, ", ")
}

func wantFinding(t *testing.T, found, want string) {
	t.Helper()
	if !strings.Contains(found, want) {
		t.Errorf("nothing is said of %q in:\n%s", want, found)
	}
}

// The doctor asks a running node what it alone knows, looks whether it listens, and when there was a backup.
func TestDoctorOfARunningNode(t *testing.T) {
	m := newManager(t)
	m.start(t)
	m.command(t, "tenant", "create", "acme")
	addresses := []string{"--https", m.https.Addr().String(), "--http", m.http.Addr().String()}
	found, passed := m.doctor(t, addresses...)
	for _, check := range []string{"ports", "certificates", "domains", "queues", "upstreams", "backup", "master key", "data folder"} {
		if !strings.Contains(passed, check) {
			t.Errorf("%s is not among what passed: %s\n%s", check, passed, found)
		}
	}

	m.command(t, "route", "add", "acme", m.acme, "/app", "http://127.0.0.1:1", "--health-path", "/healthz", "--health-interval", "1s")
	eventually(t, "the upstream is not down", func() error {
		if found, _ = m.doctor(t, addresses...); !strings.Contains(found, "upstreams: the upstream http://127.0.0.1:1 is down: ") {
			return errors.New(found)
		}
		return nil
	})
	for _, name := range []string{"master.key", nodeFile} {
		age(t, filepath.Join(m.dir, "data", name), 8*24*time.Hour)
	}
	found, _ = m.doctor(t, "--https", fmt.Sprintf("127.0.0.1:%d", freePort(t)), "--http", m.http.Addr().String())
	wantFinding(t, found, "ports: a node runs on this data folder, and nothing listens at 127.0.0.1:")
	wantFinding(t, found, "backup: there was never a backup")
	m.command(t, "backup", filepath.Join(m.dir, "backup"))
	if _, passed = m.doctor(t, addresses...); !strings.Contains(passed, "backup") {
		t.Error("a fresh backup is not enough")
	}
	age(t, filepath.Join(m.dir, "data", backupNote), 8*24*time.Hour)
	found, _ = m.doctor(t, addresses...)
	wantFinding(t, found, "backup: the last backup was made on ")
	if err := os.Remove(filepath.Join(m.dir, "data", "master.key")); err != nil {
		t.Fatal(err)
	}
	found, _ = m.doctor(t, addresses...)
	wantFinding(t, found, "master key: a node ran on ")
}

func age(t *testing.T, file string, by time.Duration) {
	t.Helper()
	at := time.Now().Add(-by)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// The CA is asked whether it is there, and what time it is.
func TestDoctorTellsOfDrift(t *testing.T) {
	at := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	some := []drifting{{"help.acme.example", at, "No record."}, {"shop.bee.example", at, "No record."}}
	found := driftFindings(some, 5)
	if len(found) != 3 || found[0].Problem != "the proof of help.acme.example is gone since 2026-11-20 08:00:00: No record." ||
		!strings.Contains(found[1].Fix, "domain show shop.bee.example") || found[2].Problem != "the proof of 3 more is gone" {
		t.Errorf("two of five: %+v", found)
	}
	if found := driftFindings(nil, 0); len(found) > 0 {
		t.Errorf("none: %+v", found)
	}
}

func TestDoctorAsksTheCA(t *testing.T) {
	skew := time.Duration(0)
	ca := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/directory" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
	}))
	defer ca.Close()
	for _, tc := range []struct {
		url  string
		skew time.Duration
		want string
	}{
		{ca.URL + "/directory", 0, ""},
		{ca.URL + "/directory", 20 * time.Second, ""},
		{ca.URL + "/directory", -5 * time.Minute, "differ by 5m"},
		{ca.URL + "/directory", time.Hour, "differ by "},
		{ca.URL + "/", 0, "answers 404"},
		{"http://127.0.0.1:1/", 0, "can't be asked"},
	} {
		skew = tc.skew
		found := examineAuthorities(t.Context(), &settings{tls: tlsACME, acmeCA: []string{tc.url}})
		switch {
		case tc.want == "" && len(found) > 0:
			t.Errorf("%s, %s apart: %v", tc.url, tc.skew, found)
		case tc.want != "" && (len(found) != 1 || !strings.Contains(found[0].Problem, tc.want) || found[0].Fix == ""):
			t.Errorf("%s, %s apart: %v, want %q", tc.url, tc.skew, found, tc.want)
		}
	}
	if found := examineAuthorities(t.Context(), &settings{tls: tlsInternal, acmeCA: []string{"http://127.0.0.1:1/"}}); len(found) > 0 {
		t.Errorf("without a CA: %v", found)
	}
}

// What the machine has is compared with what the node wants.
func TestDoctorOfTheMachine(t *testing.T) {
	if found := tooMuch(512<<20, 1<<30); len(found) > 0 {
		t.Errorf("half of the memory: %v", found)
	}
	if found := tooMuch(1<<30, 1<<30); len(found) != 1 {
		t.Errorf("all of the memory: %v", found)
	}
	buffers := map[string]string{"rmem_max": "212992\n", "wmem_max": "7340032\n"}
	found := smallBuffers(func(name string) (string, error) { return buffers[name], nil })
	if len(found) != 1 || !strings.Contains(found[0].Problem, "net.core.rmem_max is 212992:") || !strings.Contains(found[0].Fix, "sysctl -w net.core.rmem_max=7340032,") {
		t.Errorf("small buffers: %v", found)
	}
	buffers["rmem_max"] = "8388608\n"
	if found := smallBuffers(func(name string) (string, error) { return buffers[name], nil }); len(found) > 0 {
		t.Errorf("large buffers: %v", found)
	}
	taken := newManager(t).https
	found = examinePort(t.Context(), place{"tcp", taken.Addr().String()})
	if len(found) != 1 || !strings.Contains(found[0].Problem, "something else listens") {
		t.Errorf("a port that is taken: %v", found)
	}
	found = examinePort(t.Context(), place{"udp", taken.Addr().String()})
	if len(found) != 1 || !strings.Contains(found[0].Problem, "(UDP)") {
		t.Errorf("a UDP port that is taken: %v", found)
	}
}

// Who uses the node's own CA is told in time that clients need its next root, unless it was their wish.
func TestDoctorOfTheRoot(t *testing.T) {
	end := time.Date(2036, 11, 18, 0, 0, 0, 0, time.UTC)
	present := rootDocument{State: ca.Present, NotAfter: end}
	next := rootDocument{State: ca.Coming, SignsFrom: end.AddDate(-1, 0, 0), Automatic: true}
	found := rootFindings([]rootDocument{present, next})
	if len(found) != 1 || found[0].Problem != "the root of the node's own CA ends 2036-11-18, and the next one signs from 2035-11-18 on" || found[0].Fix == "" {
		t.Errorf("a successor that made itself: %v", found)
	}
	next.Automatic = false
	for name, roots := range map[string][]rootDocument{"asked for": {present, next}, "one": {present}, "none": nil, "former": {present, {State: ca.Former, Automatic: true}}} {
		if found := rootFindings(roots); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// A CA that is left alone is a finding, with until when and why.
func TestDoctorOfCAs(t *testing.T) {
	until := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	rests, works := authorityState{Authority: "a.example", RestsTill: &until, Reason: "It wants fewer requests."}, authorityState{Authority: "b.example", Faults: 1}
	for name, tc := range map[string]struct {
		all  []authorityState
		want int
		fix  string
	}{
		"none": {}, "one that works": {all: []authorityState{works}},
		"another one works": {[]authorityState{rests, works}, 1, "another CA is asked meanwhile"},
		"the only one":      {[]authorityState{rests}, 1, "a second --acme-ca"},
	} {
		found := restFindings(tc.all)
		if len(found) != tc.want {
			t.Errorf("%s: %v", name, found)
			continue
		}
		if tc.want == 1 && (found[0].Problem != "a.example is asked for no certificates until 2026-11-21 12:00:00 UTC: It wants fewer requests." || !strings.Contains(found[0].Fix, tc.fix)) {
			t.Errorf("%s: %v", name, found)
		}
	}
}
