package web

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const hardSize = 64 << 10

func filled(head, unit string) string {
	return head + strings.Repeat(unit, (hardSize-len(head))/len(unit))
}

// stairs is a text of so many lines, each by so many columns further in than the one before.
func stairs(lines, columns int, text string) string {
	var b strings.Builder
	for i := range lines {
		b.WriteString(strings.Repeat(" ", i*columns) + text + "\n")
	}
	return b.String()
}

// bombs are texts that take a Markdown renderer seconds and gigabytes: they are shown as they were typed.
func bombs() map[string]string {
	long, lines := strings.Repeat("b", 50_000), strings.Repeat("b\n", 20_000)
	return map[string]string{
		"lists in ten steps, then nothing": stairs(30, 20, strings.Repeat("- ", 10)+"a") + strings.Repeat("\n", 30_000) + "x",
		"lists in one step, then nothing":  stairs(120, 2, "- a") + strings.Repeat("\n", 50_000) + "x",
		"one line of lists, then nothing":  strings.Repeat("- ", 49) + "a\n" + strings.Repeat("\n", 60_000) + "x",
		"one line of lists, then spaces":   strings.Repeat("- ", 49) + "a\n" + strings.Repeat(" \n", 30_000) + "x",
		"quotes, then a long paragraph":    stairs(100, 2, "> > > - a") + strings.Repeat("b\n", 20_000),
		"links without end":                strings.Repeat("[a](", 1990) + long,
		"links in brackets without end":    strings.Repeat("[a](<", 1990) + long,
		"links with escapes":               strings.Repeat("[a](", 1990) + strings.Repeat(`\(`, 25_000),
		"images without end":               strings.Repeat("![a](", 1990) + long,
		"titles without end":               strings.Repeat(`[a](b "`, 1990) + lines,
		"titles below an escape":           strings.Repeat(`[a](b\) "`, 1990) + lines,
		"titles in the next line":          strings.Repeat("[a](b\n'", 1990) + lines,
		"links in one another":             strings.Repeat("[", 900) + "a" + strings.Repeat("](b '", 900) + lines,
		"definitions with titles":          strings.Repeat("[a]: u\n\"\n", 1900) + lines,
	}
}

// hardTexts are others that are known to be hard, of which the renderer makes what it can.
func hardTexts() map[string]string {
	units := map[string]string{
		"open tags": "<a ", "instructions": "<?", "declarations": "<!A ", "sections": "<![CDATA[", "comments": "<!--", "attributes": "<a b='",
		"attributes in lines": "<a b=\"\n", "addresses": "<http://", "angles": "<", "code": "`a``b", "code of all lengths": "` `` ``` ", "hosts": "www.",
		"links": "http://a.b ", "mail": "a@", "more mail": "a.b@c.d ", "pluses": "a+", "colons": ":a", "headings": "# ", "underlined": "a\n-\n",
		"paragraphs": "a\n\n", "lines": "a\n", "tabs": "\t", "lists": "- a\n", "loose lists": "- a\n\n", "changing lists": "- a\n+ a\n",
		"numbers": "1. a\n1) a\n", "empty items": "-\n", "code in lists": "- ```\n", "fences": "~~~a\n", "indented": "    a\n\n", "quotes": ">\n\n",
		"deep quotes": strings.Repeat("> ", 49) + "a\n", "returns": "\r", "nothing": "\n", "zeros": "\x00", "entities": "&a;", "ampersands": "&",
		"backslashes": "\\", "closing": "]", "closing links": "](", "definitions": "[a]: u\n", "dashes": "- ", "rules": "* * *\n", "blocks": "<div>\n",
		"rows": "a|b\n-|-\n", "indentation": strings.Repeat(" ", 90) + "-\n",
	}
	all := map[string]string{
		"stairs":            stairs(250, 2, "- a"),
		"code of any":       strings.Repeat("`", 32_000) + "a" + strings.Repeat("`", 31_999),
		"long address":      strings.Repeat("a.", 30_000) + "@b.c",
		"parentheses":       "http://a.b/" + strings.Repeat(")", 60_000),
		"one bracket":       strings.Repeat("[", 1999) + strings.Repeat("b", 50_000) + strings.Repeat("]", 1999),
		"emphasis, lines":   filled(strings.Repeat("*a_ ", 900), "b\n"),
		"lazy quote":        strings.Repeat("> ", 49) + "a\n" + strings.Repeat("b\n", 32_000),
		"a title's lines":   "[a]: u \"" + strings.Repeat("b\n", 30_000),
		"one row of pipes":  "|a|\n|-|\n" + strings.Repeat("|", 60_000),
		"attributes of one": "x<a" + strings.Repeat(" b", 30_000),
	}
	for name, unit := range units {
		all[name] = filled("", unit)
	}
	return all
}

// What is made to be hard costs about as much as what is long: memory in proportion, and steps that are counted before they are taken.
func TestMarkdownWorkIsBounded(t *testing.T) {
	for name, text := range bombs() {
		if got := string(markdown(text)); !strings.HasPrefix(got, "<pre>") {
			t.Errorf("%s: is rendered", name)
		}
	}
	for name, text := range hardTexts() {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := len(markdown(text))
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(memoryPerByte*len(text)) || got > 20*hardSize {
			t.Errorf("%s: %d bytes became %d and took %d bytes of memory", name, len(text), got, took)
		}
	}
}

// What people write is never taken for a bomb.
func TestMarkdownRendersLongTexts(t *testing.T) {
	var links strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&links, "- [entry (%d)](https://example.com/a_(b)/%d) (see there)\n", i, i)
	}
	for name, text := range map[string]string{
		"links":      links.String(),
		"titles":     strings.Repeat(`[a](https://example.com "say \"hi\"") and don't forget `, 300),
		"references": strings.Repeat("see [a][1], [b][2]\n\n", 400) + "[1]: https://example.com \"One\"\n[2]: https://example.com (Two)\n",
		"code":       "*so:*\n```\n" + strings.Repeat("                    if x[i] {\n\n", 900) + "```\n",
		"stairs":     strings.Repeat(stairs(12, 2, "- a")+"\n", 100),
		"far apart":  "*a*" + strings.Repeat("\n", 50_000) + "b",
		"mail":       strings.Repeat("> > > *quoted* text of somebody's, with (brackets) and \"marks\"\n", 800),
	} {
		if got := string(markdown(text[:min(len(text), hardSize)])); strings.HasPrefix(got, "<pre>") {
			t.Errorf("%s: shown as it was typed", name)
		}
	}
}

// However the structure is made, what is rendered is within the bounds, and counting takes no time itself.
func FuzzMarkdownWork(f *testing.F) {
	for _, unit := range []string{"- a\n", "> ", "[a](b 'c\n", "[a]: u\n\"\n", "1. ", "\t-\n", "\n", "  * x\r\n"} {
		f.Add(unit, unit, uint16(40))
	}
	f.Fuzz(func(t *testing.T, head, unit string, times uint16) {
		text := head + strings.Repeat(unit, int(times))
		if len(text) > hardSize {
			text = text[:hardSize]
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		markdown(text)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > uint64(4<<20+4000*len(text)) {
			t.Errorf("%q and %d times %q took %d bytes of memory", head, times, unit, took)
		}
	})
}
