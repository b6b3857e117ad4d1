package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tenant"
)

// The pages on which integrators try the redirect login. The callback trusts what was sent from a page of ours, so that nobody
// else may fill these pages in: they take no person from their address, and only they themselves may post to them. Who is
// signed in at the end is who the visitor typed, by the visitor's own click.

// fetchTrial is the page that tries it with a script.
func (s *Server) fetchTrial(w http.ResponseWriter, r *http.Request) error {
	view := s.trial(r, "Try the login with a script")
	view.Fetch, view.Script, view.Steps = true, "trial.js", &trialSteps{}
	sendReferrer(w.Header())
	return s.render(w, r, http.StatusOK, "trial", view)
}

// formTrial is the page that tries it with a form.
func (s *Server) formTrial(w http.ResponseWriter, r *http.Request) error {
	return s.render(w, r, http.StatusOK, "trial", s.trial(r, "Try the login with a form"))
}

// tryForm shows the steps of one try. It is a redirect login, and is counted as one.
func (s *Server) tryForm(w http.ResponseWriter, r *http.Request) error {
	view := s.trial(r, "Try the login with a form")
	fields, unreadable := readLogin(w, r, append([]string{"slug"}, redirectFields...)...)
	if !view.Fixed {
		view.Slug = fields["slug"]
	}
	view.Given = loginFields{"email": fields["email"], "name": fields["name"], "redirect_url": fields["redirect_url"]}
	done, err := s.beginWith(w, r, view.Slug, fields, unreadable)
	status := http.StatusOK
	view.Steps = s.asked(r, view, fields)
	if err != nil {
		p := problemOf(err)
		if p.Status >= http.StatusInternalServerError {
			return err
		}
		status = p.Status
		view.Steps.refused(p, w.Header())
	} else {
		view.Steps.granted(&done, w.Header())
		w.Header().Set("Content-Security-Policy", policy(s.formTargets(done.Tenant)))
	}
	sendReferrer(w.Header())
	return s.render(w, r, status, "trial", view)
}

// trial is the page before the first try. At a node host the visitor may come with the name of a help desk: it is shown as it
// is, and looked up only when the visitor tries it.
func (s *Server) trial(r *http.Request, title string) *trialView {
	view := &trialView{frame: s.frame(r, title)}
	view.Reader = s.developers(r)
	if t := tenant.VisitFrom(r.Context()).Tenant; t != nil {
		view.Slug, view.Fixed = t.Slug, true
	} else if slug := r.URL.Query().Get("tenant"); tenant.ParseSlug(slug) == nil {
		view.Slug = slug
	}
	return view
}

// sendReferrer has the callback, on another host, see that the visitor comes from here.
func sendReferrer(h http.Header) { h.Set("Referrer-Policy", "strict-origin-when-cross-origin") }

// asked is the first step: what a partner's page would have sent.
func (s *Server) asked(r *http.Request, view *trialView, fields loginFields) *trialSteps {
	visit := tenant.VisitFrom(r.Context())
	steps := &trialSteps{Action: pathBelow(visit, "/api/auth/redirect/"+url.PathEscape(view.Slug))}
	steps.URL = visit.Origin() + steps.Action
	body := url.Values{}
	for _, name := range redirectFields {
		value := fields[name]
		if value == "" {
			continue
		}
		body.Set(name, value)
		if name == "email" || name == "name" || name == "redirect_url" {
			steps.Hidden = append(steps.Hidden, hiddenField{Name: name, Value: value})
		} else {
			steps.Proven = true
		}
	}
	steps.Body = body.Encode()
	for _, name := range []string{"Content-Type", "Accept", "Origin", "Referer", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
		if value := r.Header.Get(name); value != "" {
			steps.Sent = append(steps.Sent, header{Name: name, Value: value})
		}
	}
	return steps
}

// granted is the answer to a login that goes on.
func (t *trialSteps) granted(done *auth.Redirected, h http.Header) {
	t.Status = "302 Found"
	t.Callback, t.Link, t.Life = brief(done.URL), done.URL, seconds(done.ExpiresIn)
	t.Received = append([]header{{Name: "Location", Value: t.Callback}}, telling(h)...)
	t.Assurance, t.Meaning = done.Assurance.String(), meaning(done.Assurance)
	t.Landing, t.Back, t.Warnings = done.Landing, done.ReturnLink, done.Warnings
}

// refused is the answer to one that does not.
func (t *trialSteps) refused(p *answerError, h http.Header) {
	t.Status = strconv.Itoa(p.Status) + " " + http.StatusText(p.Status)
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	t.Problem, t.Received = p, telling(h)
}

// telling are the lines of an answer that tell an integrator something.
func telling(h http.Header) []header {
	var lines []header
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After", "X-Request-Id"} {
		if value := h.Get(name); value != "" {
			lines = append(lines, header{Name: name, Value: value})
		}
	}
	return lines
}
