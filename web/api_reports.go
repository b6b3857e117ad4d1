package web

import (
	"net/http"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// reportDocument is a report in the API.
type reportDocument struct {
	From       string            `json:"from"`
	To         string            `json:"to"`
	TimeZone   string            `json:"time_zone"`
	Total      figuresDocument   `json:"total"`
	Days       []dayDocument     `json:"days"`
	Agents     []partDocument    `json:"agents"`
	Categories []partDocument    `json:"categories"`
	Backlog    []backlogDocument `json:"backlog"`
}

// figuresDocument is what is counted. Times are in seconds, null where there were none.
type figuresDocument struct {
	Created          int64      `json:"created"`
	Solved           int64      `json:"solved"`
	Reopened         int64      `json:"reopened"`
	Replies          int64      `json:"replies"`
	FirstResponse    timesFound `json:"first_response"`
	Resolution       timesFound `json:"resolution"`
	Ratings          []int64    `json:"ratings"`
	Satisfaction     *float64   `json:"satisfaction"`
	MissedFirst      int64      `json:"missed_first_response"`
	MissedResolution int64      `json:"missed_resolution"`
}

type timesFound struct {
	Count  int64  `json:"count"`
	Median *int64 `json:"median_seconds"`
	P90    *int64 `json:"p90_seconds"`
}

type dayDocument struct {
	Date string `json:"date"`
	figuresDocument
}

type partDocument struct {
	ID string `json:"id"`
	figuresDocument
}

type backlogDocument struct {
	MinDays int   `json:"min_days"`
	MaxDays *int  `json:"max_days"`
	Open    int64 `json:"open"`
}

func documentOfFigures(f *tickets.Figures) figuresDocument {
	d := figuresDocument{
		Created: f.Created, Solved: f.Solved, Reopened: f.Reopened, Replies: f.Replies, Ratings: f.Stars[:],
		FirstResponse: timesOf(f.FirstResponse), Resolution: timesOf(f.Resolution),
		MissedFirst: f.MissedFirst, MissedResolution: f.MissedResolution,
	}
	if share, ok := f.Satisfaction(); ok {
		d.Satisfaction = &share
	}
	return d
}

func timesOf(t tickets.Times) timesFound {
	found := timesFound{Count: t.Count()}
	for share, to := range map[float64]**int64{.5: &found.Median, .9: &found.P90} {
		if d, ok := t.Quantile(share); ok {
			seconds := int64(d / time.Second)
			*to = &seconds
		}
	}
	return found
}

func (s *Server) showReport(w http.ResponseWriter, r *http.Request) error {
	c, p := callerOf(r), queryOf(r)
	from, to := p.date("from"), p.date("to")
	if err := p.err(); err != nil {
		return err
	}
	today := time.Now().In(c.tenant.Settings.Location())
	if to.IsZero() {
		to = today
	}
	if from.IsZero() {
		from = to.AddDate(0, 0, -29)
	}
	report, err := s.desk.Report(r.Context(), c.tenant, c.actor(), from, to)
	if err != nil {
		return err
	}
	d := reportDocument{
		From: report.From.Format(time.DateOnly), To: report.To.Format(time.DateOnly), TimeZone: c.tenant.Settings.TimeZone,
		Total: documentOfFigures(&report.Total), Days: make([]dayDocument, len(report.Days)),
		Agents: partsOf(report.Agents), Categories: partsOf(report.Categories),
	}
	for i := range report.Days {
		d.Days[i] = dayDocument{report.Days[i].Date.Format(time.DateOnly), documentOfFigures(&report.Days[i].Figures)}
	}
	for _, g := range report.Backlog {
		row := backlogDocument{MinDays: g.Least, Open: g.Open}
		if g.Most >= 0 {
			row.MaxDays = &g.Most
		}
		d.Backlog = append(d.Backlog, row)
	}
	return encode(w, http.StatusOK, d)
}

func partsOf(rows []tickets.ReportRow) []partDocument {
	parts := make([]partDocument, len(rows))
	for i := range rows {
		parts[i] = partDocument{rows[i].ID, documentOfFigures(&rows[i].Figures)}
	}
	return parts
}
