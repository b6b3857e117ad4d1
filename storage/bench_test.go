package storage_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
)

// doc is as large as a ticket, and has as many index entries.
type doc struct {
	ID          string    `cbor:"1,keyasint"`
	Number      uint64    `cbor:"2,keyasint"`
	Title       string    `cbor:"3,keyasint"`
	Description string    `cbor:"4,keyasint"`
	Status      byte      `cbor:"5,keyasint"`
	Priority    byte      `cbor:"6,keyasint,omitempty"`
	Tags        []string  `cbor:"7,keyasint,omitempty"`
	Requester   string    `cbor:"8,keyasint,omitempty"`
	Assignee    string    `cbor:"9,keyasint,omitempty"`
	CreatedAt   time.Time `cbor:"10,keyasint"`
	UpdatedAt   time.Time `cbor:"11,keyasint"`
	Version     uint64    `cbor:"12,keyasint"`
}

type docRow struct {
	Number    uint64    `cbor:"1,keyasint"`
	Title     string    `cbor:"2,keyasint"`
	Status    byte      `cbor:"3,keyasint"`
	Requester string    `cbor:"4,keyasint,omitempty"`
	UpdatedAt time.Time `cbor:"5,keyasint"`
}

func rowOf(d *doc) docRow {
	return docRow{Number: d.Number, Title: d.Title, Status: d.Status, Requester: d.Requester, UpdatedAt: d.UpdatedAt}
}

var (
	docs = storage.NewTable(storage.Declaration[doc]{
		ID: 920, Name: "docs", Watched: true, Key: func(d *doc) storage.Key { return storage.Key(nil).Str(d.ID) },
	})
	docNumber = storage.NewUnique(docs, 1, func(d *doc) storage.Key { return storage.Key(nil).Uint(d.Number) })
	docNewest = storage.NewIndex(docs, 2, func(d *doc) []storage.Key {
		return []storage.Key{storage.Key(nil).TimeDesc(d.UpdatedAt)}
	}, rowOf)
	_ = storage.NewIndex(docs, 3, func(d *doc) []storage.Key {
		return []storage.Key{storage.Key(nil).Uint(uint64(d.Status)).TimeDesc(d.UpdatedAt)}
	}, rowOf)
	_ = storage.NewIndex(docs, 4, func(d *doc) []storage.Key {
		return []storage.Key{storage.Key(nil).Str(d.Requester).TimeDesc(d.UpdatedAt)}
	}, rowOf)
	_ = storage.NewIndex(docs, 5, func(d *doc) (keys []storage.Key) {
		for _, tag := range d.Tags {
			keys = append(keys, storage.Key(nil).Str(tag).TimeDesc(d.UpdatedAt))
		}
		return keys
	}, func(*doc) storage.Bare { return storage.Bare{} })
	docNumbers = storage.NewSequence(921)
)

func newDoc(i int) doc {
	at := time.Date(2026, 11, 20, 10, 0, i, 0, time.UTC)
	return doc{
		ID: fmt.Sprintf("tkt_%026d", i), Title: "The printer in the hall is on fire again", Status: byte(i % 5), Priority: 1,
		Description: string(make([]byte, 500)), Tags: []string{"printer", "fire", "hall", "urgent", "again", "third floor", "second time"},
		Requester: fmt.Sprintf("usr_%026d", i%100), CreatedAt: at, UpdatedAt: at, Version: 1,
	}
}

func create(tb testing.TB, s *storage.Store, sc storage.Scope, i int) {
	tb.Helper()
	update(tb, s, sc, func(tx *storage.Tx) (err error) {
		d := newDoc(i)
		if d.Number, err = docNumbers.Next(tx); err != nil {
			return err
		}
		return docs.Insert(tx, &d)
	})
}

// benchStore has a thousand docs in memory.
func benchStore(b *testing.B) (*storage.Store, storage.Scope) {
	b.Helper()
	s, a := storagetest.Open(b, docs), storage.Within(tenantA)
	for i := range 1000 {
		create(b, s, a, i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	return s, a
}

func BenchmarkCreate(b *testing.B) {
	s, a := benchStore(b)
	for i := 1000; b.Loop(); i++ {
		create(b, s, a, i)
	}
}

func BenchmarkCreateOnDisk(b *testing.B) {
	s, a := onDisk(b, b.TempDir(), docs), storage.Within(tenantA)
	b.ReportAllocs()
	b.SetParallelism(16)
	next := make(chan int, 1)
	next <- 0
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := <-next
			next <- i + 1
			create(b, s, a, i)
		}
	})
}

func BenchmarkChange(b *testing.B) {
	s, a := benchStore(b)
	for i := 0; b.Loop(); i++ {
		update(b, s, a, func(tx *storage.Tx) error {
			d, err := docs.Get(tx, storage.Key(nil).Str(fmt.Sprintf("tkt_%026d", i%1000)))
			if err != nil {
				return err
			}
			old := d
			d.Status, d.Version = byte(i%4), d.Version+1
			return docs.Replace(tx, &old, &d)
		})
	}
}

func BenchmarkGet(b *testing.B) {
	s, a := benchStore(b)
	for i := 0; b.Loop(); i++ {
		view(b, s, a, func(tx *storage.Tx) error {
			_, err := docs.Get(tx, storage.Key(nil).Str(fmt.Sprintf("tkt_%026d", i%1000)))
			return err
		})
	}
}

func BenchmarkUniqueGet(b *testing.B) {
	s, a := benchStore(b)
	for i := 0; b.Loop(); i++ {
		view(b, s, a, func(tx *storage.Tx) error {
			_, err := docNumber.Get(tx, storage.Key(nil).Uint(uint64(1+i%1000)))
			return err
		})
	}
}

func BenchmarkPage(b *testing.B) {
	s, a := benchStore(b)
	for b.Loop() {
		view(b, s, a, func(tx *storage.Tx) error {
			n := 0
			for _, err := range docNewest.Scan(tx, storage.Range{Limit: 50}) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 50 {
				b.Errorf("%d rows", n)
			}
			return nil
		})
	}
}

// BenchmarkBackup and BenchmarkRestore are of 20,000 small records: B/op apart, ns/op divided by that is the time of one.
const saved = 20_000

func backupStore(b *testing.B) (*storage.Store, storage.Options) {
	b.Helper()
	o := storage.Options{Dir: b.TempDir(), MinFree: 1 << 20, MasterKey: make([]byte, 32), Tables: []storage.Declared{notes}}
	s := opened(b, o)
	for page := range saved / 500 {
		update(b, s, storage.Within(tenantA), func(tx *storage.Tx) error {
			for i := range 500 {
				if err := notes.Put(tx, &note{Title: fmt.Sprintf("%d-%d", page, i), Text: "some text that is not very long"}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return s, o
}

func BenchmarkBackup(b *testing.B) {
	s, _ := backupStore(b)
	for b.Loop() {
		if _, err := s.Backup(b.Context(), io.Discard, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRestore(b *testing.B) {
	s, o := backupStore(b)
	var out bytes.Buffer
	if _, err := s.Backup(b.Context(), &out, nil); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		o.Dir = b.TempDir()
		if _, err := storage.Restore(b.Context(), o, bytes.NewReader(out.Bytes()), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s, _ := benchStore(b)
	for b.Loop() {
		clean(b, s)
	}
}
