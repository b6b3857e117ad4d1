// Package ech has the keys that browsers encrypt with which host they come to (Encrypted Client Hello, RFC 9849): whoever watches
// the network reads the public name alone.
//
// Browsers learn a key from DNS, where people type it in. So one lasts for a quarter of a year, and is taken from the quarter before
// until the one after. Keys are derived from the store's root key: there is nothing to store, and to agree on between nodes. Whoever
// comes with a key that is too old, or for no reason, is told the present one, and comes again with it.
//
// The package refuses to know which hosts there are, and what is in DNS.
package ech

import (
	"bytes"
	"crypto/ecdh"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/deskgate/deskgate/storage"
)

const (
	// period is how long a key is handed out.
	period = 90 * 24 * time.Hour
	// longest is the length of names that all others are filled up to.
	longest = 64
)

// What RFC 9849 and RFC 9180 call them: every library has these.
const (
	version    = 0xfe0d
	kemX25519  = 0x0020
	kdfSHA256  = 0x0001
	aes128     = 0x0001
	chacha20   = 0x0003
	keyPurpose = "proxy/ech/1/"
)

var errName = errors.New("the public name is no host name")

// Keys are a store's keys under one public name. They are safe for concurrent use.
type Keys struct {
	store  *storage.Store
	public string
	now    atomic.Pointer[ring]
}

// ring is what is taken in one period.
type ring struct {
	period int64
	keys   []tls.EncryptedClientHelloKey
}

// New returns the keys whose public name is this host, which has to have a certificate.
func New(store *storage.Store, public string) (*Keys, error) {
	if public == "" || len(public) > 255 {
		return nil, errName
	}
	k := &Keys{store: store, public: public}
	_, err := k.ring(time.Now())
	return k, err
}

// Public is the name that everybody may read.
func (k *Keys) Public() string { return k.public }

// Get is for [tls.Config.GetEncryptedClientHelloKeys].
func (k *Keys) Get(*tls.ClientHelloInfo) ([]tls.EncryptedClientHelloKey, error) {
	r, err := k.ring(time.Now())
	if err != nil {
		return nil, err
	}
	return r.keys, nil
}

// List is the ECHConfigList for DNS, and until when it is taken.
func (k *Keys) List() (list []byte, until time.Time, err error) {
	r, err := k.ring(time.Now())
	if err != nil {
		return nil, time.Time{}, err
	}
	config := r.keys[0].Config
	list = append(binary.BigEndian.AppendUint16(nil, uint16(len(config))), config...)
	return list, time.Unix((r.period+2)*int64(period/time.Second), 0).UTC(), nil
}

// Taken says until when the key of a published ECHConfigList is taken, the last one of several; false: none in it is.
func (k *Keys) Taken(list []byte) (until time.Time, ok bool) {
	r, err := k.ring(time.Now())
	if err != nil || len(list) < 2 {
		return time.Time{}, false
	}
	for rest := list[2:]; len(rest) >= 4; {
		end := 4 + int(binary.BigEndian.Uint16(rest[2:]))
		if end > len(rest) {
			break
		}
		for i, p := range [...]int64{r.period, r.period - 1, r.period + 1} { // as in ring
			if at := time.Unix((p+2)*int64(period/time.Second), 0).UTC(); bytes.Equal(r.keys[i].Config, rest[:end]) && at.After(until) {
				until, ok = at, true
			}
		}
		rest = rest[end:]
	}
	return until, ok
}

// ring is what is taken at a moment: the key that is handed out, and those of the periods before and after, for DNS is slow and
// clocks differ.
func (k *Keys) ring(now time.Time) (*ring, error) {
	at := now.Unix() / int64(period/time.Second)
	if r := k.now.Load(); r != nil && r.period == at {
		return r, nil
	}
	r := &ring{period: at}
	for _, p := range [...]int64{at, at - 1, at + 1} {
		secret := k.store.Derive(storage.Node(), keyPurpose+strconv.FormatInt(p, 10))
		private, err := ecdh.X25519().NewPrivateKey(secret)
		if err != nil {
			return nil, err
		}
		r.keys = append(r.keys, tls.EncryptedClientHelloKey{
			Config: k.config(byte(p), private.PublicKey().Bytes()), PrivateKey: secret, SendAsRetry: p == at,
		})
	}
	k.now.Store(r)
	return r, nil
}

// config is an ECHConfig (RFC 9849, 4).
func (k *Keys) config(id byte, public []byte) []byte {
	u16 := binary.BigEndian.AppendUint16
	b := u16([]byte{id}, kemX25519)
	b = append(u16(b, uint16(len(public))), public...)
	b = u16(b, 8)
	for _, aead := range [...]uint16{aes128, chacha20} {
		b = u16(u16(b, kdfSHA256), aead)
	}
	b = append(b, longest, byte(len(k.public)))
	b = append(b, k.public...)
	b = u16(b, 0)
	return append(u16(u16(nil, version), uint16(len(b))), b...)
}
