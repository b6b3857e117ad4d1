package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tickets"
)

// flow is what was created and solved.
func (n *ruleNames) flow(spans []figureSpan) chart {
	c := n.chart("flow", n.T("Created and solved"), n.T("Tickets that were created and solved"), spans)
	c.File = "days.csv"
	created, solved := make([]float64, len(spans)), make([]float64, len(spans))
	for i := range spans {
		created[i], solved[i] = float64(spans[i].Created), float64(spans[i].Solved)
	}
	top := c.scale(func(v float64) string { return decimal(v) }, inNumbers, created, solved)
	c.bars(top, []series{{Name: n.T("Created"), Kind: "a"}, {Name: n.T("Solved|count"), Kind: "b"}}, created, solved)
	c.tabulate(n.T("Days"), n.cell, created, solved)
	return c
}

func (n *ruleNames) cell(v float64) string { return n.number(int64(v)) }

// times is the median and the ninth decile of how long it took.
func (n *ruleNames) times(spans []figureSpan, resolution bool) chart {
	c := n.chart("first", n.T("Time to the first response"), n.T("Median and ninth decile of the time to the first response"), spans)
	if resolution {
		c = n.chart("resolution", n.T("Time to the resolution"), n.T("Median and ninth decile of the time to the resolution"), spans)
	}
	c.File = "days.csv"
	median, most := make([]float64, len(spans)), make([]float64, len(spans))
	for i := range spans {
		times := spans[i].FirstResponse
		if resolution {
			times = spans[i].Resolution
		}
		median[i], most[i] = quantile(times, .5), quantile(times, .9)
	}
	words := func(v float64) string {
		if v == 0 {
			return "0"
		}
		return n.span(time.Duration(v * float64(time.Second)))
	}
	top := c.scale(words, inTimes, median, most)
	c.lines(top, []series{{Name: n.T("Median"), Kind: "a"}, {Name: n.T("9 of 10"), Kind: "b"}}, median, most)
	c.tabulate(n.T("Days"), func(v float64) string {
		if math.IsNaN(v) {
			return "–"
		}
		return words(v)
	}, median, most)
	return c
}

// quantile is in seconds; not a number stands for nothing.
func quantile(t tickets.Times, share float64) float64 {
	if d, ok := t.Quantile(share); ok {
		return d.Seconds()
	}
	return math.NaN()
}

// backlogChart is what is not done now, by its age.
func (n *ruleNames) backlogChart(groups []tickets.AgeGroup) chart {
	c := chart{ID: "backlog", Title: n.T("Not done now, by age"), About: n.T("Tickets that are not done now, by the days since they were created"), File: "backlog.csv"}
	values := make([]float64, len(groups))
	for i, g := range groups {
		name := n.T("%[1]d–%[2]d days", g.Least, g.Most)
		switch {
		case g.Least == 0:
			name = n.T("today, yesterday")
		case g.Most < 0:
			name = n.T("over %d days", g.Least-1)
		}
		c.Labels, values[i] = append(c.Labels, name), float64(g.Open)
	}
	top := c.scale(func(v float64) string { return decimal(v) }, inNumbers, values)
	c.bars(top, []series{{Name: n.T("Tickets"), Kind: "a"}}, values)
	c.tabulate(n.T("Age"), n.cell, values)
	return c
}

// stars is how often each rating was given.
func (n *ruleNames) stars(f *tickets.Figures) chart {
	c := chart{ID: "stars", Title: n.T("Ratings"), About: n.T("How many requesters gave one star, two, and so on to five"), File: "days.csv"}
	values := make([]float64, len(f.Stars))
	for i, count := range f.Stars {
		c.Labels, values[i] = append(c.Labels, strconv.Itoa(i+1)+" ★"), float64(count)
	}
	top := c.scale(func(v float64) string { return decimal(v) }, inNumbers, values)
	c.bars(top, []series{{Name: n.T("Ratings"), Kind: "a"}}, values)
	c.tabulate(n.T("Stars"), n.cell, values)
	return c
}

// chart is an empty chart over spans of days.
func (n *ruleNames) chart(id, title, about string, spans []figureSpan) chart {
	c := chart{ID: id, Title: title, About: about}
	for i := range spans {
		c.Labels = append(c.Labels, n.name(&spans[i]))
	}
	return c
}

