package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Sum names a blob by the SHA-256 of its bytes.
type Sum [sha256.Size]byte

// String is the sum in hex.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads what String gave.
func ParseSum(s string) (Sum, error) {
	var sum Sum
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) {
		return sum, fmt.Errorf("%q is not the SHA-256 of a blob", s)
	}
	copy(sum[:], b)
	return sum, nil
}

// Blobs keeps large values, such as attachments, beside the store: immutable, named by their hash, shared by all
// scopes, counted per scope. It is safe for concurrent use.
type Blobs struct {
	shelf shelf
	store *Store

	mu    sync.Mutex
	idle  map[Sum]time.Time // since when the sweeper has seen no reference to it
	holds int               // backups under way: nothing is removed

	promises promises
	// dropped is purge: what is committed is done, whoever waits for it.
	dropped func(Sum) error
}

// promises counts, of each blob, for how many who have put it there is no reference yet. What a restart forgets had no transaction any
// more that could make one.
type promises struct {
	mu  sync.Mutex
	all map[Sum]int
}

func (p *promises) made(sum Sum) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all == nil {
		p.all = map[Sum]int{}
	}
	p.all[sum]++
}

func (p *promises) kept(sum Sum) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.all[sum]--; p.all[sum] <= 0 {
		delete(p.all, sum)
	}
}

func (p *promises) open(sum Sum) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all[sum] > 0
}

func (p *promises) forget(sum Sum) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.all, sum)
}

// shelf is where blobs lie: a folder, or memory.
type shelf interface {
	// put keeps what r yields under the name of its hash, and makes a blob that is there already young again. It calls named
	// before anybody else sees the blob.
	put(r io.Reader, named func(Sum)) (Sum, int64, error)
	// open returns ErrNotFound if the blob is not there.
	open(sum Sum) (io.ReadSeekCloser, error)
	// each calls fn with every blob and the time when it was last put.
	each(fn func(Sum, time.Time) error) error
	// remove drops a blob, unless it was put after before or somebody wants it. No put gets in between.
	remove(sum Sum, before time.Time, wanted func(Sum) bool) error
	// tidy removes what interrupted puts left before a time.
	tidy(before time.Time) error
}

// blobRef counts one scope's references to one blob.
type blobRef struct {
	Sum   []byte `cbor:"1,keyasint"`
	Count uint64 `cbor:"2,keyasint"`
}

// blobUse says, in the node's scope, that a scope has references to a blob.
type blobUse struct {
	Sum   []byte `cbor:"1,keyasint"`
	Scope string `cbor:"2,keyasint,omitempty"`
}

var (
	blobRefs = NewTable(Declaration[blobRef]{
		ID: 6, Name: "blob reference", Key: func(r *blobRef) Key { return Key(nil).Bytes(r.Sum) },
	})
	blobUses = NewTable(Declaration[blobUse]{
		ID: 7, Name: "blob use", Key: func(u *blobUse) Key { return Key(nil).Bytes(u.Sum).Str(u.Scope) },
	})
)

// useOf is the engine's key of the blobUse that belongs to the blobRef with an engine's key; nil for any other key.
func useOf(tx *Tx, key []byte) []byte {
	head := tx.key(blobRefs.d.ID, partRecord, nil, nil)
	if len(key) < len(head) || string(key[:len(head)]) != string(head) {
		return nil
	}
	return tx.in(Node()).key(blobUses.d.ID, partRecord, tx.tail(key), Key(nil).Str(tx.scope.id))
}

// Blobs is the store's room for large values.
func (s *Store) Blobs() *Blobs { return s.blobs }

// Put keeps what r yields, at most limit bytes (ErrTooLarge), and returns its name and size when it is on disk. It is
// removed after a day unless a reference is made to it. ErrReadOnly: the disk is full; nothing of it is left there.
func (b *Blobs) Put(ctx context.Context, r io.Reader, limit int64) (Sum, int64, error) {
	if err := b.store.Health(); err != nil {
		return Sum{}, 0, fmt.Errorf("put blob: %w", err)
	}
	sum, size, err := b.shelf.put(&boundedReader{ctx: ctx, r: r, left: limit}, b.promises.made)
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		b.store.log.ErrorContext(ctx, "the disk is full: a file can't be kept", slog.Any("error", err))
		return Sum{}, 0, fmt.Errorf("put blob: %w: %w", ErrReadOnly, err)
	case err != nil:
		return Sum{}, 0, fmt.Errorf("put blob: %w", err)
	}
	return sum, size, nil
}

// Release takes back what a Put was for, where no reference will be made: a blob that nobody else has or wants is removed at once.
func (b *Blobs) Release(sum Sum) error {
	b.promises.kept(sum)
	return b.dropped(sum)
}

// boundedReader ends with ErrTooLarge behind its last byte, or when its context ends.
type boundedReader struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

// Read reads at most one byte more than is left, to see whether there is one.
func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}

