package web

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSnippet: what a list shows of a text is what people read of it, in one line.
func TestSnippet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                           "",
		"  The grinder\n jams.\r\n\r\nAgain ":        "The grinder jams. Again",
		"2 * 3 * 4 = 24":                             "2 * 3 * 4 = 24",
		"**Bold**, *weak*, `code` and \\*":           "Bold, weak, code and *",
		"a*b and `a*b`, snake_case, 5 > 4":           "a*b and a*b, snake_case, 5 > 4",
		"# Head\n\n> quoted\n>> twice\n\nown":        "Head quoted twice own",
		"Done:\n\n- one\n- two\n\n3. three\n4. four": "Done: • one • two 3. three 4. four",
		"Prices ~~50~~ 40, not ~5":                   "Prices ~~50~~ 40, not ~5",
		"```go\nif a > b { *p }\n```":                "if a > b { *p }",
		"    indented * code":                        "indented * code",
		"[The page](https://x.example) ![A *cat*](https://x.example/c.png) ![](https://x.example/d.png)": "The page A cat https://x.example/d.png",
		"See https://x.example/a_b_c*d and <https://y.example>":                                          "See https://x.example/a_b_c*d and https://y.example",
		"&lt;b&gt; &amp; &copy; <b>List&lt;String></b>":                                                  "<b> & © <b>List<String></b>",
		"a | b\n--|--\n1 | 2\n": "a b 1 2",
		"one\n***\ntwo\n---\n":  "one two",
		"-5 °C\n+49 40 123":     "-5 °C +49 40 123",
		"unfinished **bold":     "unfinished **bold",
		"#5 is open":            "#5 is open",
		"line  \nbreak\\\nhere": "line break here",
	} {
		if got := snippet(text); got != want {
			t.Errorf("snippet(%q) = %q, want %q", text, got, want)
		}
	}
	for _, long := range []string{strings.Repeat("é", 5000), strings.Repeat("*é* ", 5000), strings.Repeat("[", 5000), "**" + strings.Repeat("wort ", 300) + "**"} {
		got := snippet(long)
		if n := utf8.RuneCountInString(got); n > snippetRunes+2 || n < snippetRunes || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("snippet(%.20q…) = %q of %d characters", long, got, n)
		}
	}
}

// FuzzSnippet: a short text's snippet has the words of the text as it is rendered, and nothing else.
func FuzzSnippet(f *testing.F) {
	for _, text := range []string{"*a* `b` 2 * 3", "> a\n> b", "~~a~~", "a\\*b &amp; &#35;", "[a](http://b.c)", "# a\n***\nb", "|a|b|\n|-|-|\n|c|d|", "![](x)"} {
		f.Add(text)
	}
	tags := regexp.MustCompile(`<[^>]*>`)
	letters := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' {
				return -1
			}
			return r
		}, s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := snippet(text)
		if strings.ContainsAny(got, "\n\t\r") || !utf8.ValidString(got) && utf8.ValidString(text) {
			t.Fatalf("snippet(%q) = %q", text, got)
		}
		if len(text) > 80 || regexp.MustCompile(`\d[.)]`).MatchString(text) || !utf8.ValidString(text) {
			return // cut off, or with numbers that a list makes
		}
		read := html.UnescapeString(tags.ReplaceAllString(string(markdown(text)), ""))
		if letters(got) != letters(read) {
			t.Errorf("snippet(%q) = %q, but people read %q", text, got, read)
		}
	})
}

func BenchmarkSnippet(b *testing.B) {
	body := "Since **yesterday** evening the lamp flickers.\n\n- I changed the bulb\n- twice\n\n> and `it` still does it\n\n" + strings.Repeat("More words about it. ", 20)
	b.Run("markdown", func(b *testing.B) {
		for b.Loop() {
			snippet(body)
		}
	})
	plainBody := strings.Repeat("More words about it, plain ones. ", 20)
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			snippet(plainBody)
		}
	})
}
