package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// Space between columns, and before what stands below a row.
const (
	columnGap = 2
	rowIndent = 4
)

// width is how many characters fit on a line of the terminal that the answer goes to; 0: it goes to none, and lines may be long.
func (p *program) width() int {
	f, ok := p.out.(*os.File)
	if !ok {
		return 0
	}
	w, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(w.Col)
}

// tableWithin is table for lines of a width. The columns that do not fit stand below their row, by name; what is longer than a line and
// has no spaces stays whole, so that it can be copied.
func tableWithin(b *bytes.Buffer, width int, none string, headings []string, rows [][]string) {
	fit := fitting(width, headings, rows)
	if fit == len(headings) || len(rows) == 0 {
		table(b, none, headings, rows)
		return
	}
	heads := make([][]string, len(rows))
	for i, r := range rows {
		heads[i] = r[:fit]
	}
	var top bytes.Buffer
	table(&top, none, headings[:fit], heads)
	lines := strings.Split(strings.TrimSuffix(top.String(), "\n"), "\n")
	fmt.Fprintln(b, lines[0])
	for i, r := range rows {
		fmt.Fprintln(b, lines[i+1])
		var below []string
		for j := fit; j < len(r); j++ {
			if r[j] != "" && r[j] != "-" {
				below = append(below, strings.ToLower(headings[j])+": "+line(r[j]))
			}
		}
		flow(b, width, below)
	}
}

// fitting is how many of the first columns fit into a width, one at least; all, if there is no limit.
func fitting(width int, headings []string, rows [][]string) int {
	if width == 0 {
		return len(headings)
	}
	used := 0
	for i, h := range headings {
		wide := utf8.RuneCountInString(h)
		for _, r := range rows {
			wide = max(wide, utf8.RuneCountInString(r[i]))
		}
		if used += wide; used > width && i > 0 {
			return i
		}
		used += columnGap
	}
	return len(headings)
}

// flow writes what stands below a row: as much on a line as fits.
func flow(b *bytes.Buffer, width int, items []string) {
	indent, text := strings.Repeat(" ", rowIndent), ""
	for _, item := range items {
		joined := text + "   " + item
		switch {
		case text == "":
			text = item
		case rowIndent+utf8.RuneCountInString(joined) <= width:
			text = joined
		default:
			fmt.Fprintln(b, indent+wrapped(text, width, rowIndent))
			text = item
		}
	}
	if text != "" {
		fmt.Fprintln(b, indent+wrapped(text, width, rowIndent))
	}
}

// pairsWithin is pairs for lines of a width.
func pairsWithin(b *bytes.Buffer, width int, kv ...string) {
	names := 0
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			names = max(names, utf8.RuneCountInString(kv[i]))
		}
	}
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			fmt.Fprintf(b, "%-*s%s\n", names+columnGap, kv[i], wrapped(line(kv[i+1]), width, names+columnGap))
		}
	}
}

// wrapped is a text in lines of a width, of which all begin after an indent. The first one's is not part of it.
func wrapped(text string, width, indent int) string {
	if width == 0 {
		return text
	}
	var b strings.Builder
	used := indent
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case used+1+n > width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			used = indent
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
