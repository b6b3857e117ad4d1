package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// What an authenticator says of how it was used.
const (
	present  = 0x01
	verified = 0x04
	syncable = 0x08
	synced   = 0x10
	attested = 0x40
)

// device is an authenticator with one passkey, and the browser in front of it. It does as it is told.
type device struct {
	origin, rp string
	flags      byte
	count      uint32
	id, handle []byte
	key        *ecdsa.PrivateKey
	kind       string // of the ceremony, as the browser says; empty: as it is
	signer     *ecdsa.PrivateKey
}

func newDevice(t *testing.T, origin, rp string) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ok(t, err)
	return &device{origin: origin, rp: rp, flags: present | verified | syncable | synced, id: []byte(rand.Text()), key: key, signer: key}
}

// asked is what the device needs of a challenge.
type asked struct {
	Challenge string
	RPID      string `json:"rpId"`
	User      struct{ ID, Name string }
	RP        struct{ ID string }
	Exclude   []struct{ ID string } `json:"excludeCredentials"`
	Allow     []struct{ ID string } `json:"allowCredentials"`

	UserVerification       string
	AuthenticatorSelection struct{ ResidentKey, UserVerification string }
}

func read(t *testing.T, options []byte) asked {
	t.Helper()
	var a asked
	ok(t, json.Unmarshal(options, &a))
	return a
}

// create makes the passkey.
func (d *device) create(t *testing.T, options []byte) []byte {
	t.Helper()
	a := read(t, options)
	handle, err := enc.DecodeString(a.User.ID)
	ok(t, err)
	d.handle = handle
	point, err := d.key.PublicKey.Bytes()
	ok(t, err)
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	ok(t, err)
	data := d.data(attested)
	data = append(data, make([]byte, 16)...) // the AAGUID of nobody
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), public...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	ok(t, err)
	return d.answer(t, map[string]any{
		"clientDataJSON": enc.EncodeToString(d.client(t, "webauthn.create", a.Challenge)), "attestationObject": enc.EncodeToString(object),
		"transports": []string{"internal"},
	})
}

// get uses the passkey.
func (d *device) get(t *testing.T, options []byte) []byte {
	t.Helper()
	d.count++
	data, client := d.data(0), d.client(t, "webauthn.get", read(t, options).Challenge)
	clientHash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte(nil), data...), clientHash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.signer, sum[:])
	ok(t, err)
	return d.answer(t, map[string]any{
		"clientDataJSON": enc.EncodeToString(client), "authenticatorData": enc.EncodeToString(data),
		"signature": enc.EncodeToString(signature), "userHandle": enc.EncodeToString(d.handle),
	})
}

func (d *device) data(more byte) []byte {
	rp := sha256.Sum256([]byte(d.rp))
	return binary.BigEndian.AppendUint32(append(rp[:], d.flags|more), d.count)
}

func (d *device) client(t *testing.T, kind, challenge string) []byte {
	t.Helper()
	if d.kind != "" {
		kind = d.kind
	}
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	ok(t, err)
	return text
}

func (d *device) answer(t *testing.T, response map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"id": enc.EncodeToString(d.id), "rawId": enc.EncodeToString(d.id), "type": "public-key",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, "response": response,
	})
	ok(t, err)
	return text
}

var enc = base64.RawURLEncoding
