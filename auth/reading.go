package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
)

// Reading is how somebody wants to be written to. Empty: they have not said so.
type Reading struct {
	// Language is one of tenant.Languages.
	Language string `cbor:"2,keyasint,omitempty"`
	// Zone is an IANA time zone.
	Zone string `cbor:"3,keyasint,omitempty"`
	// Locale is what the partner said of a requester: a BCP 47 tag, or whatever else they sent. It is kept with the user.
	Locale string `cbor:"-"`

	ID string `cbor:"1,keyasint"`
}

var readings = storage.NewTable(storage.Declaration[Reading]{
	ID: 108, Name: "readings",
	Key: func(r *Reading) storage.Key { return storage.Key(nil).Str(r.ID) },
})

// Readers knows in which language, and by which clocks, requesters and staff read. It is safe for concurrent use.
type Readers struct{ store *storage.Store }

// Find returns what is known of the person with this ID: a user's or a member's.
func (s *Readers) Find(ctx context.Context, t *tenant.Tenant, id string) (Reading, error) {
	var found Reading
	err := s.store.View(ctx, t.Scope(), func(tx *storage.Tx) (err error) {
		found, err = ReadingOf(tx, id)
		return err
	})
	return found, err
}

// ReadingOf is Find in the caller's transaction.
func ReadingOf(tx *storage.Tx, id string) (Reading, error) {
	found, err := readings.Get(tx, storage.Key(nil).Str(id))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Reading{}, err
	}
	user, err := users.Get(tx, storage.Key(nil).Str(id))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return Reading{}, err
	}
	found.Locale = user.Locale
	return found, nil
}

// Set keeps what somebody chose; an empty choice takes back what was chosen before. A FieldErrors says what can't be chosen.
func (s *Readers) Set(ctx context.Context, t *tenant.Tenant, id, language, zone string) error {
	if err := CheckReading(language, zone); err != nil {
		return err
	}
	return s.store.Update(ctx, t.Scope(), func(tx *storage.Tx) error {
		if language == "" && zone == "" {
			return ForgetReading(tx, id)
		}
		return readings.Put(tx, &Reading{ID: id, Language: language, Zone: zone})
	})
}

// ForgetReading deletes what somebody chose. That nothing was chosen is no error.
func ForgetReading(tx *storage.Tx, id string) error {
	err := readings.Delete(tx, storage.Key(nil).Str(id))
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	return err
}

// CheckReading returns a FieldErrors if nobody can choose this language or this zone.
func CheckReading(language, zone string) error {
	wrong := tenant.FieldErrors{}
	if language != "" && !slices.Contains(tenant.Languages(), language) {
		wrong["language"] = []string{"This language is not there."}
	}
	if _, err := time.LoadLocation(zone); err != nil || zone == "Local" || len(zone) > 64 {
		wrong["zone"] = []string{"This time zone is not known."}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return nil
}
