package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"fmt"
	"html/template"
	"strings"
	text "text/template"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/mail"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/web/words"
)

//go:embed letters
var letterFiles embed.FS

// Letters puts letters into words, as text and as HTML. It is safe for concurrent use.
type Letters struct {
	kinds     map[mail.Kind]wording
	threads   *notify.Threads
	catalogue *words.Catalogue
}

// wording is one kind of letter: its text has a subject and a body, its HTML the same body.
type wording struct {
	text *text.Template
	html *template.Template
}

// NewLetters returns the renderer of letters; threads is where it reads what letters about tickets tell. An error is a mistake in our
// own files.
func NewLetters(threads *notify.Threads) (*Letters, error) {
	l := &Letters{kinds: map[mail.Kind]wording{}, threads: threads}
	var err error
	if l.catalogue, err = words.Load(); err != nil {
		return nil, err
	}
	for _, kind := range []mail.Kind{mail.Code, mail.Invite, mail.Reset, mail.Notice, mail.Request, mail.Claimed, mail.Work, mail.Digest, mail.WebhookOff} {
		name := "letters/" + string(kind)
		plain, err := text.New("text").Funcs(letterFunctions()).ParseFS(letterFiles, "letters/layout.txt", name+".txt")
		if err != nil {
			return nil, err
		}
		html, err := template.New("layout.html").Funcs(letterFunctions()).ParseFS(letterFiles, "letters/layout.html", name+".html")
		if err != nil {
			return nil, err
		}
		l.kinds[kind] = wording{plain, html}
	}
	return l, nil
}

// letterFunctions are what the templates of letters may call.
func letterFunctions() map[string]any {
	return map[string]any{"quote": quote, "markdown": markdown, "initials": initials}
}

// quote is a text as mail programs quote it.
func quote(s string) string {
	return "> " + strings.ReplaceAll(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n "), "\n", "\n> ")
}

// LetterReaders says whom letters about tickets are for.
func LetterReaders() notify.People {
	return notify.People{
		Requester: auth.Finding(func(u auth.User, r auth.Reading) notify.Reader {
			return notify.Reader{ID: u.ID, Email: u.Email, Name: u.Name, Language: cmp.Or(r.Language, r.Locale), Zone: r.Zone}
		}),
		Staff: staff.Reading(func(m staff.Member, r auth.Reading) notify.Reader {
			return notify.Reader{ID: m.ID, Email: m.Email, Name: m.Name, Language: r.Language, Zone: r.Zone, Admin: m.Role == auth.RoleAdmin}
		}),
	}
}

// letterView is what the words of a letter are filled in from.
type letterView struct {
	words.Reader
	mail.Letter

	// Facts are those of a letter about a ticket.
	Facts notify.Facts
	// Site is whose help desk writes.
	Site    string
	Subject string
	// When, Title and What are a notice's: when it happened, and what, in a few words and in a sentence.
	When        time.Time
	Title, What string
	// Brand is how the tenant's colour looks in the letter.
	Brand letterBrand
}

// Field is one of the letter's facts.
func (v *letterView) Field(name string) string { return v.Fields[name] }

// Render puts a letter of a tenant's into words. mail.ErrMoot: it is about a ticket, and there is nothing left to tell.
func (l *Letters) Render(ctx context.Context, t *tenant.Tenant, m mail.Letter) (mail.Content, error) {
	w, known := l.kinds[m.Kind]
	if !known {
		return mail.Content{}, fmt.Errorf("there are no words for %q", m.Kind)
	}
	v := &letterView{Letter: m, Site: t.Name, Brand: brandOf(t)}
	var err error
	switch {
	case m.Kind.AboutTickets():
		v.Facts, err = l.threads.Read(ctx, t, m)
	case m.Kind == mail.WebhookOff:
		v.Facts, err = l.threads.Alarm(ctx, t, m)
	}
	if err != nil {
		return mail.Content{}, err
	}
	v.Reader = l.reader(t, v.Facts.Reader)
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
	if err := w.text.ExecuteTemplate(&body, "layout", v); err != nil {
		return mail.Content{}, err
	}
	if err := w.html.Execute(&html, v); err != nil {
		return mail.Content{}, err
	}
	return mail.Content{Subject: v.Subject, Text: body.String(), HTML: html.String(), Unsubscribe: v.Facts.Unsubscribe}, nil
}

// reader is how the reader of a letter is spoken to: as they wish, else as the tenant's people are.
func (l *Letters) reader(t *tenant.Tenant, who notify.Reader) words.Reader {
	language, zone := t.Settings.Language, t.Settings.Location()
	if who.Language != "" {
		language = l.catalogue.Choose(who.Language)
	}
	if who.Zone != "" {
		if own, err := time.LoadLocation(who.Zone); err == nil {
			zone = own
		}
	}
	if zone == time.UTC {
		zone = nil // then times say so
	}
	return l.catalogue.Reader(language, zone)
}

// noticeWords say what a notice is about: in a few words, and in a sentence with room for a detail.
func noticeWords() map[string][2]string {
	return map[string][2]string{
		mail.NoticePassword:       {words.Key("New password"), words.Key("The password of your account was changed.")},
		mail.NoticePasskeyAdded:   {words.Key("New passkey"), words.Key("A passkey was added to your account.")},
		mail.NoticePasskeyRemoved: {words.Key("Passkey removed"), words.Key("A passkey was removed from your account.")},
		mail.NoticeTOTPOn: {
			words.Key("Two-step sign-in is on"),
			words.Key("From now on, signing in to your account takes a code from your authenticator app as well."),
		},
		mail.NoticeTOTPOff: {
			words.Key("Two-step sign-in is off"),
			words.Key("Signing in to your account no longer takes a code from an authenticator app."),
		},
		mail.NoticeRecovery: {
			words.Key("New recovery codes"),
			words.Key("New recovery codes were made for your account. Older ones no longer work."),
		},
		mail.NoticeRecoveryUsed: {
			words.Key("Recovery code used"),
			words.Key("Somebody signed in to your account with one of its recovery codes."),
		},
		mail.NoticeSignIn: {
			words.Key("New sign-in"),
			words.Key("Somebody signed in to your account from a device that was not seen before."),
		},
	}
}

// notice fills in what a notice is about.
func (v *letterView) notice() (err error) {
	said, known := noticeWords()[v.Field("what")]
	if !known {
		return fmt.Errorf("there are no words for a notice about %q", v.Field("what"))
	}
	v.Title, v.What = v.T(said[0]), v.T(said[1])
	if detail := v.Field("detail"); detail != "" {
		v.What += " (" + detail + ")"
	}
	v.When, err = time.Parse(time.RFC3339, v.Field("when"))
	return err
}
