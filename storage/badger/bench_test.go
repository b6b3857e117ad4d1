package badger_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
)

// BenchmarkUpdate is durable commits: one key of 200 bytes each, or the dozen keys and the number of a new ticket.
func BenchmarkUpdate(b *testing.B) {
	for _, kind := range []struct {
		name string
		fn   func(tx engine.Txn, n uint64) error
	}{{"key", putKey}, {"ticket", putTicket}} {
		for _, writers := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%s/writers=%d", kind.name, writers), func(b *testing.B) {
				e := open(b, badger.Options{Dir: b.TempDir()})
				var n atomic.Uint64
				inParallel(b, writers, func() error {
					return e.Update(b.Context(), func(tx engine.Txn) error { return kind.fn(tx, n.Add(1)) })
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "commits/s")
			})
		}
	}
}

// BenchmarkGet reads single records of 100,000 at random.
func BenchmarkGet(b *testing.B) {
	e := loaded(b)
	for _, readers := range []int{1, 16} {
		b.Run("readers="+strconv.Itoa(readers), func(b *testing.B) {
			inParallel(b, readers, func() error {
				return e.View(b.Context(), func(r engine.Reader) error {
					_, err := r.Get(benchKey('r', rand.Uint64N(records)))
					return err
				})
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "reads/s")
		})
	}
}

// BenchmarkPage reads 50 neighbours at a random place.
func BenchmarkPage(b *testing.B) {
	e := loaded(b)
	for _, reverse := range []bool{false, true} {
		for _, readers := range []int{1, 16} {
			b.Run(fmt.Sprintf("reverse=%t/readers=%d", reverse, readers), func(b *testing.B) {
				inParallel(b, readers, func() error {
					at := benchKey('i', 50+rand.Uint64N(records-100))
					g := engine.Range{Lo: at, Hi: []byte{'i' + 1}}
					if reverse {
						g = engine.Range{Lo: []byte{'i'}, Hi: at, Reverse: true}
					}
					return e.View(b.Context(), func(r engine.Reader) error {
						n := 0
						for _, err := range r.Scan(g) {
							if err != nil {
								return err
							}
							if n++; n == 50 {
								return nil
							}
						}
						return fmt.Errorf("%d rows", n)
					})
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pages/s")
			})
		}
	}
}

// BenchmarkMemory is what the process holds after b.N tickets by 32 writers.
func BenchmarkMemory(b *testing.B) {
	dir := b.TempDir()
	e := open(b, badger.Options{Dir: dir})
	var n atomic.Uint64
	inParallel(b, 32, func() error {
		return e.Update(b.Context(), func(tx engine.Txn) error { return putTicket(tx, n.Add(1)) })
	})
	b.StopTimer()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapInuse)/1e6, "heap-MB")
	b.ReportMetric(statusMB("VmHWM"), "peak-rss-MB")
	b.ReportMetric(statusMB("RssAnon"), "anon-MB")
	b.ReportMetric(diskMB(b, dir), "disk-MB")
}

const records = 100_000

func putKey(tx engine.Txn, n uint64) error {
	return tx.Set(benchKey('k', n), make([]byte, 200), time.Time{})
}

func putTicket(tx engine.Txn, n uint64) error {
	if _, err := tx.Next([]byte("number")); err != nil {
		return err
	}
	if _, err := tx.Get(benchKey('u', n%1000)); err != nil && n > 100_000_000 {
		return err
	}
	for i := range byte(10) {
		if err := tx.Set(append(benchKey('x', n), i), make([]byte, 150), time.Time{}); err != nil {
			return err
		}
	}
	if err := tx.Append(make([]byte, 60)); err != nil {
		return err
	}
	return tx.Set(benchKey('t', n), make([]byte, 800), time.Time{})
}

// benchKey scatters its numbers over the map.
func benchKey(kind byte, n uint64) []byte {
	k := append(make([]byte, 0, 40), kind)
	k = append(k, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"...)
	return binary.BigEndian.AppendUint64(k, n)
}

func loaded(b *testing.B) *badger.Engine {
	b.Helper()
	e := open(b, badger.Options{Dir: b.TempDir()})
	for at := uint64(0); at < records; at += 500 {
		if err := e.Update(b.Context(), func(tx engine.Txn) error {
			for n := at; n < at+500; n++ {
				record, row := make([]byte, 800), make([]byte, 150)
				if err := tx.Set(benchKey('r', n), record, time.Time{}); err != nil {
					return err
				}
				if err := tx.Set(benchKey('i', n), row, time.Time{}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return e
}

// inParallel does b.N operations with so many workers.
func inParallel(b *testing.B, workers int, do func() error) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
}

func statusMB(field string) float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), field+":")
	line, _, _ := strings.Cut(rest, " kB")
	kb, _ := strconv.ParseFloat(strings.TrimSpace(line), 64)
	return kb / 1000
}

func diskMB(b *testing.B, dir string) (mb float64) {
	b.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "badger", "*.sst"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range tables {
		if info, err := os.Stat(name); err == nil {
			mb += float64(info.Size()) / 1e6
		}
	}
	return mb
}

// BenchmarkQueue looks at the first row of a queue from which so many were taken since the last compaction; and puts one row at its end and
// takes its first one.
func BenchmarkQueue(b *testing.B) {
	for _, taken := range []int{0, 1000, 100_000} {
		b.Run("first/taken="+strconv.Itoa(taken), func(b *testing.B) {
			e := queued(b, taken)
			for b.Loop() {
				if _, err := first(b, e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("take", func(b *testing.B) {
		e, n := queued(b, 100_000), uint64(200_000)
		for b.Loop() {
			k, err := first(b, e)
			if err != nil {
				b.Fatal(err)
			}
			if err := e.Update(b.Context(), func(tx engine.Txn) error {
				n++
				return errors.Join(tx.Delete(k), tx.Set(benchKey('q', n), make([]byte, 100), time.Time{}))
			}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// queued has a queue of a hundred rows, before which others were.
func queued(b *testing.B, taken int) *badger.Engine {
	b.Helper()
	e := open(b, badger.Options{InMemory: true})
	for _, change := range []func(tx engine.Txn, n uint64) error{
		func(tx engine.Txn, n uint64) error { return tx.Set(benchKey('q', n), make([]byte, 100), time.Time{}) },
		func(tx engine.Txn, n uint64) error {
			if n >= uint64(taken) {
				return nil
			}
			return tx.Delete(benchKey('q', n))
		},
	} {
		for at := 0; at < taken+100; at += 500 {
			if err := e.Update(b.Context(), func(tx engine.Txn) (err error) {
				for n := at; n < min(at+500, taken+100); n++ {
					err = errors.Join(err, change(tx, uint64(n)))
				}
				return err
			}); err != nil {
				b.Fatal(err)
			}
		}
	}
	return e
}

func first(b *testing.B, e *badger.Engine) (key []byte, err error) {
	b.Helper()
	err = e.View(b.Context(), func(r engine.Reader) error {
		for it, err := range r.Scan(engine.Range{Lo: []byte{'q'}, Hi: []byte{'r'}}) {
			key = bytes.Clone(it.Key)
			return err
		}
		return engine.ErrNotFound
	})
	return key, err
}
