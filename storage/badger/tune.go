package badger

import (
	"fmt"
	"log/slog"
	"math"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

const (
	defaultMemory = 256 << 20

	// A Badger transaction holds 15 % of a memtable. 2.4 MiB of 16 take the largest transaction of package storage with its
	// log record, and there are up to four memtables at a time.
	minMemtable = 16 << 20
	maxMemtable = 64 << 20
	memtables   = 2

	// Values never go to the value log: its collection stalls (badger#2334). Its files stay empty, hence small.
	valueThreshold = 1 << 20
	valueLogSize   = 2 << 20
)

func tuned(dir string, o Options) badger.Options {
	size := memtable(o.Memory)
	opt := badger.DefaultOptions(dir).
		WithLogger(logger{o.Log}).
		WithMetricsEnabled(false).
		WithDetectConflicts(false). // the committer's turns leave none
		WithSyncWrites(true).
		WithMemTableSize(size).WithNumMemtables(memtables).
		WithNumLevelZeroTables(2).WithNumLevelZeroTablesStall(6).
		// The first level below takes some memtables at a time: a smaller one only has each write copied once more.
		WithBaseLevelSize(4 * size).
		WithNumCompactors(2).
		WithValueThreshold(valueThreshold).WithValueLogFileSize(valueLogSize).
		// Blocks that are not compressed are read where they are mapped: that needs no cache besides the kernel's, and
		// a flipped bit damages what it hits instead of making the whole block unreadable.
		WithCompression(options.None).WithBlockCacheSize(0).WithIndexCacheSize(0)
	if o.InMemory {
		// Compactors poll, which would keep a bubble's clock from standing still: without them level 0 just grows.
		opt = opt.WithDir("").WithValueDir("").WithInMemory(true).WithSyncWrites(false).
			WithNumCompactors(0).WithNumLevelZeroTablesStall(math.MaxInt32)
	}
	return opt
}

func memtable(memory int64) int64 {
	if memory <= 0 {
		memory = defaultMemory
	}
	return min(max(memory/8, minMemtable), maxMemtable)
}

// logger gives what Badger says to slog. What Badger calls information is for those who debug it.
type logger struct{ log *slog.Logger }

// Errorf implements badger.Logger.
func (l logger) Errorf(f string, a ...any) { l.log.Error("badger error", "text", text(f, a)) }

// Warningf implements badger.Logger.
func (l logger) Warningf(f string, a ...any) { l.log.Warn("badger warning", "text", text(f, a)) }

// Infof implements badger.Logger.
func (l logger) Infof(f string, a ...any) { l.log.Debug("badger", "text", text(f, a)) }

// Debugf implements badger.Logger.
func (l logger) Debugf(string, ...any) {}

func text(format string, args []any) string { return strings.TrimSpace(fmt.Sprintf(format, args...)) }
