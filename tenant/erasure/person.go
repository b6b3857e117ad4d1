package erasure

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// long is what an external ID or a single name has to have in bytes to be taken for itself wherever it stands.
const long = 6

// Erased stands where the name of somebody who was erased was.
const Erased = "erased"

// Person is all that the rooms may know somebody by who is to be forgotten.
type Person struct {
	// ID is the user's. It is all that is kept of them, and leads to nothing.
	ID string `cbor:"1,keyasint"`
	// Emails are the addresses that they have or had, in their canonical form.
	Emails []string `cbor:"2,keyasint,omitempty"`
	// Names are what they are or were called, ExternalIDs what the partner calls them.
	Names       []string `cbor:"3,keyasint,omitempty"`
	ExternalIDs []string `cbor:"4,keyasint,omitempty"`
	// Lineages are the chains of sessions of those who only claimed to have one of the addresses.
	Lineages []string `cbor:"5,keyasint,omitempty"`
	// Aliases are the names that those gave: no text of others is searched for them, or anybody could have any words erased.
	Aliases []string `cbor:"6,keyasint,omitempty"`
	// Opened are the tickets that they opened and that are others' now, and those that were split off theirs.
	Opened []string `cbor:"7,keyasint,omitempty"`

	grown bool
}

// Is says whether somebody who was written down is the person: by their ID, or by their address.
func (p *Person) Is(id, email string) bool {
	return id != "" && id == p.ID || email != "" && slices.Contains(p.Emails, email)
}

// Learn adds what else the person is known by; empty texts are nothing.
func (p *Person) Learn(email, name, externalID string) {
	p.learn(&p.Emails, email)
	p.learn(&p.Names, name)
	p.learn(&p.ExternalIDs, externalID)
}

// Follow adds a chain of sessions of somebody who only claimed to be the person, and the name that they gave.
func (p *Person) Follow(lineage, alias string) {
	p.learn(&p.Lineages, lineage)
	p.learn(&p.Aliases, alias)
}

// Open adds a ticket that they opened and that is somebody else's now, or one that was split off one of theirs.
func (p *Person) Open(ticket string) { p.learn(&p.Opened, ticket) }

// Sparing is the person as texts are searched for them that belong to somebody else: whoever has the same name keeps it.
func (p *Person) Sparing(id, email, name string) *Person {
	if p.Is(id, email) || !p.Named(name) {
		return p
	}
	q := *p
	q.Names = slices.DeleteFunc(slices.Clone(p.Names), func(one string) bool { return one == name })
	return &q
}

func (p *Person) learn(all *[]string, one string) {
	const most = 1000 // strangers make lineages
	if one != "" && one != Erased && !slices.Contains(*all, one) && len(*all) < most {
		*all, p.grown = append(*all, one), true
	}
}

// Named says whether a text is one of the person's names and nothing else.
func (p *Person) Named(text string) bool {
	return text != "" && (slices.Contains(p.Names, text) || slices.Contains(p.Aliases, text))
}

// In says whether a text has the person's ID or one of their addresses in it.
func (p *Person) In(text string) bool {
	if text == "" {
		return false
	}
	if p.ID != "" && strings.Contains(text, p.ID) {
		return true
	}
	return slices.ContainsFunc(p.Emails, func(email string) bool { return place(text, email, 0) >= 0 })
}

// Clean takes the person's addresses out of a text, with the name before it as in "Zoe <zoe@example.com>".
func (p *Person) Clean(text string) string {
	if !strings.Contains(text, "@") {
		return text
	}
	for _, email := range p.Emails {
		for _, name := range slices.Concat(p.Names, p.Aliases) {
			text = strings.ReplaceAll(text, name+" <"+email+">", Erased)
		}
		text = withoutAddress(text, email)
	}
	return text
}

// withoutAddress puts Erased in the place of an address. It goes through the text once: whoever is to be forgotten may have written it.
func withoutAddress(text, email string) string {
	var b strings.Builder
	done := 0
	for i := place(text, email, 0); i >= 0; i = place(text, email, done) {
		b.WriteString(text[done:i] + Erased)
		done = i + len(email)
	}
	return b.String() + text[done:]
}

