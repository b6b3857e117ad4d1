package main

import (
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/deskgate/deskgate/tenant/mail/mailtest"
)

// mailServers are the SMTP servers of the scripts, by their URL.
type mailServers struct {
	tb testing.TB

	mu    sync.Mutex
	byURL map[string]*mailtest.Server
}

// start runs a mail server and sets a variable to its URL: smtp VARIABLE.
func (m *mailServers) start(ts *testscript.TestScript, _ bool, args []string) {
	s := mailtest.Start(m.tb, mailtest.Options{})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byURL[s.URL] = s
	ts.Setenv(args[0], s.URL)
}

// letter waits for a letter and sets a variable to its first link: letter URL TO SUBJECT VARIABLE.
func (m *mailServers) letter(ts *testscript.TestScript, _ bool, args []string) {
	m.mu.Lock()
	s := m.byURL[args[0]]
	m.mu.Unlock()
	l := s.Wait(m.tb, args[1])
	if !strings.Contains(l.Subject, args[2]) {
		ts.Fatalf("the letter is about %q", l.Subject)
	}
	ts.Setenv(args[3], l.Link(m.tb))
}
