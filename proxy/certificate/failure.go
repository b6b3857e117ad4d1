package certificate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant/domain"
)

// waitError says that the node's own budget for orders is used up.
type waitError struct {
	until  time.Time
	reason domain.Reason
}

// Error implements error.
func (e *waitError) Error() string { return e.reason.String() }

// failing is what follows from an attempt that failed.
type failing struct {
	reason     domain.Reason // for people
	until      time.Time     // no attempt before that, if set
	everywhere bool          // it holds for all hosts
	postponed  bool          // nobody was asked
}

// result is the word for it in metrics.
func (f failing) result() string {
	if f.postponed {
		return "postponed"
	}
	return "failed"
}

// limitPause is how long an authority is left alone that wants fewer requests and doesn't say for how long.
const limitPause = time.Hour

// judge makes sense of why an attempt failed.
func judge(err error) failing {
	var wait *waitError
	if errors.As(err, &wait) {
		return failing{reason: wait.reason, until: wait.until, postponed: true}
	}
	if errors.Is(err, storage.ErrReadOnly) {
		return failing{reason: domain.Say("Nothing can be stored: the node's disk is nearly full."), until: time.Now().Add(coolTime), postponed: true}
	}
	var p acme.Problem
	if errors.As(err, &p) {
		if p.Status == http.StatusTooManyRequests || p.Type == acme.ProblemTypeRateLimited {
			return limited(p.Detail)
		}
		return failing{reason: domain.Say("The certificate authority refused: %s", explained(p))}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return failing{reason: domain.Say("The certificate authority could not be reached: %s", sentence(op.Error()))}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failing{reason: domain.Say("The certificate authority did not answer in time.")}
	}
	return failing{reason: domain.Say("The certificate could not be obtained: %s", sentence(lastCause(err).Error()))}
}

// limited reads what an authority says about a limit. Some concern one name, all others everything that this node orders.
func limited(detail string) failing {
	f := failing{
		reason:     domain.Say("The certificate authority wants fewer requests: %s", sentence(detail)),
		until:      time.Now().Add(limitPause),
		everywhere: !aboutOneName.MatchString(detail),
	}
	if m := retryTime.FindStringSubmatch(detail); m != nil {
		if t, err := time.Parse("2006-01-02 15:04:05", strings.Replace(m[1], "T", " ", 1)); err == nil && t.After(time.Now()) {
			f.until = t
		}
	}
	return f
}

// Let's Encrypt puts the time of its Retry-After header, which acmez keeps to itself, into the sentence as well.
var (
	retryTime    = regexp.MustCompile(`retry after (\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})`)
	aboutOneName = regexp.MustCompile(`too many (certificates|failed authorizations)`)
)

// explained is what a problem document says, with what it says about single names.
func explained(p acme.Problem) string {
	parts := []string{p.Detail}
	for _, sub := range p.Subproblems {
		parts = append(parts, sub.Detail)
	}
	text := strings.TrimSpace(strings.Join(parts, " "))
	if text == "" {
		text = p.Title + " (" + p.Type + ")"
	}
	return sentence(text)
}

func lastCause(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		err = next
	}
}

// sentence bounds a text and ends it with a full stop.
func sentence(s string) string {
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if len(s) > 500 {
		s = strings.ToValidUTF8(s[:500], "") + "…"
	}
	return s + "."
}
