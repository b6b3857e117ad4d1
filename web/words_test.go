package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/deskgate/deskgate/web/words"
)

// said are the sentences of the product by where they are said.
type said map[string]string

// TestEveryLanguageSaysEverything: what templates and code say through T and H has its German, and no German stands in
// the catalogue that nobody says.
func TestEveryLanguageSaysEverything(t *testing.T) {
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	all := said{}
	all.inTemplates(t, "pages", "letters")
	literals := all.inCode(t, "..")
	german, english := c.Sentences("de"), c.Sentences("en")
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if german[key] == nil {
			t.Errorf("%s says %q, and words/de.toml has no German for it", all[key], key)
		}
		if strings.Contains(key, "#%d") {
			continue // the number of a ticket is no count
		}
		if slices.Contains(words.Placeholders(key), "%d") && german[key]["other"] != "" && english[key] == nil {
			t.Errorf("%q has plural forms in German, and none in words/en.toml", key)
		}
	}
	for lang, sentences := range map[string]map[string]words.Sentence{"de": german, "en": english} {
		for _, key := range slices.Sorted(maps.Keys(sentences)) {
			if all[key] == "" && !literals[key] {
				t.Errorf("words/%s.toml has %q, and nobody says it", lang, key)
			}
		}
	}
}

// TestTranslationsFillInTheSame: a sentence takes the same arguments, and has the same markup, in each language.
func TestTranslationsFillInTheSame(t *testing.T) {
	c, err := words.Load()
	if err != nil {
		t.Fatal(err)
	}
	tags := regexp.MustCompile(`</?[a-z]+[^>]*>`)
	for _, l := range c.Languages() {
		for key, sentence := range c.Sentences(l.Tag) {
			english, _, _ := strings.Cut(key, "|")
			for form, text := range sentence {
				got, want := words.Placeholders(text), words.Placeholders(english)
				if form == "one" {
					got, want = withoutCount(got), withoutCount(want)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %q takes %v, and its %q takes %v", l.Tag, key, want, text, got)
				}
				if got, want := tags.FindAllString(text, -1), tags.FindAllString(english, -1); !sameItems(got, want) {
					t.Errorf("%s: %q has the tags %q, and its %q has %q", l.Tag, key, want, text, got)
				}
			}
		}
	}
}

// withoutCount leaves out the first %d: "a minute ago" has no number. A place that is not used is empty.
func withoutCount(verbs []string) []string {
	verbs = slices.Clone(verbs)
	if i := slices.IndexFunc(verbs, func(v string) bool { return v == "%d" || v == "" }); i >= 0 {
		verbs = slices.Delete(verbs, i, i+1)
	}
	return verbs
}

func sameItems(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// inTemplates finds what the templates below these folders say.
func (s said) inTemplates(t *testing.T, roots ...string) {
	t.Helper()
	for _, root := range roots {
		for name, content := range readAll(t, root, ".html", ".txt") {
			tree := parse.New(name)
			tree.Mode = parse.SkipFuncCheck
			trees := map[string]*parse.Tree{}
			if _, err := tree.Parse(content, "", "", trees); err != nil {
				t.Fatal(err)
			}
			for _, tree := range trees {
				s.inNode(name, tree.Root)
			}
		}
	}
}

// inNode finds what a part of a template says.
func (s said) inNode(name string, n parse.Node) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return
		}
		for _, child := range n.Nodes {
			s.inNode(name, child)
		}
	case *parse.ActionNode:
		s.inPipe(name, n.Pipe)
	case *parse.IfNode:
		s.inBranch(name, &n.BranchNode)
	case *parse.RangeNode:
		s.inBranch(name, &n.BranchNode)
	case *parse.WithNode:
		s.inBranch(name, &n.BranchNode)
	case *parse.TemplateNode:
		s.inPipe(name, n.Pipe)
	}
}

func (s said) inBranch(name string, n *parse.BranchNode) {
	s.inPipe(name, n.Pipe)
	s.inNode(name, n.List)
	s.inNode(name, n.ElseList)
}

func (s said) inPipe(name string, pipe *parse.PipeNode) {
	if pipe == nil {
		return
	}
	for _, command := range pipe.Cmds {
		for i, arg := range command.Args {
			if inner, ok := arg.(*parse.PipeNode); ok {
				s.inPipe(name, inner)
			}
			if i+1 == len(command.Args) || !saying(arg) {
				continue
			}
			if text, ok := command.Args[i+1].(*parse.StringNode); ok {
				s[text.Text] = name
			}
		}
	}
}

// saying reports whether a template's word is T or H of a page: .T, $.T, $view.T.
func saying(n parse.Node) bool {
	var path []string
	switch n := n.(type) {
	case *parse.FieldNode:
		path = n.Ident
	case *parse.VariableNode:
		path = n.Ident[1:]
	}
	return len(path) > 0 && (path[len(path)-1] == "T" || path[len(path)-1] == "H")
}

