package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/proxy/ca"
	"github.com/deskgate/deskgate/storage"
)

// backupPath is where the admin socket gives a backup as one stream.
const backupPath = "/backup"

// Trailers of that stream: one of them tells how it ended.
const (
	trailerManifest = "Deskgate-Manifest"
	trailerFailure  = "Deskgate-Failure"
)

// backupDocument says what a backup holds.
type backupDocument struct {
	File string `json:"file"`
	Size int64  `json:"size"`
	storage.Manifest
}

type oneBackup struct {
	Backup backupDocument `json:"backup"`
}

type restored struct {
	Restored storage.Manifest `json:"restored"`
	// Root is the root of the node's own CA that signs in what was restored, absent if it has none.
	Root *rootDocument `json:"root,omitempty"`
}

func sizeWord(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

func (p *program) backupCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "backup FILE|-", short: "write everything that the node keeps to one file, while it goes on",
		long: `Writes one snapshot of everything that the node keeps to FILE, or to stdout if that is -. The node goes on meanwhile.
FILE has its name only when the backup is whole; its mode is 0600.

What is secret stays sealed with the master key, DATA/master.key, which is not in the backup. Keep a copy of that file in
another place: without it the backup can't be restored.`,
		example: "backup /var/backups/deskgate.backup\nbackup - | ssh vault 'cat > deskgate.backup'",
	}, func(ctx context.Context, args []string) error {
		if args[0] == "-" {
			if p.asJSON {
				return &usageError{"deskgate backup", "backup - and --json both want stdout"}
			}
			_, err := p.backup(ctx, p.out)
			return err
		}
		a, err := p.backupTo(ctx, args[0])
		if err != nil {
			return err
		}
		return p.answer(oneBackup{a}, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "%s holds %d records and %d files (%s).\n", a.File, a.Records, a.Blobs, sizeWord(a.Size))
			if a.Damaged > 0 || a.LostBlobs > 0 {
				fmt.Fprintf(b, "%d records and %d files are damaged: see deskgate check, and keep the backup before this one.\n", a.Damaged, a.LostBlobs)
			}
			fmt.Fprintf(b, "It needs the master key %s to be restored: keep a copy of that elsewhere.\n", a.MasterKey)
		})
	})
}

// backupTo writes a backup to a temporary file, and gives it its name when it is whole and on disk.
func (p *program) backupTo(ctx context.Context, file string) (backupDocument, error) {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return backupDocument{}, err
	}
	m, err := p.backup(ctx, f)
	size, seekErr := f.Seek(0, io.SeekCurrent)
	err = errors.Join(err, seekErr, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return backupDocument{}, errors.Join(err, os.Remove(f.Name()))
	}
	return backupDocument{File: file, Size: size, Manifest: m}, nil
}

// backup writes a backup to w, from the running node or from the data folder.
func (p *program) backup(ctx context.Context, w io.Writer) (m storage.Manifest, err error) {
	s, err := p.forCommand()
	if err != nil {
		return m, err
	}
	meter := p.meter("written")
	defer meter.end()
	w = io.MultiWriter(w, meter)
	err = p.reach(ctx, s, reaching{
		node: func(c *http.Client) error {
			m, err = backupOverSocket(ctx, c, w)
			return err
		},
		alone: func(o *operator) error {
			if m, err = o.store.Backup(ctx, w, nil); err == nil {
				noteBackup(s.data)
			}
			return err
		},
		storeOnly: true,
	})
	return m, err
}

func backupOverSocket(ctx context.Context, c *http.Client, w io.Writer) (m storage.Manifest, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, adminURL+backupPath, nil)
	if err != nil {
		return m, err
	}
	res, err := c.Do(req)
	if err != nil {
		return m, fmt.Errorf("ask the running node: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return m, failureFrom(res)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return m, fmt.Errorf("the running node stopped in the middle of the backup: %w", err)
	}
	if text := res.Trailer.Get(trailerFailure); text != "" {
		f := &failure{}
		return m, errors.Join(json.Unmarshal([]byte(text), f), f)
	}
	return m, json.Unmarshal([]byte(res.Trailer.Get(trailerManifest)), &m)
}

