package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/web/webtest"
)

// offersOf is the bar for many tickets of a page.
func offersOf(t *testing.T, page string) string {
	t.Helper()
	_, bar, found := strings.Cut(page, `id="bulk"`)
	bar, _, ended := strings.Cut(bar, "</form>")
	if !found || !ended {
		t.Fatal("the page has no bar for many tickets")
	}
	return bar
}

// TestBulkOffers: the bar for many tickets offers what can be done to at least one of the list, and one sentence says how many
// were changed, how many were not, and why.
func TestBulkOffers(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "One", "Two", "Three", "Four", "Five", "Six")
	closing, spam, resolved := `name="do" value="close"`, `name="do" value="spam"`, `<option value="resolved"`
	bulk := func(form url.Values) string {
		t.Helper()
		return expect(t, d.ann.Open(d.home+d.send(d.ann, "/agent/bulk", form)), 200, "").Body
	}
	change := func(status string, ids ...string) url.Values {
		return url.Values{"ids": ids, "do": {"change"}, "status": {status}}
	}

	inbox := offersOf(t, expect(t, d.ann.Open(d.home+"/agent"), 200, "").Body)
	for _, want := range []string{closing, spam, resolved, `<option value="on_hold"`} {
		if !strings.Contains(inbox, want) {
			t.Errorf("the inbox does not offer %s", want)
		}
	}
	lacks(t, inbox, `value="no-spam"`)

	d.send(d.ann, "/agent/bulk", change("resolved", "1", "2", "3"))
	done := expect(t, d.ann.Open(d.home+"/agent?view=done"), 200, `data-can="spam"`).Body
	bar := offersOf(t, done)
	lacks(t, bar, closing)
	lacks(t, bar, `name="status"`)

	page := bulk(change("closed", "1", "2", "4", "5"))
	if want := "2 of 4 tickets were changed: 2 can&#39;t get this status from the one that they have."; !strings.Contains(page, want) {
		t.Errorf("the page does not say %q", want)
	}
	lacks(t, page, "It can&#39;t get this status") // said above, of all of them
	if want := "None of 2 tickets was changed: 2 can&#39;t get"; !strings.Contains(bulk(change("closed", "1", "2")), want) {
		t.Errorf("the page does not say %q", want)
	}
	if want := "The ticket was not changed. It can&#39;t get this status"; !strings.Contains(bulk(change("closed", "1")), want) {
		t.Errorf("the page does not say %q", want)
	}

	d.send(d.ann, "/agent/bulk", url.Values{"ids": {"6"}, "do": {"spam"}})
	bar = offersOf(t, expect(t, d.ann.Open(d.home+"/agent?view=spam"), 200, "Six").Body)
	lacks(t, bar, spam)
	if !strings.Contains(bar, `value="no-spam"`) {
		t.Error("spam cannot be taken for no spam")
	}
	d.send(d.ann, "/agent/bulk", url.Values{"ids": {"6"}, "do": {"no-spam"}})
	if got := d.ticket(6); got.Spam() {
		t.Error("the ticket is spam still")
	}
}

// TestBrowserBulkOffers: the bar follows what is chosen.
func TestBrowserBulkOffers(t *testing.T) {
	t.Parallel()
	d := newConsoleDesk(t, "One", "Two", "Three")
	d.send(d.ann, "/agent/bulk", url.Values{"ids": {"1"}, "do": {"change"}, "status": {"resolved"}})
	b := webtest.NewBrowser(t, webtest.BrowserOptions{})
	b.Wear(webtest.Look{Width: 1440, Language: "en"})
	b.Enter(d.ann, d.home+"/agent?view=all")
	shown := `["close", "spam", "delete"].filter(x => document.querySelector("#bulk [value=" + x + "]").checkVisibility()).join() + " " +
		[...document.querySelectorAll("#bulk [name=status] option:enabled")].map(o => o.value).join() + " " + !!document.querySelector("#bulk [name=status]").checkVisibility()`
	b.Click(`[name=ids][value="1"]`)
	b.Until(shown, "spam,delete  false")
	b.Click(`[name=ids][value="2"]`)
	b.Until(shown, "close,spam,delete ,open,pending,on_hold,resolved,closed true")
	b.Choose(`#bulk [name=status]`, "Closed")
	b.Click(`[name=ids][value="2"]`)
	b.Until(shown+` + document.querySelector("#bulk [name=status]").value`, "spam,delete  false")
}
