package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
)

// exportPath is where the admin socket gives a tenant's export as one stream.
const exportPath = "/export"

// exportDocument says what an export of a tenant became.
type exportDocument struct {
	Tenant string `json:"tenant"`
	File   string `json:"file"`
	Size   int64  `json:"size"`
}

type oneExport struct {
	Export exportDocument `json:"export"`
}

func (p *program) tenantExport() *cobra.Command {
	return p.leaf(lesson{
		use: "export SLUG FILE|-", short: "write everything of a tenant to one zip, while the node goes on",
		long: `Writes settings without secrets, users, staff, categories, canned replies, views, rules, the audit log, and all tickets with
their comments, histories and files to one zip. FILE has its name only when the export is whole; its mode is 0600. Another tenant
can import it in the console (Settings, Import and export).`,
		example: "tenant export acme /var/backups/acme.zip\ntenant export acme - > acme.zip",
	}, func(ctx context.Context, args []string) error {
		slug, name := args[0], args[1]
		if name == "-" {
			if p.asJSON {
				return &usageError{"deskgate tenant export", "tenant export - and --json both want stdout"}
			}
			return p.export(ctx, slug, p.out)
		}
		size, err := p.exportTo(ctx, slug, name)
		if err != nil {
			return err
		}
		return p.answer(oneExport{exportDocument{Tenant: slug, File: name, Size: size}}, func(b *bytes.Buffer) {
			fmt.Fprintf(b, "%s holds everything of %s (%s).\n", name, slug, sizeWord(size))
		})
	})
}

// exportTo writes an export to a temporary file, and gives it its name when it is whole and on disk.
func (p *program) exportTo(ctx context.Context, slug, name string) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return 0, err
	}
	err = p.export(ctx, slug, f)
	size, seekErr := f.Seek(0, io.SeekCurrent)
	if err = errors.Join(err, seekErr, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return 0, errors.Join(err, os.Remove(f.Name()))
	}
	return size, nil
}

func (p *program) export(ctx context.Context, slug string, w io.Writer) error {
	s, err := p.forCommand()
	if err != nil {
		return err
	}
	meter := p.meter("written")
	defer meter.end()
	w = io.MultiWriter(w, meter)
	return p.reach(ctx, s, reaching{
		node:  func(c *http.Client) error { return exportOverSocket(ctx, c, slug, w) },
		alone: func(o *operator) error { return o.export(ctx, slug, w) },
	})
}

// export writes a tenant's export, and says so in its audit log.
func (o *operator) export(ctx context.Context, slug string, w io.Writer) error {
	t, err := o.find(ctx, slug)
	if err != nil {
		return err
	}
	if err := o.tenants.Log(ctx, t.ID, tenant.Event{Actor: byOperator, Action: "tenant.exported", Object: t.Slug}); err != nil {
		return err
	}
	return o.transfers.Export(ctx, t, w)
}

func exportOverSocket(ctx context.Context, c *http.Client, slug string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, adminURL+exportPath+"?slug="+url.QueryEscape(slug), nil)
	if err != nil {
		return err
	}
	res, err := c.Do(req)
	if err != nil {
		return fmt.Errorf("ask the running node: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return failureFrom(res)
	}
	if _, err := io.Copy(w, res.Body); err != nil {
		return fmt.Errorf("the running node stopped in the middle of the export: %w", err)
	}
	if text := res.Trailer.Get(trailerFailure); text != "" {
		f := &failure{}
		return errors.Join(json.Unmarshal([]byte(text), f), f)
	}
	return nil
}

// export streams a tenant's export and tells in a trailer if it failed.
func (a *admin) export(w http.ResponseWriter, r *http.Request) {
	slug := r.URL.Query().Get("slug")
	if _, err := a.operator.find(r.Context(), slug); err != nil {
		a.reply(w, exportPath, nil, err)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Trailer", trailerFailure)
	err := a.operator.export(r.Context(), slug, w)
	if err == nil {
		return
	}
	a.log.ErrorContext(r.Context(), "the export failed", "tenant", slug, "error", err)
	b, err := json.Marshal(describe(err))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set(trailerFailure, string(b))
}
