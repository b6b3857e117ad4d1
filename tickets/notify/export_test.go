package notify

import "github.com/deskgate/deskgate/storage"

// Pending is how many rows wait to be told.
func Pending(tx *storage.Tx) (n int, err error) {
	for _, err := range digestTable.Keys(tx, storage.Range{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	for _, err := range roundTable.Keys(tx, storage.Range{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	for _, err := range itemTable.Keys(tx, storage.Range{}) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
