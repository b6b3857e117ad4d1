package archive

import (
	"math/rand/v2"
	"strings"
)

const (
	vocabulary = 40_000
	// The n-th word comes about 1/n as often as the first.
	skew, shift = 1.07, 2
)

// topics are what tickets are about. Topic words are in the title, so that a topic is in a known share of all tickets.
var topics = []string{
	"printer", "password", "invoice", "delivery", "refund", "login", "laptop", "network", "email", "calendar",
	"contract", "keyboard", "phone", "account", "shipping", "backup", "update", "monitor", "license", "export",
}

var troubles = []string{"broken", "slow", "missing", "wrong", "jammed", "lost", "blocked", "urgent"}

// speaker makes up texts.
type speaker struct {
	*rand.Rand

	words []string
	zipf  *rand.Zipf
}

func newSpeaker(words []string, seed uint64) *speaker {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	return &speaker{Rand: r, words: words, zipf: rand.NewZipf(r, skew, shift, uint64(len(words)-1))}
}

// text is about so many words long: as a rule fewer, sometimes many more.
func (s *speaker) text(about int) string {
	n := about/3 + int(s.ExpFloat64()*float64(about)*2/3)
	var b strings.Builder
	for i := range min(n, 12*about) {
		switch {
		case i == 0:
		case i%60 == 0:
			b.WriteString(".\n\n")
		case i%11 == 0:
			b.WriteString(". ")
		default:
			b.WriteByte(' ')
		}
		b.WriteString(s.words[s.zipf.Uint64()])
	}
	return b.String()
}

// newVocabulary makes words up, short ones first.
func newVocabulary() []string {
	syllables := []string{
		"ba", "be", "bi", "ca", "co", "da", "de", "di", "fa", "fo", "ga", "ge", "ha", "he", "in", "ka", "ke", "la", "le", "li",
		"ma", "me", "mo", "na", "ne", "no", "or", "pa", "pe", "po", "ra", "re", "ri", "ro", "sa", "se", "si", "so", "ta", "te",
	}
	words := make([]string, vocabulary)
	for i := range words {
		var b strings.Builder
		b.WriteString(syllables[i%len(syllables)])
		for n := i/len(syllables) + 1; n > 0; n /= len(syllables) {
			b.WriteString(syllables[n%len(syllables)])
		}
		words[i] = b.String()
	}
	return words
}
