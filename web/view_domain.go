package web

import (
	"net/http"
	"slices"
	"time"

	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/web/words"
)

// domainWords say how it stands with a domain, in the reader's language.
type domainWords struct {
	State, CertificateState statusLabel
	// Meaning is what the state means for the tenant, Why the reason of it in sentences, CertificateWhy that of the certificate's.
	Meaning        string
	Why            []string
	CertificateWhy string
	// Astray: it is served, and visitors do not arrive.
	Astray bool
	Since  time.Time
	// ServesUntil is the end of the grace of one that drifted, KeptUntil of the quarantine of one that was removed.
	ServesUntil, KeptUntil time.Time
	// Until is the end of the certificate, zero if there is none; Left is how long that is.
	Until time.Time
	Left  string
}

// domainStates are the states of a domain, with the key of their chip.
var domainStates = map[domain.Status]statusLabel{
	domain.Pending:   {Key: "waiting", Text: words.Key("Waiting for DNS")},
	domain.Verified:  {Key: "open", Text: words.Key("Verified")},
	domain.Active:    {Key: "done", Text: words.Key("Active|domain")},
	domain.Drifted:   {Key: "alert", Text: words.Key("Records missing")},
	domain.Suspended: {Key: "alert", Text: words.Key("Suspended|domain")},
	domain.Removed:   {Key: "gone", Text: words.Key("Removed|domain")},
}

// certificateStates are those of its certificate.
var certificateStates = map[domain.CertificateStatus]statusLabel{
	domain.CertificateNone:     {Key: "gone", Text: words.Key("None|certificate")},
	domain.CertificateQueued:   {Key: "waiting", Text: words.Key("Queued|certificate")},
	domain.CertificateIssuing:  {Key: "open", Text: words.Key("Being obtained")},
	domain.CertificateActive:   {Key: "done", Text: words.Key("Valid|certificate")},
	domain.CertificateRenewing: {Key: "open", Text: words.Key("Being renewed")},
	domain.CertificateFailing:  {Key: "alert", Text: words.Key("Failing|certificate")},
	domain.CertificateExpired:  {Key: "alert", Text: words.Key("Expired|certificate")},
}

// certificateDeeds are what somebody did about it.
var certificateDeeds = map[string]statusLabel{
	domain.StepUploaded:  {Key: "deed", Text: words.Key("A certificate of your own was brought")},
	domain.StepTakenBack: {Key: "deed", Text: words.Key("The certificate of your own was taken back")},
}

func (s *Server) wordsAbout(r *http.Request, d *domain.Domain) domainWords {
	to := s.words(r)
	v := domainWords{
		State: domainStates[d.Status], CertificateState: certificateStates[d.Certificate.Status], Meaning: meaningOf(to, d),
		CertificateWhy: d.Certificate.Reason.In(to.T), Astray: d.Served() && !d.CheckedAt.IsZero() && !d.Arrives,
		Since: d.Since, ServesUntil: d.ServesUntil, KeptUntil: d.KeptUntil, Until: d.Certificate.NotAfter,
	}
	for i := range d.Reason {
		v.Why = append(v.Why, d.Reason[i:i+1].In(to.T))
	}
	v.State.Text, v.CertificateState.Text = to.T(v.State.Text), to.T(v.CertificateState.Text)
	v.Left = leftUntil(to, v.Until)
	return v
}

// leftUntil is how long a certificate is still good, empty if there is none.
func leftUntil(to words.Reader, end time.Time) string {
	days := int(time.Until(end).Hours() / 24)
	switch {
	case end.IsZero():
		return ""
	case !end.After(time.Now()):
		return to.T("over since %s", to.Day(end))
	case days == 0:
		return to.T("less than a day left")
	}
	return to.T("%d days left", days)
}

// meaningOf is what a domain's state means for its tenant.
func meaningOf(to words.Reader, d *domain.Domain) string {
	if d.Proofless {
		return to.T("The domain is served, but what proved that it is yours is gone from your DNS: whoever proves it gets it. Put the records back.")
	}
	astray := !d.CheckedAt.IsZero() && !d.Arrives
	switch d.Status {
	case domain.Pending:
		return to.T("Put its records into your DNS. Deskgate looks for them from time to time.")
	case domain.Verified, domain.Active:
		if astray {
			return to.T("The domain is yours, but as far as can be seen its visitors do not arrive here, or not all of them.")
		}
		if d.Status == domain.Active {
			return to.T("The domain is yours, and is served.")
		}
		return to.T("The domain is yours. It is served as soon as there is a certificate.")
	case domain.Drifted:
		return to.T("What proved that the domain is yours is gone from your DNS. It is still served until %s: put the records back before.", to.Time(d.ServesUntil))
	case domain.Suspended:
		return to.T("The domain is not served. That changes when its records are found.")
	}
	return to.T("The domain was removed. Until %s it is kept for you: others get it only if they put a record of theirs into its DNS.", to.Time(d.KeptUntil))
}

