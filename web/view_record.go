package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tenant/domain"
	"github.com/deskgate/deskgate/web/words"
)

// recordView is a DNS record that a domain needs, on its page.
type recordView struct {
	domain.Record

	// Short is its name as providers want it who append Zone, which is what is registered, by themselves.
	Short, Zone string
	State       statusLabel
}

// recordViews are a domain's records with what DNS shows of them.
func (s *Server) recordViews(r *http.Request, d *domain.Domain) (all []recordView) {
	to, zone := s.words(r), string(d.Host.Apex())
	for _, record := range d.Records {
		v := recordView{Record: record, Zone: zone, Short: "@", State: recordState(d, record)}
		if short, below := strings.CutSuffix(record.Name, "."+zone); below {
			v.Short = short
		}
		v.State.Text = to.T(v.State.Text)
		all = append(all, v)
	}
	slices.SortStableFunc(all, func(a, b recordView) int { return cmp.Compare(a.late(), b.late()) })
	return all
}

// late is the record's place: first what is enough by itself.
func (v *recordView) late() int {
	if v.Type == "CNAME" {
		return 0
	}
	return 1
}

// recordState is whether a record is there, and whether it matters that it is not.
func recordState(d *domain.Domain, r domain.Record) statusLabel {
	proved := d.Served() && d.Status != domain.Drifted && !d.Proofless
	switch {
	case d.CheckedAt.IsZero():
		return statusLabel{Key: "gone", Text: words.Key("Not looked for yet|record")}
	case r.Found:
		return statusLabel{Key: "done", Text: words.Key("Found|record")}
	case proved && (r.Type == "TXT" || d.Arrives):
		return statusLabel{Key: "gone", Text: words.Key("Not there, and not needed|record")}
	}
	return statusLabel{Key: "waiting", Text: words.Key("Not found|record")}
}
