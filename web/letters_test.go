package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/web"
	"github.com/deskgate/deskgate/web/webtest"
)

func render(tb testing.TB, l mail.Letter) mail.Content {
	tb.Helper()
	letters, err := web.NewLetters(nil)
	if err != nil {
		tb.Fatal(err)
	}
	c, err := letters.Render(tb.Context(), &tenant.Tenant{Name: "Bolt & Sons"}, l)
	if err != nil {
		tb.Fatalf("Render(%+v): %v", l, err)
	}
	return c
}

// Whatever somebody reads their mail with, what they need is there.
func TestLettersSayTheSameInTextAndHTML(t *testing.T) {
	until := time.Date(2027, 1, 31, 14, 5, 0, 0, time.UTC)
	const link = "https://bolt.example/auth/reset?token=abc_-123&x=1"
	for _, tc := range []struct {
		letter  mail.Letter
		subject string
		text    []string
		html    []string
	}{
		{
			letter:  mail.Letter{Kind: mail.Code, Fields: map[string]string{"code": "00123456"}},
			subject: "Your code for Bolt & Sons",
			text:    []string{"00123456", "31 January 2027, 14:05 UTC"}, html: []string{">00123456<", "31 January 2027, 14:05 UTC"},
		},
		{
			letter:  mail.Letter{Kind: mail.Invite, Name: "Ana <Lima>", Fields: map[string]string{"url": link, "role": "admin"}},
			subject: "Your invitation to Bolt & Sons",
			text:    []string{"Hello Ana <Lima>,", "\n" + link + "\n", "look after its settings"},
			html:    []string{"Hello Ana &lt;Lima&gt;,", `href="https://bolt.example/auth/reset?token=abc_-123&amp;x=1"`, "look after its settings"},
		},
		{
			letter:  mail.Letter{Kind: mail.Reset, Fields: map[string]string{"url": link}},
			subject: "A new password for Bolt & Sons",
			text:    []string{"\n" + link + "\n"}, html: []string{`href="https://bolt.example/auth/reset?token=abc_-123&amp;x=1"`},
		},
		{
			letter: mail.Letter{Kind: mail.Notice, Fields: map[string]string{
				"what": mail.NoticePasskeyAdded, "when": "2027-01-30T09:00:00Z", "detail": "Ana's <phone>", "ip": "192.0.2.7",
			}},
			subject: "New passkey at Bolt & Sons",
			text:    []string{"A passkey was added to your account. (Ana's <phone>)", "30 January 2027, 09:00 UTC, from the address 192.0.2.7"},
			html:    []string{"Ana&#39;s &lt;phone&gt;", "30 January 2027, 09:00 UTC, from the address 192.0.2.7"},
		},
	} {
		tc.letter.Host, tc.letter.Expires = "help.bolt.example", until
		c := render(t, tc.letter)
		if c.Subject != tc.subject {
			t.Errorf("%s: subject %q, want %q", tc.letter.Kind, c.Subject, tc.subject)
		}
		for _, want := range append(tc.text, "Bolt & Sons", "help.bolt.example") {
			if !strings.Contains(c.Text, want) && (want != "help.bolt.example" || tc.letter.Kind != mail.Invite) {
				t.Errorf("%s: the text has no %q:\n%s", tc.letter.Kind, want, c.Text)
			}
		}
		for _, want := range append(tc.html, "Bolt &amp; Sons", "color-scheme") {
			if !strings.Contains(c.HTML, want) {
				t.Errorf("%s: the HTML has no %q:\n%s", tc.letter.Kind, want, c.HTML)
			}
		}
		if strings.Contains(c.HTML, "<table") || strings.Contains(c.HTML, "<img") || strings.Contains(c.HTML, "<script") {
			t.Errorf("%s: the HTML has a table, an image or a script:\n%s", tc.letter.Kind, c.HTML)
		}
	}
}

func TestEveryNoticeHasWords(t *testing.T) {
	subjects := map[string]bool{}
	for _, what := range []string{
		mail.NoticePassword, mail.NoticePasskeyAdded, mail.NoticePasskeyRemoved, mail.NoticeTOTPOn, mail.NoticeTOTPOff,
		mail.NoticeRecovery, mail.NoticeRecoveryUsed, mail.NoticeSignIn,
	} {
		c := render(t, mail.Letter{Kind: mail.Notice, Fields: map[string]string{"what": what, "when": "2027-01-30T09:00:00Z"}})
		if subjects[c.Subject] || c.Subject == "" {
			t.Errorf("notice about %s has the subject %q, which is empty or another's", what, c.Subject)
		}
		subjects[c.Subject] = true
	}
}

// An invitation goes by mail where the node sends mail, and its link is the one that the inviter sees as well.
func TestInvitationsAreMailed(t *testing.T) {
	n := webtest.Start(t, webtest.WithMail())
	invitation, err := n.Staff.Invite(t.Context(), n.Bolt.Tenant, "ana@bolt.example", "Ana", auth.RoleAdmin, "operator")
	if err != nil || !invitation.Mailed {
		t.Fatalf("Invite = %+v, %v, want it mailed", invitation, err)
	}
	letter := n.Mail.Wait(t, "ana@bolt.example")
	if link := letter.Link(t); link != invitation.URL {
		t.Errorf("the letter's link is %s, want %s", link, invitation.URL)
	}
	if answer := n.Client(t).Open(letter.Link(t)); answer.Status != http.StatusOK || !strings.Contains(answer.Body, "Ana") {
		t.Errorf("the invitation = %d %s", answer.Status, answer.Body)
	}
	if from := letter.Header.Get("From"); from != `"Bolt & Sons" <no-reply@desk.example>` {
		t.Errorf("From: %s", from)
	}
}