// Anonymous is Clean for a text that is about the person: their names and external IDs go as well, where they stand as words.
func (p *Person) Anonymous(text string) string {
	text = p.Clean(text)
	for _, all := range [][]string{p.Names, p.Aliases, p.ExternalIDs} {
		for _, word := range all {
			text = replaceWord(text, word)
		}
	}
	return text
}

// Masked is Clean for what others wrote: whole names and long external IDs go as well, in upper or lower case. A name of one word,
// or an ID like "7", may be any other word.
func (p *Person) Masked(text string) string {
	text = p.Clean(text)
	for _, name := range p.Names {
		if len(strings.Fields(name)) > 1 {
			text = replaceWord(text, name)
		}
	}
	for _, id := range p.ExternalIDs {
		if len(id) >= long {
			text = replaceWord(text, id)
		}
	}
	return text
}

// Masks says whether Masked would change a text.
func (p *Person) Masks(text string) bool { return p.Masked(text) != text }

// replaceWord puts Erased in the place of some words, where they are not a part of others. One short word is only itself as it is
// written: "Will" is not "will".
func replaceWord(text, word string) string {
	words := strings.Fields(word)
	if len(words) == 0 {
		return text
	}
	var b strings.Builder
	done := 0
	for i := indexFold(text, words[0]); i >= 0; {
		end := i + wordsAt(text[i:], words)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if end > i && (i == 0 || !inWord(before)) && (end == len(text) || !inWord(after)) {
			b.WriteString(text[done:i] + Erased)
			done = end
		}
		from := max(end, i+1)
		next := indexFold(text[from:], words[0])
		if next < 0 {
			break
		}
		i = from + next
	}
	return b.String() + text[done:]
}

