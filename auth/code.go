package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode"

	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

const (
	codeDigits = 8
	// codeLife is how long a code is good, codeTries how often it may be typed.
	codeLife  = 10 * time.Minute
	codeTries = 5
	// codeEvery is how often an address is mailed to, whoever asks for it.
	codeEvery = 15 * time.Minute
	// missesMost is how many wrong codes are taken for one address within missesPeriod, in all browsers together.
	missesMost   = 40
	missesPeriod = 24 * time.Hour
)

// code is the one that a lineage may confirm its address with. What was mailed is not in it, but a keyed hash of it: eight
// digits would soon be found by trying them against a plain one.
type code struct {
	Lineage   string    `cbor:"1,keyasint"`
	Email     string    `cbor:"2,keyasint"`
	MAC       []byte    `cbor:"3,keyasint"`
	Misses    int       `cbor:"4,keyasint,omitempty"`
	ExpiresAt time.Time `cbor:"5,keyasint"`
	// Host is where it was asked for.
	Host tenant.Host `cbor:"6,keyasint,omitempty"`
	// Nobody has this address here: nothing was mailed, and no code is the right one.
	Nobody bool `cbor:"7,keyasint,omitempty"`
}

// mailing says when an address was mailed a code, whoever asked for it.
type mailing struct {
	Email string    `cbor:"1,keyasint"`
	At    time.Time `cbor:"2,keyasint"`
}

// misses counts wrong codes for an address.
type misses struct {
	Email string    `cbor:"1,keyasint"`
	Count int       `cbor:"2,keyasint"`
	Until time.Time `cbor:"3,keyasint"`
}

var (
	codes = storage.NewTable(storage.Declaration[code]{
		ID: 75, Name: "codes",
		Key:     func(c *code) storage.Key { return storage.Key(nil).Str(c.Lineage) },
		Expires: func(c *code) time.Time { return c.ExpiresAt },
	})
	mailings = storage.NewTable(storage.Declaration[mailing]{
		ID: 76, Name: "mailed codes",
		Key:     func(m *mailing) storage.Key { return storage.Key(nil).Str(m.Email) },
		Expires: func(m *mailing) time.Time { return m.At.Add(codeEvery) },
	})
	missed = storage.NewTable(storage.Declaration[misses]{
		ID: 77, Name: "wrong codes",
		Key:     func(m *misses) storage.Key { return storage.Key(nil).Str(m.Email) },
		Expires: func(m *misses) time.Time { return m.Until },
	})
)

// newCode is eight random digits.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

// parseCode reads a code as people type or paste it. A FieldErrors: it can't be one, and does not count as a try.
func parseCode(typed string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if r == '-' || unicode.IsSpace(r) {
			return -1
		}
		return r
	}, typed)
	if len(digits) != codeDigits || strings.Trim(digits, "0123456789") != "" {
		return "", oneField("code", "The code has 8 digits.")
	}
	return digits, nil
}

// codeMAC is what is kept of a code: bound to the lineage and the address that it was made for.
func codeMAC(store *storage.Store, t *tenant.Tenant, lineage, email, digits string) []byte {
	mac := hmac.New(sha256.New, store.Derive(t.Scope(), "auth/code/1"))
	_, _ = fmt.Fprintf(mac, "%s\x00%s\x00%s", lineage, email, digits) // it never fails
	return mac.Sum(nil)
}

// over says whether the code can be typed no more.
func (c *code) over() bool { return c.Misses >= codeTries || !time.Now().Before(c.ExpiresAt) }

// missesOf is how many wrong codes were typed for an address lately.
func missesOf(tx *storage.Tx, email string) (misses, error) {
	m, err := missed.Get(tx, storage.Key(nil).Str(email))
	if errors.Is(err, storage.ErrNotFound) || err == nil && !time.Now().Before(m.Until) {
		return misses{Email: email, Until: now().Add(missesPeriod)}, nil
	}
	return m, err
}

// err is a *limit.Error once there were too many.
func (m *misses) err() error {
	return limit.State{Limit: missesMost, Reset: m.Until, Reached: m.Count >= missesMost}.Err()
}

// nextMailing is when an address may be mailed to again; zero: now.
func nextMailing(tx *storage.Tx, email string) (time.Time, error) {
	m, err := mailings.Get(tx, storage.Key(nil).Str(email))
	if errors.Is(err, storage.ErrNotFound) {
		return time.Time{}, nil
	}
	if next := m.At.Add(codeEvery); err == nil && time.Now().Before(next) {
		return next, nil
	}
	return time.Time{}, err
}
