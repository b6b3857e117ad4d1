package storage

import "context"

// check reads every record and index entry of the scope and reports what is damaged or out of step.
func (t *Table[T]) check(tx *Tx, report func(key []byte, err error)) error {
	for it, err := range tx.scan(t.d.ID, partRecord, Range{}, false) {
		if err != nil {
			return err
		}
		if _, err := t.decode(tx, it.Key, it.Value); err != nil {
			report(it.Key, err)
		}
	}
	return nil
}

// Finding is one thing that Check found wrong.
type Finding struct {
	Tenant  string `json:"tenant,omitempty"` // the scope's id, empty for the node's
	Table   string `json:"table,omitempty"`
	Key     string `json:"key,omitempty"` // for people
	Problem string `json:"problem"`
}

// Check reads everything and reports what is damaged or out of step: page by page, while the store goes on. It returns
// an error only if it could not go on. Report and progress are called from the calling goroutine; progress may be nil.
func (s *Store) Check(ctx context.Context, report func(Finding), progress func(Progress)) error {
	panic("not yet")
}
