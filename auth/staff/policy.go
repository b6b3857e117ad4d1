package staff

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/deskgate/deskgate/tenant"
)

const (
	minPassword = 12 // characters
	// minDifferent and minOwn are how many different characters a password has to have, and how many letters beside what
	// others guess.
	minDifferent = 5
	minOwn       = 6
)

// commonWords are what most passwords that are guessed first are made of. Who strings them together has chosen none.
var commonWords = []string{
	"password", "passwort", "passw0rd", "passphrase", "letmein", "welcome", "willkommen", "iloveyou", "changeme", "secret",
	"geheim", "default", "administrator", "admin", "support", "helpdesk", "deskgate", "login", "monkey", "dragon", "sunshine",
	"princess", "football", "baseball", "superman", "batman", "master", "shadow", "trustno", "whatever", "michael", "summer",
	"winter", "spring", "autumn", "hello", "test", "user", "guest", "root",
}

// keyRows are what fingers run along.
var keyRows = []string{
	"qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p",
	"abcdefghijklmnopqrstuvwxyz", "01234567890",
}

// choose returns the hash of a password that a member chooses, or a FieldErrors.
func (m *Members) choose(ctx context.Context, t *tenant.Tenant, who Member, password string) (string, error) {
	if err := checkPassword(t, password, who.Email, who.Name); err != nil {
		return "", err
	}
	return m.passwords.hash(ctx, password)
}

// checkPassword says what is wrong with a password that a member chooses, as a FieldErrors.
func checkPassword(t *tenant.Tenant, password, email, name string) error {
	lower := strings.ToLower(password)
	switch {
	case password == "":
		return badPassword("The password field is required.")
	case utf8.RuneCountInString(password) < minPassword:
		return badPassword(fmt.Sprintf("The password field must be at least %d characters.", minPassword))
	case len(password) > maxPassword || !utf8.ValidString(password):
		return badPassword(fmt.Sprintf("The password field must be text of at most %d bytes.", maxPassword))
	case letters(lower) == 0:
		return badPassword("The password field must not be made of digits and signs only.")
	case len(different(lower)) < minDifferent:
		return badPassword(fmt.Sprintf("The password field must have at least %d different characters.", minDifferent))
	case repeats(lower):
		return badPassword("The password field must not repeat the same few characters.")
	case madeOf(lower, without(lower, personal(email, name))):
		return badPassword("The password field must not be made of the email address or the name.")
	case madeOf(lower, without(lower, words(t.Slug, t.Name))):
		return badPassword("The password field must not be made of the help desk's name.")
	case madeOf(lower, without(runless(plainLetters(runless(lower))), commonWords)):
		return badPassword("The password field must not be made of words that are guessed first.")
	}
	return nil
}

// madeOf says whether little is left of a password, after something was taken out of it.
func madeOf(password, rest string) bool {
	return letters(rest) < minOwn && len(rest) < len(password)
}

func without(password string, words []string) string {
	for _, word := range words {
		password = strings.ReplaceAll(password, word, "")
	}
	return password
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

// personal are the words that somebody would try who knows the member.
func personal(email, name string) []string {
	local, domain, _ := strings.Cut(email, "@")
	host, _, _ := strings.Cut(domain, ".")
	return append([]string{email, domain}, words(local, host, name)...)
}

// words are the words in these texts that are long enough to matter.
func words(texts ...string) []string {
	var all []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(word) >= 3 {
				all = append(all, word)
			}
		}
	}
	return all
}

// plainLetters reads the digits and signs that people write for letters.
func plainLetters(s string) string {
	return strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "$", "s", "@", "a", "!", "i").Replace(s)
}

// runless is the password without runs of four keys and more that lie side by side, in either direction.
func runless(password string) string {
	const run = 4
	for _, row := range keyRows {
		for _, keys := range []string{row, reversed(row)} {
			for n := len(keys); n >= run; n-- {
				for i := 0; i+n <= len(keys); i++ {
					password = strings.ReplaceAll(password, keys[i:i+n], "")
				}
			}
		}
	}
	return password
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// repeats says whether the password is a short text over and over again.
func repeats(s string) bool {
	for n := 1; n <= len(s)/2 && n <= minOwn; n++ {
		if strings.Repeat(s[:n], len(s)/n+1)[:len(s)] == s {
			return true
		}
	}
	return false
}

func different(s string) map[rune]bool {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return seen
}
