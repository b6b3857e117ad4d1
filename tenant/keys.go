package tenant

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

const (
	keyBytes     = 32 // random bytes of a key that the node makes
	keyGrace     = 24 * time.Hour
	minSecret    = 16 // bytes
	maxSecret    = 1024
	maxKeysAKind = 20 // rotated too often for their grace: the oldest go
)

// Kind is what a key is for. There is one key per purpose.
type Kind string

// The kinds of keys.
const (
	KindJWT                 Kind = "jwt"
	KindSimpleAuth          Kind = "simpleauth"
	KindSimpleAuthOperators Kind = "simpleauth-operators"
	KindRedirect            Kind = "redirect"
)

// Kinds are all kinds, in the order of the manual.
func Kinds() []Kind {
	return []Kind{KindJWT, KindSimpleAuth, KindSimpleAuthOperators, KindRedirect}
}

// Field is the kind's name in documents: "jwt_secret", "simpleauth_key", …
func (k Kind) Field() string {
	switch k {
	case KindJWT:
		return "jwt_secret"
	case KindSimpleAuth:
		return "simpleauth_key"
	case KindSimpleAuthOperators:
		return "simpleauth_operator_key"
	case KindRedirect:
		return "redirect_key"
	}
	return string(k)
}

func (k Kind) check() error {
	if slices.Contains(Kinds(), k) {
		return nil
	}
	names := make([]string, 0, len(Kinds()))
	for _, kind := range Kinds() {
		names = append(names, string(kind))
	}
	return FieldErrors{"kind": {"There is no such kind of key. Allowed are " + strings.Join(names, ", ") + "."}}
}

// Key is what a partner's signatures are checked with: a secret that the tenant shares with it, or the partner's public keys.
type Key struct {
	ID   string `cbor:"1,keyasint"`
	Kind Kind   `cbor:"2,keyasint"`
	// Secret is empty where there are public keys. The HMAC key is its bytes as printed, never decoded.
	Secret    string    `cbor:"3,keyasint"`
	CreatedAt time.Time `cbor:"4,keyasint"`
	// RetiredUntil is zero for the present key. A rotated one is good until then.
	RetiredUntil time.Time `cbor:"5,keyasint,omitzero"`
	// Public are the keys of a partner who holds no secret of ours. Any of them will do.
	Public []PublicKey `cbor:"6,keyasint,omitempty"`
}

var keyTable = storage.NewTable(storage.Declaration[Key]{
	ID: 18, Name: "tenant keys", Sealed: true,
	Key: func(k *Key) storage.Key { return storage.Key(nil).Str(string(k.Kind)).Str(k.ID) },
})

func newKey(kind Kind, now time.Time) *Key {
	b := make([]byte, keyBytes)
	_, _ = rand.Read(b) // never fails
	return &Key{ID: rand.Text(), Kind: kind, Secret: base64.RawURLEncoding.EncodeToString(b), CreatedAt: now}
}

func (k *Key) valid(at time.Time) bool { return k.RetiredUntil.IsZero() || at.Before(k.RetiredUntil) }

// Weak says that a secret is shorter than any that is ever stored: nothing that it signs counts.
func (k *Key) Weak() bool { return len(k.Public) == 0 && len(k.Secret) < minSecret }

func (k *Key) equal(other *Key) bool {
	return k.Secret == other.Secret && slices.EqualFunc(k.Public, other.Public, func(a, b PublicKey) bool {
		return a.ID == b.ID && bytes.Equal(a.DER, b.DER)
	})
}

// Keys are the keys of one tenant, the newest first.
type Keys []Key

// Current is the key that new signatures are made with.
func (ks Keys) Current(kind Kind) (Key, bool) {
	i := slices.IndexFunc(ks, func(k Key) bool { return k.Kind == kind && k.RetiredUntil.IsZero() })
	if i < 0 {
		return Key{}, false
	}
	return ks[i], true
}

// Valid are the keys of a kind that a signature may be checked with at a moment: the current one, then retired ones in
// their time of grace.
func (ks Keys) Valid(kind Kind, at time.Time) Keys {
	var out Keys
	for _, k := range ks {
		if k.Kind == kind && k.valid(at) {
			out = append(out, k)
		}
	}
	return out
}

// Find is the key with that ID if it is valid at the moment.
func (ks Keys) Find(kind Kind, id string, at time.Time) (Key, bool) {
	i := slices.IndexFunc(ks, func(k Key) bool { return k.Kind == kind && k.ID == id && k.valid(at) })
	if i < 0 {
		return Key{}, false
	}
	return ks[i], true
}

