package main

import (
	"context"
	"fmt"

	"github.com/deskgate/deskgate/deploy/bench/archive"
	"github.com/deskgate/deskgate/storage"
)

// records is the desk's table of tickets, of which only the keys are looked at.
var records = storage.NewTable(storage.Declaration[struct{}]{
	ID: 128, Name: "tickets", Key: func(*struct{}) storage.Key { return nil },
})

// floor is what the store alone takes: reading without decoding. The more levels it has, the more places a key may be in: what
// tickets cost more than that is the desk's.
func floor() []task {
	known := map[*archive.Store][]storage.Key{}
	keys := func(ctx context.Context, a *archive.Store) ([]storage.Key, error) {
		var err error
		if known[a] == nil {
			known[a], err = oldest(ctx, a)
		}
		return known[a], err
	}
	return []task{
		{"store: a record", func(ctx context.Context, a *archive.Store, n int) (int, error) {
			all, err := keys(ctx, a)
			if err != nil {
				return 0, err
			}
			return 1, a.View(ctx, a.Tenant.Scope(), func(tx *storage.Tx) error {
				has, err := records.Has(tx, all[n*37%len(all)])
				if err == nil && !has {
					err = fmt.Errorf("no record under %s", all[n*37%len(all)])
				}
				return err
			})
		}},
		{"store: a range of 3", func(ctx context.Context, a *archive.Store, n int) (rows int, err error) {
			all, err := keys(ctx, a)
			if err != nil {
				return 0, err
			}
			r := storage.Range{From: all[n*37%len(all)], Limit: 3}
			return 3, a.View(ctx, a.Tenant.Scope(), func(tx *storage.Tx) error {
				for _, err := range records.Keys(tx, r) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}},
	}
}

// oldest are the keys of the tickets that are there in every size.
func oldest(ctx context.Context, a *archive.Store) (keys []storage.Key, err error) {
	err = a.View(ctx, a.Tenant.Scope(), func(tx *storage.Tx) error {
		keys = nil
		for k, err := range records.Keys(tx, storage.Range{Reverse: true, Limit: 1000}) {
			if err != nil {
				return err
			}
			keys = append(keys, k)
		}
		return nil
	})
	return keys, err
}
