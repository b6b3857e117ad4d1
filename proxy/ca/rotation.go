package ca

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/deskgate/deskgate/storage"
)

// State is whether a root signs.
type State string

// A root is announced, signs, and is trusted for some time more by who has nothing else.
const (
	Coming  State = "coming"
	Present State = "present"
	Former  State = "former"
)

// Root is what clients install.
type Root struct {
	Subject     string
	NotBefore   time.Time
	NotAfter    time.Time
	Signs       time.Time // when it signs from on
	Fingerprint string    // SHA-256, as openssl shows it
	State       State
	// Itself says that it was made because its predecessor will end, and not by command.
	Itself bool
	PEM    []byte
}

// Roots are the root that signs, the coming one if there is one, and the former ones that are still valid, in this order.
func (a *Authority) Roots(ctx context.Context) ([]Root, error) {
	f, err := a.family(ctx)
	if err != nil {
		return nil, err
	}
	return f.shown(), nil
}

// Signs is the root that signs, as it is stored, and nothing is done that may be due. Without one it is storage.ErrNotFound.
func (a *Authority) Signs(ctx context.Context) (Root, error) {
	var root Root
	err := a.store.View(ctx, storage.Node(), func(tx *storage.Tx) error {
		f, err := read(tx, time.Now())
		if err == nil && len(f.roots) == 0 {
			err = storage.ErrNotFound
		}
		if err == nil {
			root = f.root().shown(Present)
		}
		return err
	})
	return root, err
}

// PEM are those of the roots that clients are to have.
func PEM(roots []Root) []byte {
	var b bytes.Buffer
	for _, r := range roots {
		if r.State != Former {
			b.Write(r.PEM)
		}
	}
	return b.Bytes()
}

func (f *family) shown() []Root {
	all := []Root{f.root().shown(Present)}
	for _, r := range f.roots[f.at+1:] {
		all = append(all, r.shown(Coming))
	}
	for i := f.at - 1; i >= 0; i-- {
		all = append(all, f.roots[i].shown(Former))
	}
	return all
}

func (r *record) shown(s State) Root {
	sum := sha256.Sum256(r.Certificate)
	return Root{
		Subject: r.parsed.Subject.String(), NotBefore: r.parsed.NotBefore, NotAfter: r.parsed.NotAfter, Signs: r.signs(),
		Fingerprint: colons(sum[:]), State: s, Itself: r.Itself, PEM: asPEM(r.Certificate),
	}
}

// signs is when it begins to sign; the first ones did at once.
func (r *record) signs() time.Time {
	if r.Signs.IsZero() {
		return r.parsed.NotBefore
	}
	return r.Signs
}

func colons(sum []byte) string {
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = strings.ToUpper(hex.EncodeToString([]byte{b}))
	}
	return strings.Join(pairs, ":")
}

// ErrTooLate says that the root ends before its successor would sign.
var ErrTooLate = errors.New("the present root would end before")

// Rotate announces a new root, which signs when so much time has passed; 0: at once. Where one is announced already, that one's time is
// set anew. It returns all roots, as Roots does.
func (a *Authority) Rotate(ctx context.Context, after time.Duration) ([]Root, error) {
	var f *family
	err := a.store.Update(ctx, storage.Node(), func(tx *storage.Tx) (err error) {
		now := time.Now()
		if f, err = settle(tx, now); err != nil {
			return err
		}
		signs := now.Add(after)
		if end := f.root().parsed.NotAfter; !signs.Before(end) {
			return fmt.Errorf("%w: on %s", ErrTooLate, end.UTC().Format(time.DateOnly))
		}
		if next := f.coming(); next != nil {
			next.Signs, next.Itself = signs.UTC().Truncate(time.Second), false
			err = records.Put(tx, next)
		} else {
			err = f.succeed(tx, now, signs, false)
		}
		if err != nil || after > 0 {
			return err
		}
		f, err = settle(tx, now)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("rotate the node's own CA: %w", err)
	}
	return f.shown(), nil
}

// Turning says whether hosts may still have certificates under another root than the one that signs.
func (a *Authority) Turning(ctx context.Context) (bool, error) {
	f, err := a.family(ctx)
	return err == nil && !f.root().Turned, err
}

// Turned notes that all hosts have a certificate under a root, which its fingerprint names.
func (a *Authority) Turned(ctx context.Context, fingerprint string) error {
	return a.store.Update(ctx, storage.Node(), func(tx *storage.Tx) error {
		f, err := read(tx, time.Now())
		if err != nil {
			return err
		}
		for _, r := range f.roots {
			if r.shown("").Fingerprint == fingerprint {
				r.Turned = true
				return records.Put(tx, r)
			}
		}
		return nil // it is over
	})
}

// Follow calls fn when something about the authority has changed, on any node of the store, until ctx ends.
func (a *Authority) Follow(ctx context.Context, fn func()) error {
	for ctx.Err() == nil {
		after, err := a.store.Revision(ctx)
		if err == nil {
			err = a.store.Follow(ctx, after, func(changes []storage.Change) error {
				for _, c := range changes {
					if c.Table == records.ID() {
						fn()
						break
					}
				}
				return nil
			})
		}
		if ctx.Err() == nil && !errors.Is(err, storage.ErrTruncated) {
			return err
		}
	}
	return nil
}