// Secrets is what people are shown: the current secret of each kind by the name that it has in documents.
func (ks Keys) Secrets() map[string]string {
	m := map[string]string{}
	for _, kind := range Kinds() {
		k, ok := ks.Current(kind)
		switch {
		case ok && k.Public != nil:
			m[PublicKeysField] = k.publicText()
		case ok:
			m[kind.Field()] = k.Secret
		}
	}
	return m
}

// PublicKeysField is the name in documents of the public keys that stand in the place of the secret for JWTs.
const PublicKeysField = "jwt_public_keys"

// publicText are the public keys for people.
func (k *Key) publicText() string {
	var b strings.Builder
	for _, one := range k.Public {
		b.WriteString(one.String())
	}
	return b.String()
}

// Keys returns the tenant's keys.
func (r *Registry) Keys(ctx context.Context, id ID) (Keys, error) {
	var keys Keys
	err := r.store.View(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
		if _, err = find(tx, id); err == nil {
			keys, err = readKeys(tx.Tenant(string(id)))
		}
		return err
	})
	return keys, err
}

func readKeys(tx *storage.Tx) (Keys, error) {
	var keys Keys
	for k, err := range keyTable.Scan(tx, storage.Range{}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortStableFunc(keys, func(a, b Key) int {
		if a.RetiredUntil.IsZero() != b.RetiredUntil.IsZero() {
			if a.RetiredUntil.IsZero() {
				return -1
			}
			return 1
		}
		return b.CreatedAt.Compare(a.CreatedAt)
	})
	return keys, nil
}

// Rotate makes a new key; the old one stays valid for a time of grace, 24 hours if it is 0. A negative grace ends it now.
func (r *Registry) Rotate(ctx context.Context, id ID, kind Kind, grace time.Duration) (Key, error) {
	if err := kind.check(); err != nil {
		return Key{}, err
	}
	return r.replaceKey(ctx, id, *newKey(kind, now()), grace, "key.rotated")
}

// Import makes a partner's secret, or for JWTs its public keys (see ParsePublicKeys), the current key; the old one of the same
// type stays valid for 24 hours. A line end behind the secret, as files have it, is not part of it. A FieldErrors says why it is
// refused.
func (r *Registry) Import(ctx context.Context, id ID, kind Kind, text string) (Key, error) {
	if err := kind.check(); err != nil {
		return Key{}, err
	}
	k := newKey(kind, now())
	k.Secret = strings.TrimRight(text, "\r\n")
	err := checkSecret(k.Secret)
	if asymmetric(text) {
		k.Secret, k.Public, err = "", nil, errSharedOnly
		if kind == KindJWT {
			k.Public, err = ParsePublicKeys([]byte(text))
		}
	}
	if err != nil {
		return Key{}, FieldErrors{"secret": {err.Error()}}
	}
	return r.replaceKey(ctx, id, *k, 0, "key.imported")
}

const errSharedOnly = sentenceError("Public keys are for JWTs alone (jwt); this kind takes a shared secret.")

// asymmetric says whether a text is meant as a public key. Secrets don't look like this.
func asymmetric(text string) bool {
	text = strings.TrimSpace(text)
	return strings.HasPrefix(text, "{") || strings.Contains(text, "-----BEGIN ")
}

func (r *Registry) replaceKey(ctx context.Context, id ID, k Key, grace time.Duration, action string) (Key, error) {
	if grace == 0 {
		grace = keyGrace
	}
	err := r.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		if _, err := find(tx, id); err != nil {
			return err
		}
		tx = tx.Tenant(string(id))
		if err := confine(tx, &k); err != nil {
			return err
		}
		if err := keepName(tx, &k); err != nil {
			return err
		}
		if err := retire(tx, &k, grace); err != nil {
			return err
		}
		if err := keyTable.Put(tx, &k); err != nil {
			return err
		}
		return Record(tx, Event{Actor: r.actor, Action: action, Object: string(k.Kind), Detail: "key " + k.ID})
	})
	return k, err
}

// confine keeps the operators' secret from being a partner's as well: whoever may say that a requester has come must not be
// able to say so of an agent.
func confine(tx *storage.Tx, k *Key) error {
	keys, err := readKeys(tx)
	if err != nil {
		return err
	}
	for _, other := range keys {
		operators := k.Kind == KindSimpleAuthOperators || other.Kind == KindSimpleAuthOperators
		if operators && other.Kind != k.Kind && other.Secret == k.Secret && other.valid(k.CreatedAt) {
			return FieldErrors{"secret": {"This is the secret for " + string(other.Kind) + " already. The operators' is nobody else's."}}
		}
	}
	return nil
}

