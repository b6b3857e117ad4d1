package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// answer prints what a command has to say: doc as JSON, or what people writes.
func (p *program) answer(doc any, people func(b *bytes.Buffer)) error {
	if p.asJSON {
		return p.printJSON(doc)
	}
	var b bytes.Buffer
	people(&b)
	_, err := p.out.Write(bytes.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return harmless(r)
	}, b.Bytes()))
	return err
}

// harmless is a character that a terminal only shows. What tenants write, such as the name of a certificate's issuer, must neither
// command the operator's terminal nor turn its lines around.
func harmless(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
		return unicode.ReplacementChar
	}
	return r
}

// line is a text without the means to begin another line.
func line(s string) string { return strings.Map(harmless, s) }

func (p *program) printJSON(doc any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := p.out.Write(b.Bytes())
	return err
}

// table writes rows below headings, in aligned columns, or the sentence for none.
func table(b *bytes.Buffer, none string, headings []string, rows [][]string) {
	if len(rows) == 0 {
		fmt.Fprintln(b, none)
		return
	}
	w := columns(b)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, r := range rows {
		for i, cell := range r {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, line(cell))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush()
}

// pairs writes a name and its value a line, aligned. Empty values are left out.
func pairs(b *bytes.Buffer, kv ...string) {
	w := columns(b)
	for i := 0; i+1 < len(kv); i += 2 {
		if kv[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", kv[i], line(kv[i+1]))
		}
	}
	_ = w.Flush()
}

// day is a date for people.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.DateOnly)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
