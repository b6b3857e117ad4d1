package ca

import (
	"context"
	"slices"

	"github.com/deskgate/deskgate/storage"
)

// Keys are the names of the certificates whose keys are stored.
func (a *Authority) Keys(ctx context.Context) (names []string, err error) {
	err = storage.Each(ctx, a.store, storage.Node(), records, func(r *record) error {
		if len(r.Key) > 0 {
			names = append(names, r.Name)
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}
