package web

import (
	"strings"
	"testing"
	"time"
)

func TestMarkdown(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"one\ntwo", "<p>one<br>\ntwo</p>\n"},
		{"- a\n- **b**", "<ul>\n<li>a</li>\n<li><strong>b</strong></li>\n</ul>\n"},
		{"```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>\n"},
		{"see https://example.com/a?b=1&c=2", `<p>see <a href="https://example.com/a?b=1&amp;c=2" rel="nofollow noreferrer noopener" target="_blank">https://example.com/a?b=1&amp;c=2</a></p>` + "\n"},
		{"![who reads this](https://evil.example/pixel.gif)", `<p><a href="https://evil.example/pixel.gif" rel="nofollow noreferrer noopener" target="_blank">who reads this</a></p>` + "\n"},
		{"![](https://evil.example/pixel.gif)", `<p><a href="https://evil.example/pixel.gif" rel="nofollow noreferrer noopener" target="_blank">https://evil.example/pixel.gif</a></p>` + "\n"},
		{"[![logo *a*](https://evil.example/l.gif)](https://a.example/)", `<p><a href="https://a.example/" rel="nofollow noreferrer noopener" target="_blank">logo <em>a</em></a></p>` + "\n"},
		{"![a ![b](https://b.example/) c](https://a.example/)", `<p><a href="https://a.example/" rel="nofollow noreferrer noopener" target="_blank">a b c</a></p>` + "\n"},
		{"a List<String> of <your name here>", "<p>a List&lt;String&gt; of &lt;your name here&gt;</p>\n"},
		{"if a<b and c>d then", "<p>if a&lt;b and c&gt;d then</p>\n"},
		{"<stdin>:3: <!-- odd --> <?php", "<p>&lt;stdin&gt;:3: &lt;!-- odd --&gt; &lt;?php</p>\n"},
		{"<project>\n  <name>*x*</name>\n</project>", "<p>&lt;project&gt;<br>\n&lt;name&gt;<em>x</em>&lt;/name&gt;<br>\n&lt;/project&gt;</p>\n"},
		{"<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"},
		{"[x](javascript:alert(1)) <javascript:alert(1)>", "<p>x javascript:alert(1)</p>\n"},
	} {
		if got := string(markdown(tc.text)); got != tc.want {
			t.Errorf("markdown(%q)\n got %q\nwant %q", tc.text, got, tc.want)
		}
	}
}

// Texts as long as one may be, each made for another weakness of the renderer. The tables would have ten million cells.
func TestMarkdownOfHardTexts(t *testing.T) {
	const size = 64 << 10
	fill := func(head, unit string) string { return head + strings.Repeat(unit, (size-len(head))/len(unit)) }
	for name, text := range map[string]string{
		"wide table":     fill(strings.Repeat("|a", 300)+"\n"+strings.Repeat("|-", 300)+"\n", "|\n"),
		"wider table":    fill(strings.Repeat("|a", 8000)+"\n"+strings.Repeat("|-", 8000)+"\n", "|\n"),
		"bare rows":      fill(strings.Repeat("|a", 300)+"\n"+strings.Repeat("|-", 300)+"\n", "x\n"),
		"table in list":  fill("- "+strings.Repeat("|a", 300)+"\n  "+strings.Repeat("|-", 300)+"\n", "  |\n"),
		"table in quote": fill("> "+strings.Repeat("a|", 300)+"\n> "+strings.Repeat("-|", 300)+"\n", "> x\n"),
		"many tables":    fill("", "|a|b|c\n|-|-|-\n|\n\n"),
		"links":          fill("", "[]("),
		"links of text":  fill("", "[a]("),
		"quotes":         fill("", "> "),
		"emphasis":       fill("", "*a**a_a__"),
		"mixed emphasis": fill("", "a*_"),
		"struck out":     fill("", "x*_~"),
		"lists":          fill("", "- a\n  "),
		"list in list":   fill("", "+ "),
		"numbered lists": fill("", "1. "),
		"list in quote":  fill("", "> 12)\t"),
		"lines of lists": fill("", strings.Repeat("+ ", 99)+"a\n"),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := len(markdown(text))
			if took := time.Since(start); took > time.Second || got > 20*size {
				t.Errorf("%d bytes became %d in %s", len(text), got, took)
			}
		})
	}
	if rule := strings.Repeat("-", 100) + "\n*after*"; !strings.Contains(string(markdown(rule)), "<em>") {
		t.Error("a long line of hyphens is taken for a hundred lists")
	}
	if list := strings.Repeat("1. one\n   - two\n     - three\n", 500); !strings.Contains(string(markdown(list)), "<ol>") {
		t.Error("a list of five hundred entries is none")
	}
	if table := "|a|b|\n|-|-|\n" + strings.Repeat("|1|2|\n", 1000); !strings.Contains(string(markdown(table)), scrollable) {
		t.Error("a table of a thousand rows is none")
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, text := range []string{
		"<script>alert(1)</script>", "[x](javascript:alert(1))", "[x](JAVASCRIPT&colon;alert(1))", "<img src=x onerror=alert(1)>",
		"[x](data:text/html;base64,PHN2Zz4=)", "<a href=\"//evil\">x</a>", "[x](//evil.example)", "<svg/onload=alert(1)>", "`<style>`",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		// Text is escaped, so that these can only stand in the answer as elements and attributes of its own.
		for _, bad := range []string{"<script", "<img", "<svg", "<style", "<iframe", "<form", "href=\"javascript", "href=\"data", "href=\"//", "<a onclick"} {
			if got := strings.ToLower(string(markdown(text))); strings.Contains(got, bad) {
				t.Errorf("markdown(%q) = %q holds %s", text, got, bad)
			}
		}
	})
}
