package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Answer is what became of a Post.
type Answer struct {
	Status int
	// Excerpt is the beginning of the answer's body.
	Excerpt []byte
	// RetryAfter is how long the server asks to wait; 0: it says nothing.
	RetryAfter time.Duration
}

// Post sends a body to a URL, whatever the answer's status, and reads at most excerpt bytes of the answer. A redirect is an
// answer like any other: it is not followed. *AddressError, ErrScheme, or what went wrong on the way.
func (c *Client) Post(ctx context.Context, to string, header map[string]string, body []byte, excerpt int64) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	once := *c.http
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // all that matters has been read
	a := Answer{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"))}
	// Half an answer is one, too: the status says what counts.
	a.Excerpt, _ = io.ReadAll(io.LimitReader(resp.Body, excerpt))
	return a, nil
}

// retryAfter reads a number of seconds or a date.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

// Takes says what is wrong with a URL as far as can be told before its name is resolved: *AddressError, ErrScheme, or an error
// of url.Parse's.
func (c *Client) Takes(to string) error {
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	if u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || len(c.allow) == 0) {
		return ErrScheme
	}
	ip, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil //nolint:nilerr // it is a name
	}
	if !Public(ip) && !slices.ContainsFunc(c.allow, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) }) {
		return &AddressError{Address: ip}
	}
	return nil
}
