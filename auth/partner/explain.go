package partner

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// State says how a rule stands with a token.
type State string

// The states. A rule is skipped where too little of the token can be read to judge.
const (
	Passed  State = "passed"
	Failed  State = "failed"
	Skipped State = "skipped"
)

// Finding is one rule, and how it stands with a token.
type Finding struct {
	Rule   string `json:"rule"`
	Says   string `json:"says"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
}

// Explanation says of a token everything that a partner's developer may want to know.
type Explanation struct {
	// Good: a door would take the token now.
	Good     bool
	Findings []Finding
	// Header and Claims are the JSON that is in the token, nil where it can't be read. They are only what the token says of itself.
	Header, Claims []byte
	// Clock is how far the partner's clock seems to be ahead of ours, going by iat; it holds for a token that was made just now.
	// Dated says that there is an iat.
	Clock time.Duration
	Dated bool
	// Algorithms are those of the keys that count.
	Algorithms []string
	Token      Token
}

// Explain applies every rule to a token, and uses up nothing. It is for those who administer the tenant: strangers
// are told only which rule failed first.
func (v *Verifier) Explain(ctx context.Context, t *tenant.Tenant, kind tenant.Kind, raw string) (Explanation, error) {
	judged, err := v.examine(ctx, t, kind, raw)
	if err != nil {
		return Explanation{}, err
	}
	e := newExamination(t, kind, judged.ring, raw)
	out := Explanation{Good: true}
	for _, r := range rules() {
		f := r.find(e)
		out.Good = out.Good && f.State == Passed
		out.Findings = append(out.Findings, f)
	}
	unused, err := v.findUse(ctx, t, e)
	if err != nil {
		return Explanation{}, err
	}
	out.Good = out.Good && unused.State == Passed
	out.Findings = append(out.Findings, unused)
	out.Header, out.Claims, out.Token = e.headText, e.claimsText, e.token
	for _, k := range e.ring.keys {
		out.Algorithms = append(out.Algorithms, k.method.Alg())
	}
	if iat, err := e.claims.GetIssuedAt(); err == nil && iat != nil {
		out.Clock, out.Dated = iat.Sub(e.now).Truncate(time.Second), true
	}
	return out, nil
}

// find applies a rule.
func (r rule) find(e *examination) Finding {
	f := Finding{Rule: r.name, Says: r.says, State: Skipped}
	if r.needs != nil && !r.needs(e) {
		return f
	}
	f.State = Passed
	if err := r.check(e); err != nil {
		f.State, f.Detail = Failed, detail(err)
	}
	return f
}

// detail is what stands behind the kind of an error.
func detail(err error) string {
	text := err.Error()
	for _, kind := range []error{ErrInvalid, ErrExpired, ErrNobody, errNoKey} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return text
}

// findUse says whether the token was used. That can only be known of one whose signature is good.
func (v *Verifier) findUse(ctx context.Context, t *tenant.Tenant, e *examination) (Finding, error) {
	f := Finding{Rule: "unused", Says: "It was not used before: a token works once.", State: Skipped}
	if !e.token.Use.Once() {
		return f, nil
	}
	f.State = Passed
	err := v.Unspent(ctx, t, e.token.Use)
	if errors.Is(err, ErrReplayed) {
		f.State, f.Detail, err = Failed, "it was used already", nil
	}
	return f, err
}