// keepName gives a key that is set a second time the name that it has: what was used once must not work again because its key
// has another name now.
func keepName(tx *storage.Tx, k *Key) error {
	keys, err := readKeys(tx)
	for _, old := range keys {
		if old.Kind == k.Kind && old.equal(k) {
			k.ID = old.ID
		}
	}
	return err
}

// retire gives the current key its time of grace before the next one, and removes those that are past theirs. Who goes from a
// secret to public keys, or back, has no grace: only one of the two counts.
func retire(tx *storage.Tx, next *Key, grace time.Duration) error {
	at := next.CreatedAt
	keys, err := readKeys(tx)
	if err != nil {
		return err
	}
	kept := 0
	for _, k := range keys {
		if k.Kind != next.Kind {
			continue
		}
		sameType := (k.Public == nil) == (next.Public == nil)
		if k.RetiredUntil.IsZero() {
			k.RetiredUntil = at.Add(grace)
		}
		if kept++; !sameType || !k.valid(at) || kept > maxKeysAKind {
			err = keyTable.Delete(tx, storage.Key(nil).Str(string(k.Kind)).Str(k.ID))
		} else {
			err = keyTable.Put(tx, &k)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkSecret refuses what an attacker would try first.
func checkSecret(s string) error {
	switch {
	case len(s) < minSecret:
		return sentenceError("A secret has at least 16 bytes. A good one is made by: openssl rand -base64 32")
	case len(s) > maxSecret:
		return sentenceError("A secret has at most 1024 bytes.")
	}
	seen := map[byte]bool{}
	var plain strings.Builder
	for i := range len(s) {
		seen[s[i]] = true
		if c := canonical[s[i]]; c != 0 && c != '-' && c != '.' {
			plain.WriteByte(c)
		}
	}
	again := period(plain.String())
	row := plain.Len() >= minSecret && again < minSecret && 2*again <= plain.Len()
	if len(seen) < 6 || row || slices.Contains(commonSecrets(), plain.String()) {
		return sentenceError("This secret stands in manuals and examples, or is too simple: anybody can guess it. A good one is made by: openssl rand -base64 32")
	}
	return nil
}

// period is the length of the shortest text that s is a row of: 8 for changemechangeme. The row may end early.
func period(s string) int {
	for n := 1; n < len(s); n++ {
		if s[n:] == s[:len(s)-n] {
			return n
		}
	}
	return len(s)
}

// commonSecrets are secrets from manuals, generators and examples, with their letters and digits alone.
func commonSecrets() []string {
	return []string{
		"0123456789abcdef", "0123456789abcdef0123456789abcdef", "0123456789012345", "1234567890123456", "12345678901234567890",
		"12345678901234567890123456789012", "123456789abcdefghi", "abcdefghijklmnop", "abcdefghijklmnopqrstuvwxyz",
		"abcdefghijklmnopqrstuvwxyz0123456789", "astringsecretatleast256bitslong", "astrongsecretkeyforjwt", "changemechangeme",
		"changethissecret", "changethissecretkey", "changethisinproduction", "defaultsecretkey", "examplesecretkey", "insertsecrethere",
		"jwtsecretkey12345", "mysecretkey12345", "mysecretpassword", "mysupersecretkey", "mysupersecretpassword", "mysupersecrettoken",
		"passwordpassword", "passwordpassword1", "qwertyuiopasdfgh", "qwertyuiopasdfghjklzxcvbnm", "replacewithyoursecret", "secretkey1234567",
		"secretsecretsecret", "secretsecretsecretsecret", "secretsecret1234", "sharedsecretsharedsecret", "shhhhhhthisisasecret", "supersecretjwtkey",
		"supersecretkey123", "supersecretpassword", "supersecretsecret", "testtesttesttest", "thisisasecretkey", "thisisaverysecretkey",
		"thisismysecretkey", "thisissecretkey1", "verysecretsecret", "yoursecretkeyhere", "your256bitsecret", "your512bitsecret",
		"your384bitsecret", "yoursharedsecret", "yoursharedsecrethere", "yourjwtsecretkey", "yoursupersecretkey", "yoursupersecretjwttokenwithatleast32characterslong",
		"yourverysecretkey", "yoursecretkeyminimum32characters",
	}
}