// story is what happened to a domain: in steps, the latest first, and drawn, from the first on.
type story struct {
	Steps []step
	// Early are the older ones of many.
	Early []step
	// Hosts and Certificates are the two lanes of the drawing; empty: there is nothing to draw yet.
	Hosts, Certificates []span
	// From and To are where it begins and ends; zero: it goes on.
	From, To time.Time
}

// step is one of them.
type step struct {
	At    time.Time
	State statusLabel
	// Certificate: it is one of the certificate's life. Removed: the domain was taken away. Deed: somebody did something about the
	// certificate, which is no state of it.
	Certificate, Removed, Deed bool
	Why, Who                   string
	// Issuer, Until and Fingerprint tell which certificate it is about; empty: about none.
	Issuer, Fingerprint string
	Until               time.Time
	// Times is how often it happened in a row, First when first; zero: once.
	Times int
	First time.Time
}

// folded are steps without attempts that are over, and of what came several times in a row the last.
func folded(all []step) (steps []step) {
	for i, it := range all {
		if it.tries() && i+1 < len(all) && all[i+1].Certificate {
			continue
		}
		n := len(steps)
		if n == 0 || !steps[n-1].sameAs(&it) {
			steps = append(steps, it)
			continue
		}
		before := &steps[n-1]
		it.First, it.Times = before.First, max(1, before.Times)+1
		if it.First.IsZero() {
			it.First = before.At
		}
		*before = it
	}
	return steps
}

// tries: it is an attempt to get a certificate.
func (s *step) tries() bool { return s.Certificate && s.State.Key == "open" }

// sameAs: it is the same once more, such as a certificate of the same authority.
func (s *step) sameAs(it *step) bool {
	return s.Certificate && it.Certificate && !s.Deed && s.State == it.State && s.Why == it.Why && s.Issuer == it.Issuer
}

// span is a state in the drawing.
type span struct {
	statusLabel

	X, Width int
}

// Bounds of a story: the steps that are shown at first, and the width of the drawing in its own measure.
const (
	lateSteps   = 8
	storyWidth  = 1000
	leastOfSpan = 5
)

func tellStory(to words.Reader, names actorNames, d *domain.Domain, now time.Time) (s story) {
	for i := range d.History {
		t := &d.History[i]
		it := step{
			At: t.At, State: domainStates[domain.Status(t.To)], Removed: t.To == string(domain.Removed),
			Why: t.Reason.In(to.T), Who: names.text(to, t.By), Issuer: t.Issued.Issuer, Until: t.Issued.NotAfter, Fingerprint: t.Issued.Fingerprint,
		}
		if status, is := t.Certificate(); is {
			it.State, it.Certificate = certificateStates[status], true
		}
		if deed, is := certificateDeeds[t.To]; is {
			it.State, it.Deed = deed, true
		}
		it.State.Text = to.T(it.State.Text)
		if n := len(s.Steps); n > 0 && s.Steps[n-1].Deed && s.Steps[n-1].Fingerprint == it.Fingerprint {
			it.Until, it.Fingerprint = time.Time{}, "" // which has just been said
		}
		s.Steps = append(s.Steps, it)
	}
	s.draw(now)
	s.Steps = folded(s.Steps)
	slices.Reverse(s.Steps)
	if len(s.Steps) > lateSteps+2 {
		s.Steps, s.Early = s.Steps[:lateSteps], s.Steps[lateSteps:]
	}
	return s
}

// draw lays the steps out in two lanes, in the order of time.
func (s *story) draw(now time.Time) {
	if len(s.Steps) < 2 {
		return
	}
	last := s.Steps[len(s.Steps)-1]
	s.From = s.Steps[0].At
	if last.Removed {
		s.To, now = last.At, last.At
	}
	length := max(now.Sub(s.From), time.Millisecond)
	place := func(t time.Time) int { return int(storyWidth * t.Sub(s.From).Seconds() / length.Seconds()) }
	for _, it := range s.Steps {
		if it.Deed {
			continue
		}
		lane := &s.Hosts
		if it.Certificate {
			lane = &s.Certificates
		}
		x := place(it.At)
		if n := len(*lane); n > 0 {
			before := &(*lane)[n-1]
			before.Width = max(leastOfSpan, x-before.X)
			x = before.X + before.Width
		}
		*lane = append(*lane, span{it.State, x, 0})
	}
	for _, lane := range [][]span{s.Hosts, s.Certificates} {
		if n := len(lane); n > 0 {
			lane[n-1].Width = max(leastOfSpan, storyWidth-lane[n-1].X)
		}
	}
}
