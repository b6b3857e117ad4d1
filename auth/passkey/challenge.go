package passkey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// ChallengeLife is how long a challenge may be answered.
const ChallengeLife = 10 * time.Minute

// purpose sets apart what challenges are for. One of one purpose is none of another.
type purpose byte

const (
	toSignIn   purpose = 's'
	toProve    purpose = 'p'
	toRegister purpose = 'r'
)

// Ceremony is where a challenge is made and answered.
type Ceremony struct {
	Host tenant.Host
	// Origin is that of the host's pages, with the port.
	Origin string
	// Browser is the secret in the browser's passkey cookie, empty where there is none yet.
	Browser string
	Client  auth.Client
}

// Challenge is what a browser has to have its authenticator answer.
type Challenge struct {
	// Options is the JSON object that the page's script gives to navigator.credentials.
	Options []byte
	// Browser is what the browser's passkey cookie has to hold until ChallengeLife is over.
	Browser string
}

// challenge is one that waits for its answer.
type challenge struct {
	// Browser is the hash of the browser's secret.
	Browser   []byte      `cbor:"1,keyasint"`
	Challenge string      `cbor:"2,keyasint"`
	Purpose   purpose     `cbor:"3,keyasint"`
	Host      tenant.Host `cbor:"4,keyasint"`
	// Member is whose answer it has to be; empty: anybody's.
	Member string `cbor:"5,keyasint,omitempty"`
	// Session is what go-webauthn wants to have back.
	Session   []byte    `cbor:"6,keyasint"`
	ExpiresAt time.Time `cbor:"7,keyasint"`
}

var challenges = storage.NewTable(storage.Declaration[challenge]{
	ID: 96, Name: "passkey challenges",
	Key:     func(c *challenge) storage.Key { return challengeKey(c.Browser, c.Challenge) },
	Expires: func(c *challenge) time.Time { return c.ExpiresAt },
})

func challengeKey(browser []byte, text string) storage.Key {
	sum := sha256.Sum256([]byte(text))
	return storage.Key(nil).Bytes(browser).Bytes(sum[:])
}

func browserHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// browser is the secret that a browser has, or gets now.
func (c *Ceremony) browser() string {
	if len(c.Browser) == len(rand.Text()) {
		return c.Browser
	}
	return rand.Text()
}

// ask stores a challenge and makes it into what the browser gets.
func ask(tx *storage.Tx, c *Ceremony, p purpose, member, browser string, options any, s *webauthn.SessionData) (Challenge, error) {
	session, err := json.Marshal(s)
	if err != nil {
		return Challenge{}, fmt.Errorf("keep a challenge: %w", err)
	}
	text, err := json.Marshal(options)
	if err != nil {
		return Challenge{}, fmt.Errorf("send a challenge: %w", err)
	}
	return Challenge{Options: text, Browser: browser}, challenges.Put(tx, &challenge{
		Browser: browserHash(browser), Challenge: s.Challenge, Purpose: p, Host: c.Host, Member: member, Session: session,
		ExpiresAt: now().Add(ChallengeLife),
	})
}

// take uses a challenge up, whatever becomes of the answer. ErrStale: there is none.
func take(tx *storage.Tx, c *Ceremony, p purpose, member, text string) (webauthn.SessionData, error) {
	var s webauthn.SessionData
	key := challengeKey(browserHash(c.Browser), text)
	r, err := challenges.Get(tx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return s, ErrStale
	}
	if err != nil {
		return s, err
	}
	if r.Purpose != p || r.Host != c.Host || r.Member != member || !time.Now().Before(r.ExpiresAt) {
		return s, ErrStale
	}
	if err := challenges.Delete(tx, key); err != nil {
		return s, err
	}
	return s, json.Unmarshal(r.Session, &s)
}