// backup streams a backup and tells in a trailer how it went.
func (a *admin) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Trailer", trailerManifest+", "+trailerFailure)
	m, err := a.operator.store.Backup(r.Context(), w, nil)
	name, doc := trailerManifest, any(m)
	if err == nil {
		noteBackup(a.operator.data)
	} else {
		a.log.ErrorContext(r.Context(), "the backup failed", "error", err)
		name, doc = trailerFailure, describe(err)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set(name, string(b))
}

func (p *program) restoreCommand() *cobra.Command {
	return p.leaf(lesson{
		use: "restore FILE|-", short: "make a data folder from a backup",
		long: `Makes the data folder from a backup: FILE, or stdin if that is -. No node may run on it, and nothing may be in it but
master.key, the key that the backup was made with (or give that as DESKGATE_MASTER_KEY). A backup that is cut off or damaged
leaves nothing behind.`,
		example: "restore /var/backups/deskgate.backup --data /var/lib/deskgate\nrestore - --data ./data < deskgate.backup",
	}, func(ctx context.Context, args []string) error {
		m, err := p.restore(ctx, args[0])
		if err != nil {
			return err
		}
		root, err := p.restoredRoot(ctx)
		if err != nil {
			return err
		}
		return p.answer(restored{m, root}, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "Restored %d records and %d files as they were at %s.\n", m.Records, m.Blobs, m.Created.UTC().Format(time.DateTime+" MST"))
			if root != nil {
				fmt.Fprintf(b, "The node's own CA is that of the backup, too: %s signs (%s).\n", root.Subject, root.Fingerprint)
				fmt.Fprintf(b, "If it was rotated later, install `deskgate ca` on all clients again: they know that root no more, or not for long.\n")
			}
			fmt.Fprintf(b, "Next: deskgate check, then deskgate serve.\n")
		})
	})
}

func (p *program) restore(ctx context.Context, file string) (m storage.Manifest, err error) {
	s, err := p.forCommand()
	if err != nil {
		return m, err
	}
	if conn, err := dialAdmin(ctx, s.data); err == nil {
		return m, errors.Join(conn.Close(), &failure{
			Code: codeLocked, Message: "A node runs on this data folder.",
			Details: "a node runs on " + s.data + ": stop it, and restore into an empty folder",
		})
	}
	in := p.in
	if file != "-" {
		f, err := os.Open(file) //nolint:gosec // the operator names the file
		if err != nil {
			return m, err
		}
		defer f.Close()
		in = f
	}
	meter := p.meter("read")
	defer meter.end()
	m, err = storage.Restore(ctx, s.storeOptions(nil), io.TeeReader(in, meter), nil)
	if errors.Is(err, storage.ErrCorrupt) {
		return m, &failure{Code: codeDamaged, Message: "The backup is damaged.", Details: err.Error() + ": take another one"}
	}
	return m, err
}

// restoredRoot is the root that signs in the data folder, nil if there is none.
func (p *program) restoredRoot(ctx context.Context) (*rootDocument, error) {
	s, err := p.forCommand()
	if err != nil {
		return nil, err
	}
	o, err := openStore(ctx, s, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	root, err := ca.New(o.store).Signs(ctx)
	if err = errors.Join(err, o.store.Close()); errors.Is(err, storage.ErrNotFound) {
		return nil, nil //nolint:nilnil // a node without a CA of its own
	}
	return &rootDocuments([]ca.Root{root}).Roots[0], err
}

// meter counts bytes, and tells people on a terminal how many they are.
type meter struct {
	to   io.Writer // nil: nobody looks
	verb string
	n    int64
	told time.Time
}

const meterInterval = 200 * time.Millisecond

func (p *program) meter(verb string) *meter {
	m := &meter{verb: verb}
	if f, ok := p.errs.(*os.File); ok && !p.asJSON {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			m.to = f
		}
	}
	return m
}

// Write counts b.
func (m *meter) Write(b []byte) (int, error) {
	m.n += int64(len(b))
	if m.to != nil && time.Since(m.told) > meterInterval {
		m.told = time.Now()
		_, _ = fmt.Fprintf(m.to, "\r%s %s ", sizeWord(m.n), m.verb)
	}
	return len(b), nil
}

func (m *meter) end() {
	if m.to != nil {
		_, _ = fmt.Fprintf(m.to, "\r%s %s\n", sizeWord(m.n), m.verb)
	}
}