// scale chooses a round top for the values out of steps that people count in, and draws the lines up to it.
func (c *chart) scale(words func(float64) string, step func(float64) float64, all ...[]float64) float64 {
	const steps = 4
	top := 0.0
	for _, values := range all {
		for _, v := range values {
			if v > top {
				top = v
			}
		}
	}
	if c.Empty = top == 0; c.Empty {
		top = steps
	}
	top = step(top/steps) * steps
	for i := steps; i >= 0; i-- {
		c.Ticks = append(c.Ticks, words(top/steps*float64(i)))
		c.Lines = append(c.Lines, chartHeight-chartHeight/steps*float64(i))
	}
	return top
}

// inNumbers and inTimes are the next step from v on: of counts, and of seconds.
func inNumbers(v float64) float64 {
	for size := 1.0; ; size *= 10 {
		for _, m := range []float64{1, 2, 3, 5} {
			if m*size >= v {
				return m * size
			}
		}
	}
}

func inTimes(v float64) float64 {
	const minute, hour, day = 60, 3600, 86400
	for _, step := range []float64{
		minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 4 * hour, 6 * hour, 8 * hour, 12 * hour,
	} {
		if step >= v {
			return step
		}
	}
	return inNumbers(v/day) * day
}

// bars draws the values side by side.
func (c *chart) bars(top float64, all []series, values ...[]float64) {
	each := chartWidth / float64(len(values[0]))
	gap := each * .16
	width := (each - 2*gap) / float64(len(values))
	c.Series = all
	for s := range c.Series {
		one := &c.Series[s]
		for i, v := range values[s] { //nolint:gosec // each series has its values
			h := v / top * chartHeight
			one.Bars = append(one.Bars, bar{X: short(float64(i)*each + gap + float64(s)*width), Y: short(chartHeight - h), W: short(width * .94), H: short(h)})
		}
	}
	c.columns(each)
}

// lines draws the values as lines with dots. A line is broken where there is no value.
func (c *chart) lines(top float64, all []series, values ...[]float64) {
	each := chartWidth / float64(len(values[0]))
	for s := range all {
		var path strings.Builder
		drawn := false
		for i, v := range values[s] {
			if math.IsNaN(v) {
				drawn = false
				continue
			}
			x, y := short((float64(i)+.5)*each), short(chartHeight-v/top*chartHeight)
			if drawn {
				fmt.Fprintf(&path, "L%v %v", x, y)
			} else {
				fmt.Fprintf(&path, "M%v %v", x, y)
			}
			drawn = true
			all[s].Dots = append(all[s].Dots, dot{x, y})
		}
		all[s].Path = path.String()
	}
	c.Series = all
	c.columns(each)
}

// short is a number with one digit behind the point: more would be bytes for nothing.
func short(v float64) float64 { return math.Round(v*10) / 10 }

func (c *chart) columns(each float64) {
	for i := range c.Labels {
		c.Columns = append(c.Columns, column{X: short(float64(i) * each), W: short(each)})
	}
}

// tabulate writes the values as a table, and what stands under the pointer.
func (c *chart) tabulate(head string, words func(float64) string, values ...[]float64) {
	c.Heads = []string{head}
	for _, s := range c.Series {
		c.Heads = append(c.Heads, s.Name)
	}
	for i, label := range c.Labels {
		row, title := []string{label}, []string{}
		for s, of := range values {
			row = append(row, words(of[i]))
			title = append(title, c.Heads[s+1]+": "+words(of[i]))
		}
		c.Rows = append(c.Rows, row)
		c.Columns[i].Title = label + " – " + strings.Join(title, ", ")
	}
}

// Shown are the labels that have room below the chart: at most seven, the first and the last of them in any case, and of weeks
// and months the first day.
func (c *chart) Shown() []string {
	const room = 7
	count := min(len(c.Labels), room)
	some := make([]string, count)
	for i := range some {
		at := i
		if count == room {
			at = i * (len(c.Labels) - 1) / (room - 1)
		}
		some[i], _, _ = strings.Cut(c.Labels[at], " – ")
	}
	return some
}

// Box is the chart's view box.
func (c *chart) Box() string {
	return "0 0 " + strconv.Itoa(int(chartWidth)) + " " + strconv.Itoa(int(chartHeight))
}
