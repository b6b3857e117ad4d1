package certificate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
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

// authorityError is what an authority answered to an attempt, or that it did not.
type authorityError struct {
	name  string
	until time.Time // when it wants to be asked again, if it said so
	err   error
}

// Error implements error.
func (e *authorityError) Error() string { return e.name + ": " + e.err.Error() }

// Unwrap is what happened.
func (e *authorityError) Unwrap() error { return e.err }

// errOver: a certificate came, and is over.
var errOver = errors.New("the certificate is over by this machine's clock")

// accountError says that the authority does not want us as a customer, whatever is ordered.
type accountError struct{ err error }

// Error implements error.
func (e *accountError) Error() string { return "account: " + e.err.Error() }

// Unwrap is what happened.
func (e *accountError) Unwrap() error { return e.err }

// refusals are why each of the authorities gave no certificate, in the order in which they were asked.
type refusals []refusal

type refusal struct {
	name string // of the authority
	err  error
	failing
}

// Error implements error.
func (r refusals) Error() string {
	all := make([]string, len(r))
	for i, one := range r {
		all[i] = one.err.Error()
	}
	return strings.Join(all, "; ")
}

// Unwrap are the errors.
func (r refusals) Unwrap() []error {
	all := make([]error, len(r))
	for i, one := range r {
		all[i] = one.err
	}
	return all
}

// together is what follows from all of them, and who said what, if there are several: if one was the host's own fault, the host waits; else the first authority that can
// be asked again is waited for.
func (r refusals) together() failing {
	f := failing{postponed: true, everywhere: true}
	for _, one := range r {
		if !one.postponed {
			f.postponed = false
		}
		if f.until.IsZero() || one.until.Before(f.until) {
			f.until = one.until
		}
		f.everywhere = f.everywhere && one.everywhere
		if len(r) > 1 {
			f.reason = f.reason.Also(domain.Say("%s:", one.name))
		}
		f.reason = f.reason.Also(one.reason)
	}
	if !f.postponed {
		f.until = time.Time{}
	}
	return f
}

// failing is what follows from an attempt that failed.
type failing struct {
	reason     domain.Reason // for people
	until      time.Time     // no attempt before that, if set
	everywhere bool          // it holds for all hosts
	elsewhere  bool          // another authority may say something else
	fault      bool          // the authority is out of order
	challenge  bool          // it looked for the answer to a challenge, and another kind of it may do
	postponed  bool          // it was not the host's fault
	customer   bool          // it is about who asks, whatever for
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
	var all refusals
	if errors.As(err, &all) {
		return all.together()
	}
	var wait *waitError
	if errors.As(err, &wait) {
		return failing{reason: wait.reason, until: wait.until, elsewhere: true, postponed: true}
	}
	var no *forbiddenError
	if errors.As(err, &no) {
		return failing{reason: no.reason, elsewhere: true}
	}
	if errors.Is(err, storage.ErrReadOnly) {
		return failing{reason: domain.Say("Nothing can be stored: the node's disk is nearly full."), until: time.Now().Add(coolTime), postponed: true}
	}
	if errors.Is(err, errOver) {
		return failing{reason: domain.Say("The certificate that came is over by the clock of this machine: see to it that the clock is right.")}
	}
	f := read(err)
	var a *authorityError
	if errors.As(err, &a) && a.until.After(time.Now()) {
		f.until = a.until
	}
	return f
}

// read makes sense of what an authority said.
func read(err error) failing {
	var account *accountError
	var p acme.Problem
	problem := errors.As(err, &p)
	switch {
	case problem && (p.Status == http.StatusTooManyRequests || p.Type == acme.ProblemTypeRateLimited):
		return limited(p.Detail)
	case problem && (p.Type == acme.ProblemTypeServerInternal || p.Type == acme.ProblemTypeBadNonce || p.Status >= http.StatusInternalServerError):
		return failing{reason: domain.Say("The certificate authority is out of order: %s", explained(p)), elsewhere: true, fault: true}
	case errors.As(err, &account) && problem, problem && aboutAccount(p.Type):
		return failing{
			reason: domain.Say("The certificate authority does not take the node as a customer: %s", explained(p)),
			until:  time.Now().Add(limitPause), everywhere: true, elsewhere: true, postponed: true, customer: true,
		}
	case problem:
		return failing{
			reason:    domain.Say("The certificate authority refused: %s", explained(p)),
			elsewhere: p.Type == acme.ProblemTypeCAA || p.Type == acme.ProblemTypeRejectedIdentifier || p.Type == acme.ProblemTypeUnsupportedIdentifier,
			challenge: aboutChallenge(p.Type),
		}
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return failing{reason: domain.Say("The certificate authority could not be reached: %s", sentence(op.Error())), elsewhere: true, fault: true}
	}
	var ask *url.Error
	if errors.As(err, &ask) && ask.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return failing{reason: domain.Say("The certificate authority did not answer in time."), elsewhere: true, fault: true}
	}
	f := failing{reason: domain.Say("The certificate could not be obtained: %s", sentence(lastCause(err).Error()))}
	var a *authorityError
	if errors.As(err, &a) { // it said something that is no answer
		f.elsewhere, f.fault = true, true
	}
	return f
}

func aboutAccount(problem string) bool {
	switch problem {
	case acme.ProblemTypeExternalAccountRequired, acme.ProblemTypeUserActionRequired, acme.ProblemTypeAccountDoesNotExist,
		acme.ProblemTypeBadPublicKey, acme.ProblemTypeBadSignatureAlgorithm:
		return true
	default:
		return false
	}
}

func aboutChallenge(problem string) bool {
	switch problem {
	case acme.ProblemTypeConnection, acme.ProblemTypeDNS, acme.ProblemTypeUnauthorized, acme.ProblemTypeTLS, acme.ProblemTypeIncorrectResponse:
		return true
	default:
		return false
	}
}

// limited reads what an authority says about a limit. Some concern one name, all others everything that this node orders.
func limited(detail string) failing {
	f := failing{
		reason:     domain.Say("The certificate authority wants fewer requests: %s", sentence(detail)),
		until:      time.Now().Add(limitPause),
		everywhere: !aboutOneName.MatchString(detail),
		elsewhere:  true,
		postponed:  true,
	}
	if m := retryTime.FindStringSubmatch(detail); m != nil {
		if t, err := time.Parse("2006-01-02 15:04:05", strings.Replace(m[1], "T", " ", 1)); err == nil && t.After(time.Now()) {
			f.until = t
		}
	}
	return f
}

// Let's Encrypt puts the time of its Retry-After header into the sentence as well, and to the second.
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
