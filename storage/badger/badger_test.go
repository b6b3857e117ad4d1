package badger_test

import (
	"testing"

	"github.com/deskgate/deskgate/storage/badger"
	"github.com/deskgate/deskgate/storage/engine"
	"github.com/deskgate/deskgate/storage/storagetest"
)

func TestConformanceInMemory(t *testing.T) {
	storagetest.Conformance(t, inMemory)
}

func TestConformanceOnDisk(t *testing.T) {
	t.Parallel()
	storagetest.Conformance(t, func(tb testing.TB) engine.Engine {
		tb.Helper()
		return open(tb, badger.Options{Dir: tb.TempDir()})
	})
}

func TestSerialReplay(t *testing.T) {
	storagetest.SerialReplay(t, inMemory(t), 3200)
	storagetest.SerialReplay(t, open(t, badger.Options{Dir: t.TempDir()}), 1600)
}

func TestQueueReplay(t *testing.T) {
	storagetest.QueueReplay(t, inMemory(t), 600)
	storagetest.QueueReplay(t, open(t, badger.Options{Dir: t.TempDir()}), 400)
}

func inMemory(tb testing.TB) engine.Engine {
	tb.Helper()
	return open(tb, badger.Options{InMemory: true})
}

// open opens an engine that is closed when the test ends.
func open(tb testing.TB, o badger.Options) *badger.Engine {
	tb.Helper()
	e, err := badger.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func TestCrash(t *testing.T) {
	t.Parallel()
	storagetest.Crash(t, 20, func(dir string) (engine.Engine, error) { return badger.Open(badger.Options{Dir: dir}) })
}
