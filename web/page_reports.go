package web

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/transfer"
)

const reportsPath = "/agent/reports"

// reportPeriods are the numbers of days that the page offers; the second is the one to begin with.
var reportPeriods = []int{7, 30, 90, 365}

// period is the days that a request asks a report for, as the page's form and its addresses say them.
func (s *Server) period(r *http.Request) (from, to time.Time, days int) {
	query := r.URL.Query()
	today := time.Now().In(callerOf(r).tenant.Settings.Location())
	first, err1 := time.Parse(time.DateOnly, query.Get("from"))
	last, err2 := time.Parse(time.DateOnly, query.Get("to"))
	if err1 == nil && err2 == nil {
		return first, last, 0
	}
	days = reportPeriods[1]
	if n, err := strconv.Atoi(query.Get("days")); err == nil && n >= 1 && n <= tickets.MaxReportDays {
		days = n
	}
	return today.AddDate(0, 0, 1-days), today, days
}

func (s *Server) reportsPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	from, to, days := s.period(r)
	report, err := s.desk.Report(r.Context(), c.tenant, c.actor(), from, to)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	return s.render(w, r, http.StatusOK, "reports", newReportsView(s.ownFrame(r, "Reports", "reports"), c.Role == auth.RoleAdmin, names, &report, days, c.tenant.Settings.TimeZone))
}

// reportFile is a part of a report as a table for a spreadsheet.
func (s *Server) reportFile(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	from, to, _ := s.period(r)
	report, err := s.desk.Report(r.Context(), c.tenant, c.actor(), from, to)
	if err != nil {
		return err
	}
	names, err := s.ruleNames(r)
	if err != nil {
		return err
	}
	var rows [][]string
	switch r.PathValue("file") {
	case "days.csv":
		rows = append(rows, append([]string{"date"}, figureHeads...))
		for i := range report.Days {
			d := &report.Days[i]
			rows = append(rows, append([]string{d.Date.Format(time.DateOnly)}, figureCells(&d.Figures)...))
		}
	case "agents.csv":
		rows = partRows("agent", "assignee", names, report.Agents)
	case "categories.csv":
		rows = partRows("category", "category", names, report.Categories)
	case "backlog.csv":
		rows = append(rows, []string{"min_days", "max_days", "open"})
		for _, g := range report.Backlog {
			most := ""
			if g.Most >= 0 {
				most = strconv.Itoa(g.Most)
			}
			rows = append(rows, []string{strconv.Itoa(g.Least), most, strconv.FormatInt(g.Open, 10)})
		}
	default:
		return errNotFound
	}
	var b strings.Builder
	table := csv.NewWriter(&b)
	for _, row := range rows {
		for i := range row {
			row[i] = transfer.Harmless(row[i])
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+r.PathValue("file")+`"`)
	return send(w, http.StatusOK, []byte(b.String()))
}

var figureHeads = []string{
	"created", "solved", "reopened", "replies", "first_responses", "first_response_median_seconds", "first_response_p90_seconds",
	"resolution_median_seconds", "resolution_p90_seconds", "missed_first_response", "missed_resolution",
	"ratings_1", "ratings_2", "ratings_3", "ratings_4", "ratings_5",
}

func figureCells(f *tickets.Figures) []string {
	seconds := func(t tickets.Times, share float64) string {
		if d, ok := t.Quantile(share); ok {
			return strconv.Itoa(int(d.Seconds()))
		}
		return ""
	}
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	cells := []string{
		count(f.Created), count(f.Solved), count(f.Reopened), count(f.Replies), count(f.FirstResponse.Count()),
		seconds(f.FirstResponse, .5), seconds(f.FirstResponse, .9), seconds(f.Resolution, .5), seconds(f.Resolution, .9),
		count(f.MissedFirst), count(f.MissedResolution),
	}
	for _, n := range f.Stars {
		cells = append(cells, count(n))
	}
	return cells
}

func partRows(head, of string, names *ruleNames, parts []tickets.ReportRow) [][]string {
	rows := [][]string{append([]string{head, "name"}, figureHeads...)}
	for i := range parts {
		rows = append(rows, append([]string{parts[i].ID, names.show(of, parts[i].ID)}, figureCells(&parts[i].Figures)...))
	}
	return rows
}
