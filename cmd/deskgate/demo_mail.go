package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// mailbox takes all mail of a demo and shows it: the demo's people have no mailboxes of their own. The newest letter is the
// first. It is safe for concurrent use.
type mailbox struct {
	mu      sync.Mutex
	letters []demoLetter
}

type demoLetter struct {
	to, subject, text string
	at                time.Time
}

const (
	demoLetters    = 50      // so many are kept
	demoLetterSize = 1 << 20 // bytes
)

// serve takes mail at the listener until ctx ends.
func (m *mailbox) serve(ctx context.Context, l net.Listener) error {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }))
	server.Domain, server.MaxMessageBytes = demoHost, demoLetterSize
	server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

func (m *mailbox) take(l demoLetter) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.letters = slices.Insert(m.letters, 0, l)
	m.letters = m.letters[:min(len(m.letters), demoLetters)]
}

// delivery is one connection.
type delivery struct {
	box *mailbox
	to  string
}

// Mail begins a letter.
func (*delivery) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt says whom it is for.
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error {
	d.to = to
	return nil
}

// Data takes the letter.
func (d *delivery) Data(r io.Reader) error {
	l, err := readLetter(r)
	if err != nil {
		return err
	}
	l.to, l.at = d.to, time.Now()
	d.box.take(l)
	return nil
}

// Reset forgets the letter that was begun.
func (d *delivery) Reset() { d.to = "" }

// Logout ends the connection.
func (*delivery) Logout() error { return nil }

// readLetter takes the subject and the plain text of one of the node's letters.
func readLetter(r io.Reader) (demoLetter, error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return demoLetter{}, err
	}
	var l demoLetter
	if l.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return l, err
	}
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return l, err
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		p, err := parts.NextPart()
		if err != nil {
			return l, errors.Join(errors.New("a letter without plain text"), err)
		}
		if !plainText(p.Header) {
			continue
		}
		text, err := io.ReadAll(p)
		l.text = string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
		return l, err
	}
}

func plainText(h textproto.MIMEHeader) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "text/plain"
}

// mailboxPage is the page of all letters. What stands in it as {{name}} is filled in.
//
//go:embed demo_mail.html
var mailboxPage string

var letterLinks = regexp.MustCompile(`https?://[^\s<]+`)

func (m *mailbox) page() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var b strings.Builder
	for _, l := range m.letters {
		text := letterLinks.ReplaceAllString(html.EscapeString(l.text), `<a href="$0">$0</a>`)
		fmt.Fprintf(&b, "<article><h2>%s</h2><p class=\"dim\">to %s, %s</p><pre>%s</pre></article>\n",
			html.EscapeString(l.subject), html.EscapeString(l.to), l.at.Format(time.TimeOnly), text)
	}
	if b.Len() == 0 {
		b.WriteString("<p class=\"dim\">Nothing has been sent yet. Confirm the address in the portal, or ask for a new password in the console.</p>")
	}
	return strings.Replace(mailboxPage, "{{letters}}", b.String(), 1)
}
