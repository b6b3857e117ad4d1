package words_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/web/words"
)

func load(t *testing.T) *words.Catalogue {
	t.Helper()
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestReader(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	c := load(t)
	at := time.Date(2026, time.March, 1, 23, 30, 0, 0, time.UTC)
	for _, tc := range []struct{ got, want string }{
		{c.Reader("de", berlin).Time(at), "2. März 2026, 00:30"},
		{c.Reader("de", nil).Time(at), "1. März 2026, 23:30 UTC"},
		{c.Reader("en", berlin).Day(at), "2 March 2026"},
		{c.Reader("xx", nil).Day(at), "1 March 2026"},
		{words.Reader{}.Time(at), "1 March 2026, 23:30 UTC"},
		{c.Reader("de", nil).T("%d minutes ago", 1234), "vor 1.234 Minuten"},
		{c.Reader("en", nil).T("Ticket #%d", uint64(1234)), "Ticket #1234"},
		{c.Reader("de", nil).T("Nobody translates this: %s|ever", "A"), "Nobody translates this: A"},
		{string(c.Reader("en", nil).H("We wrote to <b>%s</b>.", "<i>")), "We wrote to <b>&lt;i&gt;</b>."},
	} {
		if tc.got != tc.want {
			t.Errorf("got %q, want %q", tc.got, tc.want)
		}
	}
}

func TestAgo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := load(t)
		en, de := c.Reader("en", nil), c.Reader("de", nil)
		for _, tc := range []struct {
			d            time.Duration
			english, ger string
		}{
			{59 * time.Second, "just now", "gerade eben"},
			{time.Minute, "a minute ago", "vor einer Minute"},
			{59 * time.Minute, "59 minutes ago", "vor 59 Minuten"},
			{time.Hour, "an hour ago", "vor einer Stunde"},
			{3 * time.Hour, "3 hours ago", "vor 3 Stunden"},
			{30 * time.Hour, "yesterday", "gestern"},
			{6 * 24 * time.Hour, "6 days ago", "vor 6 Tagen"},
			{7 * 24 * time.Hour, "25 Dec 1999", "25. Dez. 1999"},
		} {
			at := time.Now().Add(-tc.d)
			if got := en.Ago(at); got != tc.english {
				t.Errorf("%v ago in English is %q, want %q", tc.d, got, tc.english)
			}
			if got := de.Ago(at); got != tc.ger {
				t.Errorf("%v ago in German is %q, want %q", tc.d, got, tc.ger)
			}
		}
	})
}

func TestChoose(t *testing.T) {
	c := load(t)
	for _, tc := range []struct {
		wishes []string
		want   string
	}{
		{nil, "en"},
		{[]string{"", "de-AT,de;q=0.9,en;q=0.5"}, "de"},
		{[]string{"", "fr-FR,fr;q=0.9"}, "en"},
		{[]string{"fr", "de"}, "de"},
		{[]string{"en", "de"}, "en"},
		{[]string{"\x00 nonsense;q=9", "de_CH"}, "de"},
	} {
		if got := c.Choose(tc.wishes...); got != tc.want {
			t.Errorf("Choose(%q) = %q, want %q", tc.wishes, got, tc.want)
		}
	}
}
