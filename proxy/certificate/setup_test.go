package certificate

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/domain"
)

// TestSettingsAreMended: whoever mends what keeps an authority from giving certificates does not wait until the time that was set
// before. A restart alone asks for nothing.
func TestSettingsAreMended(t *testing.T) {
	t.Parallel()
	stranger := func(_ time.Time, r *http.Request) *http.Response {
		if r.URL.Path == "/account" {
			return refused(http.StatusForbidden, "externalAccountRequired")
		}
		return nil
	}
	for name, mend := range map[string]func(*testing.T, *town){
		"the external account": func(t *testing.T, w *town) {
			t.Helper()
			w.lab.trouble = nil
			var err error
			if w.external, err = NewExternalAccount("kid", "c2VjcmV0LW9mLXNpeHRlZW4"); err != nil {
				t.Fatal(err)
			}
		},
		"another authority": func(t *testing.T, w *town) {
			t.Helper()
			w.second = newLab(t, 90*24*time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newTown(t, 90*24*time.Hour)
				w.lab.trouble = stranger
				w.join(w.tenant("one"), "help.one.test")
				w.join(w.tenant("two"), "help.two.test")
				w.start()
				time.Sleep(5 * time.Minute)
				w.crash()
				asked := w.lab.asked()
				w.start()
				time.Sleep(5 * time.Minute)
				if n := w.lab.asked() - asked; n > 1 { // the directory
					t.Errorf("%d requests after a restart, want none before the hour is over", n)
				}
				w.crash()
				mend(t, w)
				w.start()
				time.Sleep(2 * time.Minute)
				for _, host := range []string{"desk.example", "help.one.test", "help.two.test"} {
					if !w.certified(host) {
						t.Errorf("%s has no certificate", host)
					}
				}
			})
		})
	}
}

// TestOwnHostIsMended: who has mended what kept the node's own name from a certificate starts the node anew, and does not wait for
// hours. That gives nobody more failures than authorities allow, however often it is done.
func TestOwnHostIsMended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*24*time.Hour)
		w.lab.broken = func(host string) bool { return host == "desk.example" }
		w.start()
		for range 200 { // a loop of crashes
			time.Sleep(time.Minute)
			w.crash()
			w.start()
		}
		time.Sleep(70 * time.Minute)
		w.lab.mu.Lock()
		if len(w.lab.passed) > 0 {
			t.Errorf("limits were passed: %q", w.lab.passed)
		}
		w.lab.broken = func(string) bool { return false }
		w.lab.mu.Unlock()
		time.Sleep(20 * time.Minute)
		w.crash()
		w.start()
		time.Sleep(time.Minute)
		if !w.certified("desk.example") {
			t.Error("the node's own name has no certificate")
		}
	})
}

// TestRestartSaysWhatWaits: who looks at the log of a start sees that there is no certificate yet, why, and until when.
func TestRestartSaysWhatWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*24*time.Hour)
		w.lab.broken = func(host string) bool { return host == "desk.example" }
		w.start()
		time.Sleep(time.Minute)
		w.crash()
		w.log.Reset()
		w.start()
		time.Sleep(time.Second)
		w.crash()
		if log := w.log.String(); !strings.Contains(log, "no certificate yet") || !strings.Contains(log, "nobody there") {
			t.Errorf("the log does not say that there is no certificate, and why: %s", log)
		}
	})
}

// TestRenewalIsSaid: people are told when a certificate is to be renewed, not when its authority is asked next about that.
func TestRenewalIsSaid(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*day)
		w.lab.suggest = func(_ time.Time, o *labOrder) any { return window(o.issuedAt.Add(50*day), o.issuedAt.Add(51*day)) }
		begin := time.Now()
		w.join(w.tenant("one"), "help.one.test")
		w.start()
		time.Sleep(time.Hour)
		for _, want := range []time.Duration{60 * day, 50 * day} { // its own time, and what the authority says when it is asked
			d, err := w.domains.Find(t.Context(), "help.one.test")
			if err != nil {
				t.Fatal(err)
			}
			said := d.Document().Certificate.NextAttemptAt
			if said == nil || said.Time().Before(begin.Add(want)) || said.Time().After(begin.Add(want+day)) {
				t.Errorf("the renewal is said to be at %v, want %s after %s", said, want, begin)
			}
			if next := d.Certificate.NextAttempt; next.After(time.Now().Add(2 * day)) {
				t.Errorf("the authority is asked at %s only", next)
			}
			time.Sleep(2 * day)
		}
	})
}

// TestOtherWayToCertificates: hosts whose certificates were another authority's get new ones before anybody comes.
func TestOtherWayToCertificates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newTown(t, 90*24*time.Hour)
		w.join(w.tenant("one"), "help.one.test")
		w.start()
		time.Sleep(time.Minute)
		w.crash()
		w.lab = newLab(t, 90*24*time.Hour)
		w.start()
		time.Sleep(time.Minute)
		if !w.certified("help.one.test") || !w.certified("desk.example") {
			t.Error("hosts are without a certificate of the authority that is asked now")
		}
		d, err := w.domains.Find(t.Context(), "help.one.test")
		if err != nil || d.Certificate.Status != domain.CertificateActive {
			t.Errorf("domain: %+v, %v", d, err)
		}
		if _, err := w.keeper.own.find(t.Context(), tenant.Host("desk.example")); err != nil {
			t.Error(err)
		}
	})
}

// TestReasonsNameTheirAuthorities: where several authorities were asked, people see who said what; a single one needs no name.
func TestReasonsNameTheirAuthorities(t *testing.T) {
	t.Parallel()
	for _, several := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newTown(t, 90*24*time.Hour)
			busy := func(_ time.Time, r *http.Request) *http.Response {
				if r.URL.Path == "/new" {
					return refused(http.StatusTooManyRequests, "rateLimited", "Retry-After", "7200")
				}
				return nil
			}
			w.lab.trouble = busy
			names := []string{strings.TrimPrefix(w.lab.url, "https://")}
			if several {
				w.second = newLab(t, 90*24*time.Hour)
				w.second.trouble = busy
				names = append(names, strings.TrimPrefix(w.second.url, "https://"))
			}
			w.join(w.tenant("one"), "help.one.test")
			w.start()
			time.Sleep(time.Minute)
			d, err := w.domains.Find(t.Context(), "help.one.test")
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				if got := strings.Contains(d.Certificate.Reason.String(), name+": "); got != several {
					t.Errorf("of %d authorities, %s is named: %v (%s)", len(names), name, got, d.Certificate.Reason)
				}
			}
		})
	}
}
