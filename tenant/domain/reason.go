package domain

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Sentence is something that is said about a domain. Its form has a %s for each of its arguments, which are the same in every
// language: names, addresses, records. So others can say it in the reader's language.
type Sentence struct {
	Form string   `cbor:"1,keyasint"`
	Args []string `cbor:"2,keyasint,omitempty"`
}

// Reason is why a domain or its certificate is as it is, in sentences. Empty: there is nothing to say.
type Reason []Sentence

// Say is a reason of one sentence.
func Say(form string, args ...string) Reason { return Reason{{Form: form, Args: args}} }

// Also is the reason with another behind it.
func (r Reason) Also(more Reason) Reason { return append(r[:len(r):len(r)], more...) }

// String says the reason in English.
func (r Reason) String() string { return r.In(fmt.Sprintf) }

// In is the reason as say says each of its sentences: a form, in English, and what stands in it.
func (r Reason) In(say func(form string, args ...any) string) string {
	said := make([]string, len(r))
	for i, s := range r {
		args := make([]any, len(s.Args))
		for j, arg := range s.Args {
			args[j] = arg
		}
		said[i] = say(s.Form, args...)
	}
	return strings.Join(said, " ")
}

// short is the reason as far as it has room in so many bytes.
func (r Reason) short(room int) Reason {
	for i, s := range r {
		if room -= len(Reason{s}.String()); room >= 0 {
			continue
		}
		if i > 0 {
			return append(r[:i:i], Sentence{Form: "…"})
		}
		return Reason{s.short(room + len(Reason{s}.String()))}
	}
	return r
}

// short is the sentence with what stands in it cut.
func (s Sentence) short(room int) Sentence {
	each := max(0, room-len(s.Form)) / max(1, len(s.Args))
	args := slices.Clone(s.Args)
	for i, a := range args {
		if len(a) > each {
			args[i] = strings.ToValidUTF8(a[:each], "") + "…"
		}
	}
	return Sentence{Form: s.Form, Args: args}
}

// undecided is the reason where DNS could not be asked, with what is to be done, as far as that can be told.
func undecided(err error) Reason {
	r := Say("Nothing was decided: %s.", err.Error())
	e, ok := errors.AsType[*UnansweredError](err)
	if !ok {
		return r
	}
	switch e.Fault {
	case BrokenSignatures:
		r = r.Also(Say("DNSSEC is broken at %s: have its zone signed anew, or take its DS record out of the zone above.", e.Name))
	case SilentServers:
		r = r.Also(Say("The name servers of %s do not answer: have its NS records corrected, in the zone and at its registrar.", e.Name))
	case Refusal:
		r = r.Also(Say("%s does not serve this node: its operator has to let it, or to name another with --dns-resolver.", e.Server))
	case NoFault:
	}
	return r
}
