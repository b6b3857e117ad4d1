package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// partnerPage is the web site of a partner. What stands in it as {{name}} is filled in; all of it is escaped.
//
//go:embed demo_partner.html
var partnerPage string

// mailLine leads from the partner's page to the mailbox.
const mailLine = `  <p>The help desks of this demo mail codes and links to nobody: <a href="/mail">read their mail here</a>.</p>
`

// The partner's user who is signed in there.
const (
	demoUserName  = "Bea Fischer"
	demoUserEmail = "bea.fischer@example.com"
	demoCompany   = "Harbour Works"
)

// servePartner serves the partner's web site, and beside it the mailbox, on its own origin until ctx ends.
func servePartner(ctx context.Context, l net.Listener, d *demoDocument, box *mailbox) error {
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var page string
			switch {
			case r.URL.Path == "/" && len(d.Tenants) > 0:
				page = d.partnerPage(time.Now())
			case r.URL.Path == "/mail" && box != nil:
				page = box.page()
			default:
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store")
			_, _ = w.Write([]byte(page))
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// partnerPage is the page as it is at one moment: the signed form is good for two minutes.
func (d *demoDocument) partnerPage(now time.Time) string {
	t := d.Tenants[0]
	// The door at the tenant's own host is the same as that at the node's; it spares the visitor one question about
	// the demo's certificate.
	action := t.URL + "/api/auth/redirect/" + t.Slug
	ts, nonce := strconv.FormatInt(now.Unix(), 10), rand.Text()
	values := map[string]string{
		"action": action, "name": demoUserName, "email": demoUserEmail, "back": d.PartnerURL + "/", "tenant": t.Name,
		"widget": t.URL + "/widget.js",
		"ts":     ts, "nonce": nonce,
		"sig": signRedirect(t.Secrets["redirect_key"], t.Slug, demoUserEmail, demoUserName, d.PartnerURL+"/", ts, nonce),
	}
	var pairs []string
	for k, v := range values {
		pairs = append(pairs, "{{"+k+"}}", html.EscapeString(v))
	}
	page := partnerPage
	if d.MailURL == "" {
		page = strings.Replace(page, mailLine, "", 1)
	}
	return strings.NewReplacer(pairs...).Replace(page)
}

// signRedirect is what a partner's server does so that the redirect login believes it.
func signRedirect(key, slug, email, name, back, ts, nonce string) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(mac, "deskgate-redirect-v1\n%s\n%d:%s\n%d:%s\n%d:%s\n%s\n%s",
		slug, len(email), email, len(name), name, len(back), back, ts, nonce)
	return hex.EncodeToString(mac.Sum(nil))
}
