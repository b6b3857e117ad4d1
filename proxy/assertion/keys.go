package assertion

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// Path is where each tenant host shows the keys that verify its assertions.
const Path = "/.well-known/deskgate/jwks.json"

const (
	// period is how long one key signs.
	period = 7 * 24 * time.Hour
	// coordinate is the size of P-256's numbers in bytes.
	coordinate = 32
)

// ring is a tenant's keys of one week: that of the week before, the one that signs, and that of the week after.
type ring struct {
	week int64
	keys [3]key
	set  []byte // as JWKS
}

func (r *ring) signs() *key { return &r.keys[1] }

// key is one key with the header of what it signs.
type key struct {
	id      string
	private *ecdsa.PrivateKey
	header  string
}

// ring is a tenant's keys at a moment.
func (s *Signer) ring(t *tenant.Tenant, now time.Time) (*ring, error) {
	week := now.Unix() / int64(period/time.Second)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.rings[t.ID]; r != nil && r.week == week {
		return r, nil
	}
	r := &ring{week: week}
	for i := range r.keys {
		k, err := s.key(t, week+int64(i)-1)
		if err != nil {
			return nil, err
		}
		r.keys[i] = k
	}
	var err error
	if r.set, err = r.jwks(); err != nil {
		return nil, err
	}
	if len(s.rings) >= remembered {
		clear(s.rings)
	}
	s.rings[t.ID] = r
	return r, nil
}

// key derives the key of a week: 64 bytes modulo the order of the curve's group, so that no key is likelier than others.
func (s *Signer) key(t *tenant.Tenant, week int64) (key, error) {
	id := "w" + strconv.FormatInt(week, 10)
	purpose := "proxy/assertion/1/" + id
	secret := append(s.store.Derive(t.Scope(), purpose+"/high"), s.store.Derive(t.Scope(), purpose+"/low")...)
	one := big.NewInt(1)
	n := new(big.Int).Sub(elliptic.P256().Params().N, one)
	d := new(big.Int).Mod(new(big.Int).SetBytes(secret), n)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d.Add(d, one).FillBytes(make([]byte, coordinate)))
	if err != nil {
		return key{}, fmt.Errorf("derive the key of assertions: %w", err)
	}
	header, err := json.Marshal(map[string]string{"alg": "ES256", "typ": "JWT", "kid": id})
	return key{id: id, private: private, header: base64.RawURLEncoding.EncodeToString(header)}, err
}

// jwk is a public key by RFC 7517.
type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

func (r *ring) jwks() ([]byte, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	for i := range r.keys {
		point, err := r.keys[i].private.PublicKey.Bytes() // 4, x, y
		if err != nil {
			return nil, err
		}
		set.Keys = append(set.Keys, jwk{
			Type: "EC", Curve: "P-256", ID: r.keys[i].id, Use: "sig", Algorithm: "ES256",
			X: base64.RawURLEncoding.EncodeToString(point[1 : 1+coordinate]),
			Y: base64.RawURLEncoding.EncodeToString(point[1+coordinate:]),
		})
	}
	return json.Marshal(set)
}

// ServeKeys answers with a tenant's keys.
func (s *Signer) ServeKeys(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	keys, err := s.ring(t, time.Now())
	if err != nil {
		panic(err) // what is derived is a key: the edge answers, and has it in the log
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "public, max-age=3600")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(keys.set)))
	_, _ = w.Write(keys.set) // the asker may be gone
}
