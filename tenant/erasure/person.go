package erasure

import (
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

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

// Follow adds a chain of sessions.
func (p *Person) Follow(lineage string) { p.learn(&p.Lineages, lineage) }

func (p *Person) learn(all *[]string, one string) {
	const most = 1000 // strangers make lineages
	if one != "" && one != Erased && !slices.Contains(*all, one) && len(*all) < most {
		*all, p.grown = append(*all, one), true
	}
}

// Named says whether a text is one of the person's names and nothing else.
func (p *Person) Named(text string) bool { return text != "" && slices.Contains(p.Names, text) }

// In says whether a text has the person's ID or one of their addresses in it.
func (p *Person) In(text string) bool {
	if text == "" {
		return false
	}
	if p.ID != "" && strings.Contains(text, p.ID) {
		return true
	}
	return slices.ContainsFunc(p.Emails, func(email string) bool { return place(text, email) >= 0 })
}

// Clean takes the person's addresses out of a text, with the name before it as in "Zoe <zoe@example.com>".
func (p *Person) Clean(text string) string {
	for _, email := range p.Emails {
		for _, name := range p.Names {
			text = strings.ReplaceAll(text, name+" <"+email+">", Erased)
		}
		for i := place(text, email); i >= 0; i = place(text, email) {
			text = text[:i] + Erased + text[i+len(email):]
		}
	}
	return text
}

// Anonymous is Clean for a text that is about the person: their names and external IDs go as well, where they stand as words.
func (p *Person) Anonymous(text string) string {
	text = p.Clean(text)
	for _, all := range [][]string{p.Names, p.ExternalIDs} {
		for _, word := range all {
			text = replaceWord(text, word)
		}
	}
	return text
}

// Masked is Clean for what others wrote to the person: whole names and long external IDs go as well. A name of one word, or an ID like
// "7", may be any other word.
func (p *Person) Masked(text string) string {
	const long = 6
	text = p.Clean(text)
	for _, name := range p.Names {
		if strings.Contains(name, " ") {
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

// replaceWord puts Erased in the place of a word, where it is not a part of another.
func replaceWord(text, word string) string {
	if word == "" {
		return text
	}
	var b strings.Builder
	done := 0
	for i := strings.Index(text, word); i >= 0; {
		end := i + len(word)
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if (i == 0 || !inWord(before)) && (end == len(text) || !inWord(after)) {
			b.WriteString(text[done:i] + Erased)
			done = end
		}
		next := strings.Index(text[end:], word)
		if next < 0 {
			break
		}
		i = end + next
	}
	return b.String() + text[done:]
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// place is where an address stands in a text, and not as a part of another one; -1: nowhere.
func place(text, email string) int {
	for from := 0; ; {
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

// indexFold is strings.Index for whatever case the letters of ASCII are in.
func indexFold(text, email string) int {
	for i := 0; i+len(email) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(email)], email) {
			return i
		}
	}
	return -1
}

func inAddress(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte("!#$%&'*+-/?^_`{|}~.", c) >= 0
}

// inDomain says whether a domain goes on with what follows it: a dot at the end of a sentence is none of it.
func inDomain(rest string) bool {
	c := rest[0]
	if c == '.' {
		return len(rest) > 1 && inAddress(rest[1]) && rest[1] != '.'
	}
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c >= 0x80
}

// Mentioned says whether a record has the person in any of its texts: their ID, or one of their addresses.
func (p *Person) Mentioned(record any) bool {
	found := false
	w := walker{text: func(s string) string {
		found = found || p.In(s)
		return s
	}}
	w.walk(reflect.ValueOf(record))
	return found
}

// Scrub takes the person out of a record, to which v points: whoever is written down in it as somebody with an ID, a name and an
// address becomes nobody, called erased, and all addresses in its texts go. It says whether there was anything.
func (p *Person) Scrub(v any) bool {
	changed := false
	w := walker{
		text: func(s string) string {
			t := p.Clean(s)
			changed = changed || t != s
			return t
		},
		somebody: func(v reflect.Value) bool {
			if !p.Is(textOf(v, "ID"), textOf(v, "Email")) {
				return false
			}
			changed = true
			for _, field := range []string{"ID", "Email", "ExternalID", "Lineage"} {
				setText(v, field, "")
			}
			setText(v, "Name", Erased)
			return true
		},
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
