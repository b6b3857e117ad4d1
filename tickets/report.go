package tickets

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Report is what happened in a tenant's desk in some days.
type Report struct {
	From, To time.Time // the first and the last day, as midnight UTC of that date
	// Days are all days in their order, those included on which nothing happened.
	Days  []ReportDay
	Total Figures
	// Agents and Categories have those for whom there is something to say, the most solved first.
	Agents, Categories []ReportRow
	// Backlog is how many tickets are not done now, by their age.
	Backlog []AgeGroup
}

// ReportDay is one day.
type ReportDay struct {
	Date time.Time // as midnight UTC
	Figures
}

// ReportRow is an agent or a category.
type ReportRow struct {
	ID string
	Figures
}

// AgeGroup is the tickets that were opened between two numbers of days ago, whole days UTC; Most < 0: any number.
type AgeGroup struct {
	Least, Most int
	Open        int64
}

// MaxReportDays is how many days a report may be about.
const MaxReportDays = 732

// Report adds up the days from one to another. A *QueryError says what is wrong with them. Staff only.
func (d *Desk) Report(ctx context.Context, tn *tenant.Tenant, a Actor, from, to time.Time) (Report, error) {
	if !a.Staff() {
		return Report{}, fmt.Errorf("%w: reports are staff's", ErrNotAllowed)
	}
	from, to = dayOf(from), dayOf(to)
	days := int(to.Sub(from).Hours()/24) + 1
	switch {
	case days < 1:
		return Report{}, &QueryError{Param: "to", Reason: "It must not be before the first day."}
	case days > MaxReportDays:
		return Report{}, &QueryError{Param: "from", Reason: fmt.Sprintf("A report is about at most %d days.", MaxReportDays)}
	}
	r := Report{From: from, To: to, Days: make([]ReportDay, days)}
	for i := range r.Days {
		r.Days[i].Date = from.AddDate(0, 0, i)
	}
	agents, categories := map[string]*Figures{}, map[string]*Figures{}
	for kind, take := range map[string]func(*measure){
		measureAll: func(m *measure) {
			if at, err := time.Parse(time.DateOnly, m.Date); err == nil {
				r.Days[int(at.Sub(from).Hours()/24)].Plus(&m.Figures)
				r.Total.Plus(&m.Figures)
			}
		},
		measureAgent:    func(m *measure) { addTo(agents, m) },
		measureCategory: func(m *measure) { addTo(categories, m) },
	} {
		if err := d.measures(ctx, tn, kind, from, to, take); err != nil {
			return Report{}, err
		}
	}
	r.Agents, r.Categories = rowsOf(agents), rowsOf(categories)
	var err error
	r.Backlog, err = d.backlog(ctx, tn)
	return r, err
}

// dayOf is the date of a time as midnight UTC.
func dayOf(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

func addTo(all map[string]*Figures, m *measure) {
	if all[m.ID] == nil {
		all[m.ID] = &Figures{}
	}
	all[m.ID].Plus(&m.Figures)
}

func rowsOf(all map[string]*Figures) []ReportRow {
	rows := make([]ReportRow, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		rows = append(rows, ReportRow{ID: id, Figures: *all[id]})
	}
	slices.SortStableFunc(rows, func(a, b ReportRow) int {
		return cmp.Or(cmp.Compare(b.Solved, a.Solved), cmp.Compare(b.Created, a.Created))
	})
	return rows
}

// measures reads the measures of a kind, in as many transactions as they need.
func (d *Desk) measures(ctx context.Context, tn *tenant.Tenant, kind string, from, to time.Time, take func(*measure)) error {
	const page = 4000
	r := storage.Range{
		From: measureKey(kind, from.Format(time.DateOnly)), To: measureKey(kind, to.AddDate(0, 0, 1).Format(time.DateOnly)), Limit: page,
	}
	for {
		var rows []measure
		err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
			rows = rows[:0]
			for m, err := range measureTable.Scan(tx, r) {
				if err != nil {
					return err
				}
				rows = append(rows, m)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for i := range rows {
			take(&rows[i])
		}
		if len(rows) < page {
			return nil
		}
		last := &rows[page-1]
		r.After = measureKey(last.Kind, last.Date).Str(last.ID)
	}
}

// backlog counts the tickets that are not done by their age.
func (d *Desk) backlog(ctx context.Context, tn *tenant.Tenant) ([]AgeGroup, error) {
	var groups []AgeGroup
	err := d.store.View(ctx, tn.Scope(), func(tx *storage.Tx) error {
		groups = []AgeGroup{{Most: 1}, {Least: 2, Most: 3}, {Least: 4, Most: 7}, {Least: 8, Most: 30}, {Least: 31, Most: 90}, {Least: 91, Most: -1}}
		today := dayOf(now())
		for b, err := range backlogTable.Scan(tx, storage.Range{}) {
			if err != nil {
				return err
			}
			at, err := time.Parse(time.DateOnly, b.Date)
			if err != nil {
				continue
			}
			age := int(today.Sub(at).Hours() / 24)
			i := slices.IndexFunc(groups, func(g AgeGroup) bool { return age <= g.Most || g.Most < 0 })
			groups[i].Open += b.Open
		}
		return nil
	})
	return groups, err
}
