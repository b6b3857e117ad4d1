package erasure_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant/erasure"
)

func zoe() *erasure.Person {
	p := &erasure.Person{ID: "usr_1"}
	p.Learn("zoe@example.com", "Zoe Example", "crm-4711")
	p.Learn("zoe@old.example", "Zoe Former", "7")
	return p
}

func TestClean(t *testing.T) {
	p := zoe()
	for _, tc := range []struct{ in, want string }{
		{"", ""},
		{"nothing of her", "nothing of her"},
		{"zoe@example.com", "erased"},
		{"Write to ZOE@example.com.", "Write to erased."},
		{"Zoe Example <zoe@example.com>, to Bob <bob@example.com>", "erased, to Bob <bob@example.com>"},
		{"zoe@example.com and zoe@old.example", "erased and erased"},
		{"a.zoe@example.com", "a.zoe@example.com"},
		{"zoe@example.community", "zoe@example.community"},
		{"zoe@example.com.au", "zoe@example.com.au"},
		{"zoe@example.com.PDF, zoe@example.com.csv", "erased.PDF, erased.csv"},
		{"<zoe@example.com>,zoe@example.com;", "<erased>,erased;"},
		{"zoe@example.comzoe@example.com", "zoe@example.comzoe@example.com"},
	} {
		if got := p.Clean(tc.in); got != tc.want {
			t.Errorf("Clean(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

// A text may be as long as one likes to write it, and nothing but one's address: to clean it must not take longer than to read it.
func TestCleanIsQuick(t *testing.T) {
	p := zoe()
	const times = 20_000
	start := time.Now()
	if got, want := p.Clean(strings.Repeat("zoe@example.com ", times)), strings.Repeat("erased ", times); got != want {
		t.Errorf("Clean of an address %d times is %d bytes long, want %d", times, len(got), len(want))
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("Clean took %v", took)
	}
}

func TestAnonymousAndMasked(t *testing.T) {
	p := zoe()
	p.Learn("", "Will", "")
	const in = "Zoe Example (crm-4711, 7) will, Will Zoe Exampled 77"
	if got, want := p.Anonymous(in), "erased (erased, erased) will, erased Zoe Exampled 77"; got != want {
		t.Errorf("Anonymous = %q, want %q", got, want)
	}
	if got, want := p.Masked(in), "erased (erased, 7) will, Will Zoe Exampled 77"; got != want {
		t.Errorf("Masked = %q, want %q", got, want)
	}
}

type somebody struct{ ID, Name, Email, Role string }

type record struct {
	Who    *somebody
	Others []somebody
	Text   string
	Raw    []byte
	Fields map[string]any
}

func TestScrub(t *testing.T) {
	bob := somebody{ID: "usr_2", Name: "Bob", Email: "bob@example.com", Role: "requester"}
	r := record{
		Who:    &somebody{ID: "usr_1", Name: "Called otherwise", Role: "requester"},
		Others: []somebody{bob, {Name: "Zoe Example", Email: "zoe@old.example"}},
		Text:   "from zoe@example.com", Raw: []byte(`{"email":"zoe@example.com"}`),
		Fields: map[string]any{"mail": "zoe@example.com", "n": 1.0},
	}
	p := zoe()
	if !p.Mentioned(&r) {
		t.Fatal("she is not found in the record")
	}
	if !p.Scrub(&r) {
		t.Fatal("nothing was taken out")
	}
	want := record{
		Who:    &somebody{Name: "erased", Role: "requester"},
		Others: []somebody{bob, {Name: "erased"}},
		Text:   "from erased", Raw: []byte(`{"email":"erased"}`),
		Fields: map[string]any{"mail": "erased", "n": 1.0},
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("Scrub (-want +got):\n%s", diff)
	}
	if p.Scrub(&r) || p.Mentioned(&r) {
		t.Error("there is something left")
	}
	other := record{Who: &bob, Text: "bob@example.com"}
	if p.Mentioned(&other) || p.Scrub(&other) {
		t.Error("another's record is taken for hers")
	}
}

func FuzzClean(f *testing.F) {
	f.Add("Zoe Example <zoe@example.com>")
	f.Add("zoe@example.comzoe@example.com")
	f.Fuzz(func(t *testing.T, text string) {
		p := zoe()
		p.ID = ""
		clean := p.Clean(text)
		if p.In(clean) || p.Clean(clean) != clean {
			t.Errorf("Clean(%q) = %q, which is not clean", text, clean)
		}
	})
}
