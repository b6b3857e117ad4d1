package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
)

// agent signs the client in as a new admin of the tenant.
func (n *node) agent(ctx context.Context, c *http.Client) (*http.Client, error) {
	var made struct {
		Link string `json:"invite_url"`
	}
	address := strings.ToLower(rand.Text()) + "@acme.example" // a data folder may have seen others
	if err := n.admin(ctx, &made, "agent", "invite", "acme", address, "--name", "Ada Agent", "--role", "admin"); err != nil {
		return nil, err
	}
	link, err := url.Parse(made.Link)
	if err != nil {
		return nil, err
	}
	form := link.Query()
	form.Set("password", "correct horse battery staple")
	return c, n.enterBy(ctx, c, link.Path, form)
}

// requester signs the client in as somebody whom the tenant's server vouches for.
func (n *node) requester(ctx context.Context, c *http.Client) (*http.Client, error) {
	body := url.Values{"email": {"rita@partner.example"}, "name": {"Rita"}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+n.host+"/api/auth/redirect/acme", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+n.token)
	res, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	link, err := res.Location()
	if err != nil {
		return nil, fmt.Errorf("redirect login: status %d: %w", res.StatusCode, err)
	}
	return c, n.enterBy(ctx, c, link.RequestURI(), nil)
}

// enterBy opens a door, with a form or without one, and keeps the cookies that it gives.
func (n *node) enterBy(ctx context.Context, c *http.Client, path string, form url.Values) (err error) {
	if c.Jar, err = cookiejar.New(nil); err != nil {
		return err
	}
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	r, err := n.to(ctx, method, path, form.Encode())
	if err != nil {
		return err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://"+n.host)
	} else {
		r.Header.Set("Sec-Fetch-Site", "none")
	}
	res, err := c.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		text, _ := io.ReadAll(res.Body)
		return fmt.Errorf("%s: status %d: %.300s", strings.Split(path, "?")[0], res.StatusCode, text)
	}
	return nil
}