// wordsAt is how much of a text the words take that it begins with, whatever space is between them; 0: it does not.
func wordsAt(text string, words []string) int {
	n := 0
	for i, word := range words {
		if i > 0 {
			rest := strings.TrimLeftFunc(text[n:], unicode.IsSpace)
			if len(rest) == len(text)-n {
				return 0
			}
			n = len(text) - len(rest)
		}
		if len(text) < n+len(word) || !strings.EqualFold(text[n:n+len(word)], word) {
			return 0
		}
		if len(words) == 1 && len(word) < long && text[:len(word)] != word {
			return 0
		}
		n += len(word)
	}
	return n
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// place is where an address stands in a text from some byte on, and not as a part of another one; -1: nowhere.
func place(text, email string, from int) int {
	for {
		i := indexFold(text[from:], email)
		if i < 0 {
			return -1
		}
		i += from
		end := i + len(email)
		if (i == 0 || !inAddress(text[i-1])) && (end == len(text) || !inDomain(text[end:])) {
			return i
		}
		from = i + 1
	}
}

// indexFold is strings.Index for whatever case the letters are in, as long as both cases have as many bytes.
func indexFold(text, part string) int {
	for i := 0; i+len(part) <= len(text); i++ {
		c, first := text[i], part[0]
		if c < utf8.RuneSelf && first < utf8.RuneSelf && c|0x20 != first|0x20 {
			continue // the most of any text
		}
		if utf8.RuneStart(c) && strings.EqualFold(text[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}

func inAddress(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte("!#$%&'*+-/?^_`{|}~.", c) >= 0
}

// inDomain says whether a domain goes on with what follows it: a dot at the end of a sentence is none of it, nor is what ends a
// file's name.
func inDomain(rest string) bool {
	c := rest[0]
	if c == '.' {
		extension, _, _ := strings.Cut(rest[1:], " ")
		if slices.Contains(extensions(), strings.ToLower(strings.TrimRight(extension, `.,;:)"'<>`))) {
			return false
		}
		return len(rest) > 1 && inAddress(rest[1]) && rest[1] != '.'
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c >= 0x80
}

// Mentioned says whether a record has the person in any of its texts: their ID, or one of their addresses.
func (p *Person) Mentioned(record any) bool { return visit(record, p.In) }

// Told says whether a record has the person in any of its texts, as Mentioned does, or by what Masked takes out of them.
func (p *Person) Told(record any) bool {
	return p.Mentioned(record) || visit(record, p.Masks)
}

func visit(record any, is func(string) bool) bool {
	found := false
	w := walker{text: func(s string) string {
		found = found || is(s)
		return s
	}}
	w.walk(reflect.ValueOf(record))
	return found
}

// Scrub takes the person out of a record, to which v points: whoever is written down in it as somebody with an ID, a name and an
// address becomes nobody, called erased, and all addresses in its texts go. It says whether there was anything.
func (p *Person) Scrub(v any) bool { return p.scrub(v, p.Clean) }

// Redact is Scrub for a record with words of others: all goes that Masked takes out. Other people's names stay, whatever they are.
func (p *Person) Redact(v any) bool { return p.scrub(v, p.Masked) }

func (p *Person) scrub(v any, clean func(string) string) bool {
	changed := false
	note := func(clean func(string) string) func(string) string {
		return func(s string) string {
			t := clean(s)
			changed = changed || t != s
			return t
		}
	}
	others := walker{text: note(p.Clean)}
	w := walker{text: note(clean)}
	w.somebody = func(v reflect.Value) bool {
		if !p.Is(textOf(v, "ID"), textOf(v, "Email")) {
			others.fields(v)
			return true
		}
		changed = true
		for _, field := range []string{"ID", "Email", "ExternalID", "Lineage"} {
			setText(v, field, "")
		}
		setText(v, "Name", Erased)
		return true
	}
	w.walk(reflect.ValueOf(v))
	return changed
}

func textOf(v reflect.Value, field string) string {
	f := v.FieldByName(field)
	if !f.IsValid() || f.Kind() != reflect.String {
		return ""
	}
	return f.String()
}

func setText(v reflect.Value, field, text string) {
	if f := v.FieldByName(field); f.IsValid() && f.Kind() == reflect.String && f.CanSet() {
		f.SetString(text)
	}
}

// walker visits the texts of a record.
type walker struct {
	text func(string) string
	// somebody is told of each struct that is a person. True: it needs no further visit.
	somebody func(reflect.Value) bool
}

func (w *walker) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			w.inside(v)
		}
	case reflect.Struct:
		w.fields(v)
	case reflect.Slice, reflect.Array:
		w.elements(v)
	case reflect.Map:
		w.members(v)
	case reflect.String:
		if s := v.String(); v.CanSet() {
			if t := w.text(s); t != s {
				v.SetString(t)
			}
		} else {
			w.text(s)
		}
	}
}

// inside visits what a pointer points to or an interface holds; what an interface holds can only be replaced.
func (w *walker) inside(v reflect.Value) {
	e := v.Elem()
	if v.Kind() == reflect.Pointer || e.Kind() != reflect.String || !v.CanSet() {
		w.walk(e)
		return
	}
	s := e.String()
	if t := w.text(s); t != s {
		v.Set(reflect.ValueOf(t))
	}
}

func (w *walker) fields(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return
	}
	person := v.FieldByName("Name").IsValid() && v.FieldByName("Email").IsValid()
	if person && w.somebody != nil && v.CanSet() && w.somebody(v) {
		return
	}
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			w.walk(v.Field(i))
		}
	}
}

func (w *walker) elements(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Slice {
			w.bytes(v)
		}
		return
	}
	for i := range v.Len() {
		w.walk(v.Index(i))
	}
}

func (w *walker) bytes(v reflect.Value) {
	s := string(v.Bytes())
	if t := w.text(s); t != s && v.CanSet() {
		v.SetBytes([]byte(t))
	}
}

// members visits the keys and values of a map. A value that changes is put in the place of the former one.
func (w *walker) members(v reflect.Value) {
	for _, k := range v.MapKeys() {
		w.walk(k)
		was := v.MapIndex(k)
		is := reflect.New(was.Type()).Elem()
		is.Set(was)
		w.walk(is)
		v.SetMapIndex(k, is)
	}
}

// extensions are those of files' names that are no domains of countries.
func extensions() []string {
	return []string{"csv", "txt", "pdf", "json", "jsonl", "zip", "png", "jpg", "jpeg", "gif", "webp", "doc", "docx", "xls", "xlsx", "odt", "eml", "html", "htm", "vcf", "xml", "log"}
}
