package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// reportsView is the page of reports.
type reportsView struct {
	frame

	Periods  []option
	From, To string
	Zone     string
	Admin    bool
	Empty    bool
	Cards    []figureCard
	Charts   []chart
	Tables   []partTable
}

// figureCard is one figure, large.
type figureCard struct{ Text, Value, Note string }

// partTable are the agents or the categories.
type partTable struct {
	Title, Head, File string
	Rows              []partRow
}

type partRow struct {
	Name                                        string
	Created, Solved, Replies                    int64
	FirstResponse, Resolution, Satisfied, Rated string
}

// chart is drawn into a box of 1000 by 200 that is stretched to its place, with its words as text around it.
type chart struct {
	ID, Title, About, File string
	// Ticks are the words beside the lines, from the top down; Labels those below, from the left.
	Ticks, Labels []string
	Lines         []float64
	Series        []series
	Columns       []column
	// Heads and Rows are the same as a table.
	Heads []string
	Rows  [][]string
	Empty bool
}

// series is a row of bars, or a line. Kind is the class of its look: "a" or "b".
type series struct {
	Name, Kind string
	Bars       []bar
	Path       string
	Dots       []dot
}

type bar struct{ X, Y, W, H float64 }

type dot struct{ X, Y float64 }

// column is a part of the chart's width that says its figures under the pointer.
type column struct {
	X, W  float64
	Title string
}

const (
	chartWidth  = 1000.0
	chartHeight = 200.0
)

func newReportsView(f frame, admin bool, n *ruleNames, r *tickets.Report, days int, zone string) *reportsView {
	v := &reportsView{frame: f, From: r.From.Format(time.DateOnly), To: r.To.Format(time.DateOnly), Zone: zone, Admin: admin}
	for _, d := range reportPeriods {
		v.Periods = append(v.Periods, option{Value: strconv.Itoa(d), Text: n.T("%d days", d), Selected: d == days})
	}
	var backlog int64
	for _, g := range r.Backlog {
		backlog += g.Open
	}
	v.Empty = r.Total.Created+r.Total.Solved+backlog == 0
	v.Cards = n.cards(&r.Total, backlog)
	spans := together(r.Days)
	v.Charts = []chart{n.flow(spans), n.times(spans, false), n.times(spans, true), n.backlogChart(r.Backlog), n.stars(&r.Total)}
	v.Tables = []partTable{
		n.parts("agents", n.T("By agent"), n.T("Agent"), "assignee", r.Agents),
		n.parts("categories", n.T("By category"), n.T("Category"), "category", r.Categories),
	}
	return v
}

func (n *ruleNames) cards(t *tickets.Figures, backlog int64) []figureCard {
	first, solved := n.quantiles(t.FirstResponse), n.quantiles(t.Resolution)
	cards := []figureCard{
		{Text: n.T("Created"), Value: n.number(t.Created)},
		{Text: n.T("Solved|count"), Value: n.number(t.Solved), Note: n.T("%d opened again", int(t.Reopened))},
		{Text: n.T("First response"), Value: first[0], Note: n.T("9 of 10 within %s", first[1])},
		{Text: n.T("Resolution"), Value: solved[0], Note: n.T("9 of 10 within %s", solved[1])},
		{Text: n.T("Satisfied"), Value: n.satisfied(t), Note: n.T("%d ratings of %d solved", int(t.Ratings()), int(t.Solved))},
		{Text: n.T("Not done now"), Value: n.number(backlog)},
	}
	if missed := t.MissedFirst + t.MissedResolution; missed > 0 {
		cards = append(cards, figureCard{Text: n.T("Missed targets"), Value: n.number(missed)})
	}
	return cards
}

func (n *ruleNames) number(v int64) string { return n.T("%d|number", int(v)) }

// quantiles are the median and the ninth decile.
func (n *ruleNames) quantiles(t tickets.Times) [2]string {
	var out [2]string
	for i, share := range []float64{.5, .9} {
		out[i] = "–"
		if d, ok := t.Quantile(share); ok {
			out[i] = n.span(d)
		}
	}
	return out
}

// span is a duration in a word or two.
func (n *ruleNames) span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0:
		return n.T("%s d", n.decimal(d.Hours()/24))
	case d%time.Hour == 0 && d < 2*day:
		return n.T("%s h", n.decimal(d.Hours()))
	case d < time.Minute:
		return n.T("%d s", int(d.Seconds()))
	case d < 100*time.Minute:
		return n.T("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 2*day:
		return n.T("%s h", n.decimal(d.Hours()))
	}
	return n.T("%s d", n.decimal(d.Hours()/24))
}

// decimal is a number with the reader's decimal mark.
func (n *ruleNames) decimal(v float64) string {
	if n.Lang() == "de" {
		return strings.Replace(decimal(v), ".", ",", 1)
	}
	return decimal(v)
}

func decimal(v float64) string {
	if v >= 10 {
		return strconv.Itoa(int(math.Round(v)))
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

func (n *ruleNames) satisfied(t *tickets.Figures) string {
	share, ok := t.Satisfaction()
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%.0f %%", share*100)
}

func (n *ruleNames) parts(file, title, head, of string, rows []tickets.ReportRow) partTable {
	t := partTable{Title: title, Head: head, File: file + ".csv"}
	for i := range rows {
		f := &rows[i].Figures
		t.Rows = append(t.Rows, partRow{
			Name: n.show(of, rows[i].ID), Created: f.Created, Solved: f.Solved, Replies: f.Replies, FirstResponse: n.quantiles(f.FirstResponse)[0],
			Resolution: n.quantiles(f.Resolution)[0], Satisfied: n.satisfied(f), Rated: n.number(f.Ratings()),
		})
	}
	return t
}

// figureSpan is some days together.
type figureSpan struct {
	first, last time.Time
	tickets.Figures
}

// together puts days together into as many columns as a chart can show: days, weeks or months of 30 days.
func together(days []tickets.ReportDay) (all []figureSpan) {
	size := 1
	switch {
	case len(days) > 400:
		size = 30
	case len(days) > 45:
		size = 7
	}
	for i := range days {
		if i%size == 0 {
			all = append(all, figureSpan{first: days[i].Date})
		}
		last := &all[len(all)-1]
		last.last = days[i].Date
		last.Plus(&days[i].Figures)
	}
	return all
}

// name is the span's days, short.
func (n *ruleNames) name(s *figureSpan) string {
	day := func(t time.Time) string { return n.Date(t) }
	if s.first.Equal(s.last) {
		return day(s.first)
	}
	return day(s.first) + " – " + day(s.last)
}
