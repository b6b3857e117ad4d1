package words

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

//go:embed *.toml
var files embed.FS

// Language is a language that pages can be read in.
type Language struct {
	// Tag is its BCP 47 tag, e.g. "de"; Name is what its speakers call it.
	Tag, Name string
}

// Catalogue has what is said in all languages. It is safe for concurrent use.
type Catalogue struct {
	languages []Language
	matcher   language.Matcher
	printers  map[string]*message.Printer
	sentences map[string]map[string]Sentence
	// patterns recognise sentences that come with what is filled in, by language.
	patterns map[string][]pattern
}

// Sentence is what is said for a key in one language: one text, or one for each plural form.
type Sentence map[string]string

// single is the form of a sentence that has no plurals.
const single = ""

// Load reads the catalogue. An error is a mistake in our own files.
func Load() (*Catalogue, error) { return read(files) }

func read(files fs.FS) (*Catalogue, error) {
	c := &Catalogue{
		languages: []Language{{"en", "English"}, {"de", "Deutsch"}},
		printers:  map[string]*message.Printer{}, sentences: map[string]map[string]Sentence{},
		patterns: map[string][]pattern{},
	}
	built := catalog.NewBuilder(catalog.Fallback(language.English))
	var tags []language.Tag
	for _, l := range c.languages {
		tag := language.MustParse(l.Tag)
		tags = append(tags, tag)
		all, patterns, err := sentences(files, l.Tag+".toml")
		if err != nil {
			return nil, err
		}
		c.sentences[l.Tag], c.patterns[l.Tag] = all, patterns
		for key, said := range all {
			if err := said.add(built, tag, key); err != nil {
				return nil, fmt.Errorf("%s.toml: %q: %w", l.Tag, key, err)
			}
		}
		c.printers[l.Tag] = message.NewPrinter(tag, message.Catalog(built))
	}
	c.matcher = language.NewMatcher(tags)
	return c, nil
}

// sentences reads one language's file: tables by page, each with sentences by key.
func sentences(files fs.FS, name string) (map[string]Sentence, []pattern, error) {
	var doc map[string]map[string]any
	if _, err := toml.DecodeFS(files, name, &doc); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path.Base(name), err)
	}
	all := map[string]Sentence{}
	for section, pairs := range doc {
		for key, value := range pairs {
			said, err := parse(value)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: [%s] %q: %w", name, section, key, err)
			}
			if old, twice := all[key]; twice && fmt.Sprint(old) != fmt.Sprint(said) {
				return nil, nil, fmt.Errorf("%s: [%s] %q is said otherwise in another section; tell them apart as %q", name, section, key, key+"|"+section)
			}
			all[key] = said
		}
	}
	return all, patterns(doc[filledIn]), nil
}

var errForms = errors.New("want a text, or the forms one and other")

func parse(value any) (Sentence, error) {
	switch v := value.(type) {
	case string:
		return Sentence{single: v}, nil
	case map[string]any:
		one, hasOne := v["one"].(string)
		other, hasOther := v["other"].(string)
		if !hasOne || !hasOther || len(v) != 2 {
			return nil, errForms
		}
		return Sentence{"one": one, "other": other}, nil
	}
	return nil, errForms
}

// add has the catalogue say the sentence for key. Its plural form follows the first number in the key.
func (s Sentence) add(built *catalog.Builder, tag language.Tag, key string) error {
	if text, ok := s[single]; ok {
		return built.SetString(tag, key, text)
	}
	verbs := Placeholders(key)
	for i, verb := range verbs {
		if verb == "%d" {
			return built.Set(tag, key, plural.Selectf(i+1, verb, plural.One, s["one"], plural.Other, s["other"]))
		}
	}
	return errors.New("plural forms need a %d in the key")
}

// Languages are the languages there are, the one that everybody else gets first.
func (c *Catalogue) Languages() []Language { return c.languages }

// Sentences is what is said in a language, by key: for tests.
func (c *Catalogue) Sentences(lang string) map[string]Sentence { return c.sentences[lang] }

// Choose returns the tag of the first language that is wished for and that there is. Each wish is a tag or a whole
// Accept-Language header; what nobody can read is passed over. Without a wish that can be met it is English.
func (c *Catalogue) Choose(wishes ...string) string {
	for _, wish := range wishes {
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, sure := c.matcher.Match(tags...); sure >= language.High {
			return c.languages[i].Tag
		}
	}
	return c.languages[0].Tag
}

// Reader is somebody who reads in this language, as Choose returns it, and lives by this zone's clocks. A nil zone is one
// that nobody knows: times are UTC then, and say so.
func (c *Catalogue) Reader(lang string, zone *time.Location) Reader {
	p, known := c.printers[lang]
	if !known {
		lang = c.languages[0].Tag
		p = c.printers[lang]
	}
	return Reader{lang: lang, printer: p, zone: zone, catalogue: c}
}

// Placeholders are the verbs of a sentence in the order of its arguments: "%s", "%d".
func Placeholders(sentence string) []string {
	var verbs []string
	for rest := sentence; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found || after == "" {
			return verbs
		}
		if after[0] == '%' {
			rest = after[1:]
			continue
		}
		at := len(verbs)
		if after[0] == '[' && len(after) > 3 {
			at = int(after[1] - '1')
			after = after[3:]
		}
		for len(verbs) <= at {
			verbs = append(verbs, "")
		}
		verbs[at] = "%" + after[:1]
		rest = after[1:]
	}
}
