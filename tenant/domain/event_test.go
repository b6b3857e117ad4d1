package domain_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// events takes all events of a tenant that nobody has taken yet.
func (w *world) events(t *testing.T, of *tenant.Tenant) []domain.Event {
	t.Helper()
	var all []domain.Event
	for more := true; more; {
		err := w.store.Update(t.Context(), of.Scope(), func(tx *storage.Tx) error {
			e, err := domain.NextEvent(tx, 0)
			if more = err == nil; !more {
				return err
			}
			all = append(all, e)
			return e.Done(tx)
		})
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return all
}

// said is what the events of a tenant say that nobody has taken yet.
func (w *world) said(t *testing.T, of *tenant.Tenant) string {
	t.Helper()
	var all []string
	for _, e := range w.events(t, of) {
		all = append(all, fmt.Sprintf("%s %s>%s", e.Type, e.Was, e.Status()))
	}
	return strings.Join(all, ", ")
}

// TestEvents: each step of a domain's life that others have to know of is an event of its tenant's, and of nobody else's.
func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		z := &zone{}
		w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
		says := func(want string) {
			t.Helper()
			if got := w.said(t, w.acme); got != want {
				t.Errorf("events %q, want %q", got, want)
			}
		}
		d := w.add(t, w.acme, host, domain.ByTenant)
		proof := record(t, d, "TXT")
		set := func() { z.set(t, fmt.Sprintf("%s. TXT %q", proof.Name, proof.Value)) }
		w.verify(t, host)
		says("") // it is still pending
		set()
		w.verify(t, host)
		says("domain.verified pending>verified")
		w.report(t, domain.Report{Status: domain.CertificateIssuing, NextAttempt: time.Now().Add(time.Hour)})
		w.report(t, domain.Report{Status: domain.CertificateActive, NotAfter: time.Now().Add(90 * 24 * time.Hour)})
		says("certificate.active none>active, domain.active verified>active")
		w.report(t, domain.Report{Status: domain.CertificateRenewing, NextAttempt: time.Now().Add(time.Hour)})
		w.report(t, domain.Report{Status: domain.CertificateActive, NotAfter: time.Now().Add(90 * 24 * time.Hour)})
		says("certificate.active active>active")
		w.verify(t, host)
		says("")

		z.clear(proof.Name)
		w.verify(t, host)
		drifted := w.events(t, w.acme)
		if len(drifted) != 1 || drifted[0].Type != domain.EventDrifted || drifted[0].By != "operator" {
			t.Fatalf("events %+v, want that the domain has drifted", drifted)
		}
		e := &drifted[0]
		if want := e.At.Add(72 * time.Hour); !e.ServesUntil.Equal(want) {
			t.Errorf("served until %s, want %s", e.ServesUntil, want)
		}
		doc := e.Document()
		if doc.Host != host || doc.Tenant != "acme" || doc.Status != domain.Drifted || len(doc.Records) != 2 || doc.Records[0] != proof {
			t.Errorf("document %+v", doc)
		}
		if !strings.Contains(e.Reason().String(), "has no record") || len(e.Is.History) != 0 {
			t.Errorf("reason %q, history %v", e.Reason(), e.Is.History)
		}
		time.Sleep(73 * time.Hour)
		w.verify(t, host)
		says("domain.suspended drifted>suspended")
		set()
		w.verify(t, host)
		says("domain.verified suspended>verified")
		if err := w.domains.Remove(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		says("domain.removed verified>removed")
		if got := w.said(t, w.bee); got != "" {
			t.Errorf("the other tenant hears %q", got)
		}
	})
}

// report tells acme's domain how it stands with its certificate.
func (w *world) report(t *testing.T, r domain.Report) {
	t.Helper()
	if err := w.domains.ReportCertificate(t.Context(), host, r); err != nil {
		t.Fatal(err)
	}
}

// reported is one report of a certificate's state, after a pause, and the events that it makes.
type reported struct {
	pause  time.Duration
	status domain.CertificateStatus
	want   string
}

// TestCertificateAlarm: a failed attempt is no event; it becomes one, once, when that matters.
func TestCertificateAlarm(t *testing.T) {
	const day = 24 * time.Hour
	no := domain.Say("The port is closed.")
	for name, tc := range map[string]struct {
		life  time.Duration // of the certificate at the first report; 0: there is none
		steps []reported
	}{
		"the first one": {0, []reported{
			{0, domain.CertificateFailing, ""},
			{5 * time.Minute, domain.CertificateFailing, ""},
			{30 * time.Minute, domain.CertificateFailing, ""}, // not yet an hour
			{30 * time.Minute, domain.CertificateFailing, "certificate.failed none>failing"},
			{day, domain.CertificateFailing, ""},
			{0, domain.CertificateActive, "certificate.active failing>active, domain.active verified>active"},
			{0, domain.CertificateFailing, ""},
		}},
		"few attempts": {0, []reported{
			{0, domain.CertificateFailing, ""},
			{2 * time.Hour, domain.CertificateFailing, ""}, // the second
			{time.Hour, domain.CertificateFailing, "certificate.failed none>failing"},
		}},
		"others' fault": {0, []reported{
			{0, domain.CertificateQueued, ""},
			{time.Hour, domain.CertificateQueued, ""},
			{22 * time.Hour, domain.CertificateQueued, ""},
			{time.Hour, domain.CertificateQueued, "certificate.failed none>failing"},
		}},
		"a renewal": {30 * day, []reported{
			{0, domain.CertificateFailing, ""},
			{day, domain.CertificateFailing, ""},
			{13 * day, domain.CertificateRenewing, ""},
			{day, domain.CertificateFailing, "certificate.failed active>failing"},
			{14 * day, domain.CertificateFailing, ""},
			{day, domain.CertificateExpired, "certificate.expired failing>expired, domain.verified active>verified"},
			{day, domain.CertificateExpired, ""},
			{day, domain.CertificateActive, "certificate.active expired>active, domain.active verified>active"},
		}},
		"a short one": {day, []reported{
			{0, domain.CertificateFailing, ""},
			{11 * time.Hour, domain.CertificateFailing, ""},
			{time.Hour, domain.CertificateFailing, "certificate.failed active>failing"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				z := &zone{}
				w := newWorld(t, tenant.NodeOptions{}, domain.Options{Resolver: memory{z}})
				w.add(t, w.acme, host, domain.ByOperator)
				z.set(t, host+". CNAME tickets.example.")
				w.verify(t, host)
				var end time.Time
				if tc.life > 0 {
					end = time.Now().Add(tc.life)
					w.report(t, domain.Report{Status: domain.CertificateActive, NotAfter: end})
				}
				w.events(t, w.acme)
				for i, step := range tc.steps {
					time.Sleep(step.pause)
					r := domain.Report{Status: step.status, Reason: no, NotAfter: end, NextAttempt: time.Now().Add(day)}
					if step.status == domain.CertificateActive {
						end = time.Now().Add(90 * day)
						r = domain.Report{Status: step.status, NotAfter: end, NextAttempt: end}
					}
					w.report(t, r)
					if got := w.said(t, w.acme); got != step.want {
						t.Errorf("step %d: events %q, want %q", i, got, step.want)
					}
				}
			})
		})
	}
}
