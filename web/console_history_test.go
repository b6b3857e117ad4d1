package web_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/tickets"
)

// A long history is read part by part, the newest first.
func TestConsoleHistory(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "Printer")
	for i := range 105 {
		_, err := d.Desk.Update(t.Context(), d.Acme.Tenant, tickets.System("test"), tickets.ByNumber(1), tickets.Change{AddTags: []string{"t" + strconv.Itoa(i%15)}, RemoveTags: []string{"t" + strconv.Itoa((i+14)%15)}})
		if err != nil {
			t.Fatal(err)
		}
	}
	first := expect(t, d.ann.Open(d.home+"/agent/tickets/1?history=1&view=all"), 200, "t14 → t0")
	if strings.Contains(first.Body, "opened the ticket") {
		t.Error("the first part has everything")
	}
	older := regexp.MustCompile(`href="(/agent/tickets/1\?history=[^"]+)"[^>]*>[^E]*Earlier entries`).FindStringSubmatch(first.Body)
	if older == nil {
		t.Fatal("nothing leads to the rest")
	}
	at, _, _ := strings.Cut(strings.ReplaceAll(older[1], "&amp;", "&"), "#")
	rest := expect(t, d.ann.Open(d.home+at), 200, "opened the ticket")
	if n := strings.Count(first.Body, "changed the ticket") + strings.Count(rest.Body, "changed the ticket"); n != 105 || strings.Contains(rest.Body, "Earlier entries") {
		t.Errorf("both parts have %d changes", n)
	}
}
