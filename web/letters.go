package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"strings"
	text "text/template"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
)

//go:embed letters
var letterFiles embed.FS

// Letters puts letters into words, as text and as HTML. It is safe for concurrent use.
type Letters struct{ kinds map[mail.Kind]wording }

// wording is one kind of letter: its text has a subject and a body, its HTML the same body.
type wording struct {
	text *text.Template
	html *template.Template
}

// NewLetters returns the renderer of letters. An error is a mistake in our own files.
func NewLetters() (*Letters, error) {
	l := &Letters{kinds: map[mail.Kind]wording{}}
	for _, kind := range []mail.Kind{mail.Code, mail.Invite, mail.Reset, mail.Notice} {
		name := "letters/" + string(kind)
		plain, err := text.New("text").Funcs(functions()).ParseFS(letterFiles, name+".txt")
		if err != nil {
			return nil, err
		}
		html, err := template.New("layout.html").Funcs(functions()).ParseFS(letterFiles, "letters/layout.html", name+".html")
		if err != nil {
			return nil, err
		}
		l.kinds[kind] = wording{plain, html}
	}
	return l, nil
}

// letterView is what the words of a letter are filled in from.
type letterView struct {
	mail.Letter

	// Site is whose help desk writes.
	Site    string
	Subject string
	// When, Title and What are a notice's: when it happened, and what, in a few words and in a sentence.
	When        time.Time
	Title, What string
}

// Field is one of the letter's facts.
func (v *letterView) Field(name string) string { return v.Fields[name] }

// Render puts a letter of a tenant's into words.
func (l *Letters) Render(t *tenant.Tenant, m mail.Letter) (mail.Content, error) {
	w, known := l.kinds[m.Kind]
	if !known {
		return mail.Content{}, fmt.Errorf("there are no words for %q", m.Kind)
	}
	v := &letterView{Letter: m, Site: t.Name}
	if m.Kind == mail.Notice {
		if err := v.notice(); err != nil {
			return mail.Content{}, err
		}
	}
	var subject, body, html bytes.Buffer
	if err := w.text.ExecuteTemplate(&subject, "subject", v); err != nil {
		return mail.Content{}, err
	}
	v.Subject = strings.Join(strings.Fields(subject.String()), " ")
	if v.Name != "" {
		fmt.Fprintf(&body, "Hello %s,\n\n", v.Name)
	}
	if err := w.text.ExecuteTemplate(&body, "body", v); err != nil {
		return mail.Content{}, err
	}
	if err := w.html.Execute(&html, v); err != nil {
		return mail.Content{}, err
	}
	return mail.Content{Subject: v.Subject, Text: body.String(), HTML: html.String()}, nil
}

// noticeWords say what a notice is about: in a few words, and in a sentence with room for a detail.
func noticeWords() map[string][2]string {
	return map[string][2]string{
		mail.NoticePassword:       {"New password", "The password of your account was changed."},
		mail.NoticePasskeyAdded:   {"New passkey", "A passkey was added to your account."},
		mail.NoticePasskeyRemoved: {"Passkey removed", "A passkey was removed from your account."},
		mail.NoticeTOTPOn:         {"Two-step sign-in is on", "From now on, signing in to your account takes a code from your authenticator app as well."},
		mail.NoticeTOTPOff:        {"Two-step sign-in is off", "Signing in to your account no longer takes a code from an authenticator app."},
		mail.NoticeRecovery:       {"New recovery codes", "New recovery codes were made for your account. Older ones no longer work."},
		mail.NoticeRecoveryUsed:   {"Recovery code used", "Somebody signed in to your account with one of its recovery codes."},
		mail.NoticeSignIn:         {"New sign-in", "Somebody signed in to your account from a device that was not seen before."},
	}
}

// notice fills in what a notice is about.
func (v *letterView) notice() (err error) {
	words, known := noticeWords()[v.Field("what")]
	if !known {
		return fmt.Errorf("there are no words for a notice about %q", v.Field("what"))
	}
	v.Title, v.What = words[0], words[1]
	if detail := v.Field("detail"); detail != "" {
		v.What += " (" + detail + ")"
	}
	v.When, err = time.Parse(time.RFC3339, v.Field("when"))
	return err
}
