package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/deskgate/deskgate/proxy/live"
)

// ordering is a way to sort hosts; the heading of its column is marked.
type ordering struct {
	name, key, heading string
	compare            func(a, b live.Row) int
}

func allOrders() []ordering {
	return []ordering{
		{"requests", "r", "REQ/S", func(a, b live.Row) int { return cmp.Compare(b.Requests, a.Requests) }},
		{"errors", "e", "5XX", func(a, b live.Row) int { return cmp.Compare(b.Failed, a.Failed) }},
		{"time", "t", "P99", func(a, b live.Row) int { return cmp.Compare(b.P99, a.P99) }},
		{"bytes", "b", "OUT/S", func(a, b live.Row) int { return cmp.Compare(b.Bytes, a.Bytes) }},
		{"host", "h", "HOST", func(a, b live.Row) int { return cmp.Compare(a.Host, b.Host) }},
	}
}

func orders() map[string]ordering {
	all := map[string]ordering{}
	for _, o := range allOrders() {
		all[o.name] = o
	}
	return all
}

// view is how a look is shown.
type view struct {
	width, height int
	order         ordering
	now           time.Time
}

// lines are the screen. None is wider than the view, and there are no more than fit.
func (d *topDocument) lines(v view) []string {
	s, t := &d.State, &d.Traffic
	all := t.All
	out := []string{
		fmt.Sprintf("deskgate %s · %s · up %s · %s", s.Version, s.Node, ago(v.now, s.Begun), v.now.Format(time.TimeOnly)),
		fmt.Sprintf("requests %s/s · 5xx %s · 4xx %s · p50 %s · p99 %s · %s/s", rate(all.Requests, t.Seconds), share(all.Failed, all.Requests),
			share(all.Refused, all.Requests), took(all.P50), took(all.P99), perSecond(all.Bytes, t.Seconds)),
		fmt.Sprintf("connections %d · %d under way · domains: %s", s.Connections, s.Running, counted(s.Domains)),
		"certificates: " + counted(s.Certificates.States) + firstEnds(v.now, s.Certificates.Expires),
		"queues: " + s.queues(v.now),
	}
	if s.ReadOnly != "" {
		out = append(out, "! takes no changes: "+s.ReadOnly)
	}
	if unfit := s.unfit(); len(s.Upstreams) > 0 {
		out = append(out, fmt.Sprintf("upstreams: %d, %d of them unfit", len(s.Upstreams), len(unfit)))
		for _, u := range unfit[:min(len(unfit), 3)] {
			out = append(out, fmt.Sprintf("! %s is %s: %s", u.Upstream, u.Health, u.Reason))
		}
	}
	for _, a := range s.Certificates.Authorities {
		if a.RestsTill != nil {
			out = append(out, fmt.Sprintf("! %s is asked again in %s: %s", a.Authority, ago(*a.RestsTill, v.now), a.Reason))
		}
	}
	for _, f := range s.Certificates.Failing[:min(len(s.Certificates.Failing), 3)] {
		out = append(out, fmt.Sprintf("! %s: %s", f.Host, f.Reason))
	}
	out = append(out, "")
	out = append(out, hostLines(d, v, v.height-len(out))...)
	for i := range out {
		out[i] = cut(printable(out[i]), v.width)
	}
	return out[:min(len(out), v.height)]
}

// hostLines are the table of hosts: in so many lines, its head among them.
func hostLines(d *topDocument, v view, most int) []string {
	const numbers = 6 + 1 + 9 + 1 + 7 + 1 + 8 + 1 + 8 + 1 + 9 // of the columns behind the host
	wide := max(12, min(v.width-numbers-1, 60))
	heading := func(text string) string {
		if text == v.order.heading {
			return "▾" + text
		}
		return text
	}
	out := []string{fmt.Sprintf("%-*s %6s %9s %7s %8s %8s %9s", wide, heading("HOST"), "TO", heading("REQ/S"), heading("5XX"), "P50", heading("P99"), heading("OUT/S"))}
	hosts := slices.Clone(d.Traffic.Hosts)
	slices.SortStableFunc(hosts, v.order.compare)
	for _, h := range hosts[:max(0, min(len(hosts), most-1))] {
		name := cmp.Or(h.Host, "(not ours, or too many)")
		to := "desk"
		switch {
		case h.Forwarded == h.Requests:
			to = "app"
		case h.Forwarded > 0:
			to = "both"
		}
		out = append(out, fmt.Sprintf("%-*s %6s %9s %7s %8s %8s %9s", wide, cut(printable(name), wide), to, rate(h.Requests, d.Traffic.Seconds),
			share(h.Failed, h.Requests), took(h.P50), took(h.P99), perSecond(h.Bytes, d.Traffic.Seconds)))
	}
	if len(hosts) == 0 {
		out = append(out, fmt.Sprintf("nobody came in %.1f s", d.Traffic.Seconds))
	}
	return out
}

// queues are those in which something waits.
func (s *nodeState) queues(now time.Time) string {
	var words []string
	for _, q := range s.Queues {
		if q.Waiting == 0 {
			continue
		}
		word := fmt.Sprintf("%s %d", q.Name, q.Waiting)
		if q.Oldest != nil && now.Sub(*q.Oldest) > time.Minute {
			word += " (" + ago(now, *q.Oldest) + ")"
		}
		words = append(words, word)
	}
	if len(words) == 0 {
		return "nothing waits"
	}
	return strings.Join(words, " · ")
}

func counted(states map[string]int) string {
	var words []string
	for _, state := range slices.Sorted(maps.Keys(states)) {
		if states[state] > 0 {
			words = append(words, fmt.Sprintf("%d %s", states[state], state))
		}
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

func firstEnds(now time.Time, at *time.Time) string {
	if at == nil {
		return ""
	}
	if !at.After(now) {
		return " · the first has ended " + ago(now, *at) + " ago"
	}
	return " · the first ends in " + ago(*at, now)
}

// ago is how long it is from then to now, in one or two units.
func ago(now, then time.Time) string {
	d := now.Sub(then).Truncate(time.Second)
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d >= time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.String()
}

func rate(n uint64, seconds float64) string {
	if seconds <= 0 {
		return "0"
	}
	r := float64(n) / seconds
	if r < 100 {
		return fmt.Sprintf("%.1f", r)
	}
	return humanize.Comma(int64(r))
}

func perSecond(bytes int64, seconds float64) string {
	if seconds <= 0 {
		return "0 B"
	}
	return strings.ReplaceAll(humanize.Bytes(uint64(float64(max(bytes, 0))/seconds)), " ", "")
}

func share(n, of uint64) string {
	if n == 0 || of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

func took(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case d == 0:
		return "-"
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", seconds*1000)
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	default:
		return fmt.Sprintf("%.1fs", seconds)
	}
}

// cut shortens a line to so many columns.
func cut(line string, columns int) string {
	runes := []rune(line)
	if len(runes) <= columns {
		return line
	}
	return string(runes[:max(0, columns-1)]) + "…"
}

// printable leaves out what would change the terminal: reasons may hold what others have answered.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, line)
}