// Open returns a blob's bytes after it has made sure that they are what was put, or ErrNotFound, or ErrCorrupt. The
// caller closes it.
func (b *Blobs) Open(ctx context.Context, sum Sum) (io.ReadSeekCloser, error) {
	f, err := b.shelf.open(sum)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", sum, err)
	}
	h := sha256.New()
	_, err = io.Copy(h, contextReader{ctx, f})
	if err == nil && Sum(h.Sum(nil)) != sum {
		err = ErrCorrupt
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("blob %s: %w", sum, err), f.Close())
	}
	return f, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// Read reads on while the context lives.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// Ref counts one more reference from the transaction's scope. The blob must have been Put within the last hours, or have
// another reference.
func (b *Blobs) Ref(tx *Tx, sum Sum) error {
	ref, err := blobRefs.Get(tx, Key(nil).Bytes(sum[:]))
	if errors.Is(err, ErrNotFound) {
		ref, err = blobRef{Sum: sum[:]}, blobUses.Put(tx.in(Node()), &blobUse{Sum: sum[:], Scope: tx.scope.id})
	}
	if err != nil {
		return err
	}
	ref.Count++
	tx.OnCommit(func() { b.promises.kept(sum) })
	return blobRefs.Put(tx, &ref)
}

// Unref counts one reference less; a blob without any is removed after a day. ErrNotFound: the scope has none.
func (b *Blobs) Unref(tx *Tx, sum Sum) error {
	ref, err := blobRefs.Get(tx, Key(nil).Bytes(sum[:]))
	if err != nil {
		return err
	}
	if ref.Count--; ref.Count > 0 {
		return blobRefs.Put(tx, &ref)
	}
	use := blobUse{Sum: sum[:], Scope: tx.scope.id}
	if err := blobUses.Delete(tx.in(Node()), blobUses.d.Key(&use)); err != nil {
		return err
	}
	return blobRefs.Delete(tx, Key(nil).Bytes(sum[:]))
}

// Drop is Unref for what has to be gone: a blob that nobody has a reference to any more is removed as soon as the transaction is
// committed, if nobody is about to make one; else, or after a crash, as Unref says.
func (b *Blobs) Drop(tx *Tx, sum Sum) error {
	if err := b.Unref(tx, sum); err != nil {
		return err
	}
	tx.OnCommit(func() {
		if err := b.dropped(sum); err != nil {
			b.store.log.Warn("a blob without a reference stays for a day", slog.String("blob", sum.String()), slog.Any("error", err))
		}
	})
	return nil
}

// purge removes a blob at once that has no reference, and is promised none.
func (b *Blobs) purge(sum Sum) error {
	before := time.Now() // who puts it from now on makes it young again
	if b.promises.open(sum) {
		return nil
	}
	used, err := b.used(context.Background(), sum)
	if err != nil || used {
		return err
	}
	return b.remove(sum, before, b.promises.open)
}

// hold keeps the sweeper from removing anything until the returned function is called.
func (b *Blobs) hold() (release func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.holds++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.holds--
	}
}

// blobGrace is how long a blob without a reference is kept.
const blobGrace = 24 * time.Hour

// sweep removes the blobs that have had no reference for blobGrace, as far as this process has seen it.
func (b *Blobs) sweep(ctx context.Context, now time.Time) error {
	before := now.Add(-blobGrace)
	if err := b.shelf.tidy(before); err != nil {
		return err
	}
	var removed int
	seen := map[Sum]time.Time{}
	err := b.shelf.each(func(sum Sum, put time.Time) error {
		used, err := b.used(ctx, sum)
		if err != nil || used {
			return err
		}
		since, known := b.idle[sum]
		if !known {
			since = now
		}
		if put.After(before) || since.After(before) {
			seen[sum] = since
			return nil
		}
		removed++
		b.promises.forget(sum) // of a day ago
		return b.remove(sum, before, func(Sum) bool { return false })
	})
	b.idle = seen
	if removed > 0 {
		b.store.log.InfoContext(ctx, "blobs without a reference removed", slog.Int("blobs", removed))
	}
	return err
}

// Orphans counts the blobs that nothing refers to. What was written just now and is about to be referred to is among them.
func (b *Blobs) Orphans(ctx context.Context) (n int64, err error) {
	err = b.shelf.each(func(sum Sum, _ time.Time) error {
		used, err := b.used(ctx, sum)
		if err == nil && !used {
			n++
		}
		return err
	})
	return n, err
}

func (b *Blobs) remove(sum Sum, before time.Time, wanted func(Sum) bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.holds > 0 {
		return nil
	}
	return b.shelf.remove(sum, before, wanted)
}

// used says whether some scope has a reference.
func (b *Blobs) used(ctx context.Context, sum Sum) (used bool, err error) {
	err = b.store.View(ctx, Node(), func(tx *Tx) error {
		for _, err := range blobUses.Keys(tx, Range{Prefix: Key(nil).Bytes(sum[:]), Limit: 1}) {
			used = true
			return err
		}
		return nil
	})
	return used, err
}