// inVerdict finds what the rooms that judge partners' tokens, and certificates that people bring, say is wrong with one.
func (s said) inVerdict(name string, n ast.Node) {
	call, is := n.(*ast.CallExpr)
	if !is || len(call.Args) == 0 {
		return
	}
	says := []string{"wrong", "nobody", "noKey", "textError"}
	if f, named := call.Fun.(*ast.Ident); !named || !slices.Contains(says, f.Name) {
		return
	}
	if text, ok := literal(call.Args[0]); ok {
		if text, _, _ = strings.Cut(text, ": %w"); !strings.HasPrefix(text, "%w") {
			s[text] = name
		}
	}
}

// inCode finds what the Go code below the root says through T, H and words.Key. It returns all other texts of the code:
// sentences may come from a room that knows nothing of languages.
func (s said) inCode(t *testing.T, root string) (literals map[string]bool) {
	t.Helper()
	literals = map[string]bool{}
	files := token.NewFileSet()
	for name, content := range readAll(t, root, ".go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := literal(n); ok {
				literals[text] = true
			}
			if strings.HasPrefix(name, "../tenant/domain") || strings.HasPrefix(name, "../proxy") {
				s.inReason(name, n)
			}
			if slices.Contains([]string{"../tickets/language.go", "../tickets/searchfilters.go", "../tickets/resolve.go"}, name) {
				if text, ok := literal(n); ok && sentence.MatchString(text) {
					s[text] = name
				}
			}
			if strings.HasPrefix(name, "../auth/partner/") || strings.HasPrefix(name, "../tenant/domain/pair") {
				s.inVerdict(name, n)
			}
			if strings.HasPrefix(name, "..") && !strings.HasPrefix(name, "../web") && !strings.HasPrefix(name, "../tickets/domains/") {
				return true
			}
			switch n := n.(type) {
			case *ast.CallExpr:
				s.inCall(name, n)
			case *ast.ValueSpec:
				s.inTable(name, n)
			case *ast.KeyValueExpr:
				if field, ok := n.Key.(*ast.Ident); ok && (field.Name == "Message" || field.Name == "Explanation") && !strings.HasPrefix(filepath.Base(name), "api_") {
					s.add(name, n.Value)
				}
			}
			return true
		})
	}
	return literals
}

func (s said) add(name string, n ast.Node) {
	if text, ok := literal(n); ok && text != "" {
		s[text] = name
	}
}

// sentence is what looks like one: the problems of a search are said where it is read.
var sentence = regexp.MustCompile(`^[A-Z].* .*\.$`)

// inReason finds what is said about domains and their certificates, and which records are for what.
func (s said) inReason(name string, n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		fn, ok := n.Fun.(*ast.Ident)
		if at, selected := n.Fun.(*ast.SelectorExpr); selected {
			fn, ok = at.Sel, true
		}
		if ok && fn.Name == "Say" {
			s.add(name, n.Args[0])
		}
	case *ast.KeyValueExpr:
		if field, ok := n.Key.(*ast.Ident); ok && field.Name == "Purpose" {
			s.add(name, n.Value)
		}
	}
}

// inCall finds what a call says: words.T(…), the titles of pages, and the errors that pages show. Those of the API are English.
func (s said) inCall(name string, call *ast.CallExpr) {
	place := map[string]int{
		"T": 0, "H": 0, "Key": 0, "frame": 1, "ownFrame": 1, "settingsFrame": 1,
		"malformed": 0, "unauthorized": 1, "forbidden": 1, "conflict": 1, "brokenLink": 1, "refusedSignIn": 1,
	}
	fn := ""
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		fn = f.Sel.Name
	case *ast.Ident:
		fn = f.Name
	}
	programs := strings.HasPrefix(filepath.Base(name), "api_") && fn != "T" && fn != "H" && fn != "Key"
	if at, ok := place[fn]; ok && at < len(call.Args) && !programs {
		s.add(name, call.Args[at])
	}
}

// inTable finds the sentences of the tables that are said as they are: the settings' navigation, and what was done.
func (s said) inTable(name string, spec *ast.ValueSpec) {
	if table := spec.Names[0].Name; table != "settingsPages" && table != "notices" {
		return
	}
	ast.Inspect(spec, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			s.add(name, n.Value)
			return false
		case *ast.BasicLit:
			s.add(name, n)
		}
		return true
	})
}

// literal is the text of an expression that is one, or several with a plus between them.
func literal(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.BasicLit:
		if n.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(n.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		x, okX := literal(n.X)
		y, okY := literal(n.Y)
		return x + y, okX && okY && n.Op == token.ADD
	}
	return "", false
}

// readAll reads the files below root whose names end so.
func readAll(t *testing.T, root string, endings ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") && base != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.Contains(endings, filepath.Ext(name)) {
			b, err := os.ReadFile(name)
			all[name] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
