package storage

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
