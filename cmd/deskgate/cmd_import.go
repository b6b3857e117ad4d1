package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"
	"github.com/spf13/cobra"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// importPath is where the admin socket takes the file of an import.
const importPath = "/import"

// importDocument says how far an import is.
type importDocument struct {
	ID     string `json:"id"`
	Tenant string `json:"tenant"`
	Format string `json:"format"`
	// Encoding is how the file's text is written, once that was found out.
	Encoding string `json:"encoding,omitempty"`
	State    string `json:"state"` // checking, checked, running, done or failed
	// Items is how many tickets and comments the file has, Place how many of them are behind us.
	Items    uint64 `json:"items"`
	Place    uint64 `json:"place"`
	Tickets  uint64 `json:"tickets"`
	Comments uint64 `json:"comments"`
	Files    uint64 `json:"files"`
	Skipped  uint64 `json:"skipped"`
	// Problems are the first of what is wrong with the file; there are ProblemCount.
	Problems     []importProblem `json:"problems"`
	ProblemCount uint64          `json:"problem_count"`
	Why          string          `json:"why,omitempty"`
}

type importProblem struct {
	Line    uint64 `json:"line"`
	Field   string `json:"field,omitempty"`
	Problem string `json:"problem"`
	LeftOut bool   `json:"left_out"`
}

type oneImport struct {
	Import importDocument `json:"import"`
}

// importStep asks about an import, or has it go on.
type importStep struct {
	Slug string `json:"slug"`
	ID   string `json:"id"`
	// Do is "", "start" or "remove".
	Do    string `json:"do,omitempty"`
	Tells bool   `json:"tells,omitempty"`
}

var stepImport = action[importStep, oneImport]{"import.step", (*operator).stepImport}

// importProblems is how many problems of an import are shown.
const importProblems = 100

// beginImport has a file checked. The same file goes on where an import of it was left.
func (o *operator) beginImport(ctx context.Context, slug, name string, r io.Reader) (oneImport, error) {
	t, err := o.find(ctx, slug)
	if err != nil {
		return oneImport{}, err
	}
	j, err := o.transfers.Begin(ctx, t, tickets.System("operator"), name, r)
	if err != nil {
		return oneImport{}, err
	}
	all, err := o.transfers.Jobs(ctx, t)
	if err != nil {
		return oneImport{}, err
	}
	for i := range all {
		old := &all[i]
		if old.ID == j.ID || !bytes.Equal(old.Sum, j.Sum) || !old.Active() && old.State != transfer.Checked {
			continue
		}
		if err := o.transfers.Remove(ctx, t, j.ID); err != nil {
			return oneImport{}, err
		}
		return o.stepImport(ctx, importStep{Slug: slug, ID: old.ID})
	}
	err = o.tenants.Log(ctx, t.ID, tenant.Event{Actor: byOperator, Action: "import.checked", Object: j.ID, Detail: j.Name})
	if err != nil {
		return oneImport{}, err
	}
	return o.stepImport(ctx, importStep{Slug: slug, ID: j.ID})
}

func (o *operator) stepImport(ctx context.Context, q importStep) (oneImport, error) {
	t, err := o.find(ctx, q.Slug)
	if err != nil {
		return oneImport{}, err
	}
	switch q.Do {
	case "start":
		err = o.transfers.Start(ctx, t, q.ID, q.Tells)
	case "remove":
		err = o.transfers.Remove(ctx, t, q.ID)
	}
	if err == nil && q.Do != "" {
		done := map[string]string{"start": "import.started", "remove": "import.removed"}[q.Do]
		err = o.tenants.Log(ctx, t.ID, tenant.Event{Actor: byOperator, Action: done, Object: q.ID})
	}
	if err != nil || q.Do == "remove" {
		return oneImport{}, err
	}
	j, problems, err := o.transfers.Job(ctx, t, q.ID, importProblems)
	return oneImport{documentImport(t.Slug, &j, problems)}, err
}

func documentImport(slug string, j *transfer.Job, problems []transfer.Problem) importDocument {
	d := importDocument{
		ID: j.ID, Tenant: slug, Format: string(j.Format), Encoding: string(j.Encoding), State: string(j.State), Items: j.Items, Place: j.Place,
		Tickets: j.Tickets, Comments: j.Comments, Files: j.Files, Skipped: j.Skipped, Problems: []importProblem{}, ProblemCount: j.Problems, Why: j.Why,
	}
	for _, p := range problems {
		d.Problems = append(d.Problems, importProblem{Line: p.Line, Field: p.Field, Problem: p.Text, LeftOut: p.Skips})
	}
	return d
}

// importBegun takes the file of an import over the admin socket.
func (a *admin) importBegun(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	answer, err := a.operator.beginImport(r.Context(), q.Get("slug"), q.Get("name"), r.Body)
	a.reply(w, importPath, answer, err)
}

// importer is where an import runs: in the running node, or here.
type importer struct {
	begin func(ctx context.Context, name string, r io.Reader) (oneImport, error)
	step  func(ctx context.Context, q importStep) (oneImport, error)
}

// wish is what was asked of an import.
type wish struct {
	slug, name, format string
	dry, tells         bool
}

func (p *program) tenantImport() *cobra.Command {
	var in wish
	c := p.leaf(lesson{
		use: "import SLUG FILE|-", short: "bring tickets from a CSV, JSON or export file into a tenant, while the node goes on",
		long: `Reads FILE, says what is wrong with which line, and brings its tickets, comments and files into the tenant. Nobody is mailed.
A CSV has a line of names first: title and description are needed; subject, body, email, id and others are understood. JSON is one
array of tickets, or one ticket a line. A zip is what tenant export writes.

First comes the check: --dry-run ends after it, and changes nothing. An import that was interrupted goes on where it was, in the node or
with the same command, and brings nothing twice: tickets of an export are known by their id, others by their external_id. Lines that
can't be taken are left out; the exit code is 1 if there are none left, or the file can't be read.`,
		example: "tenant import acme old-desk.csv --dry-run\ntenant import acme old-desk.csv\ntenant import acme - < tickets.jsonl",
	}, func(ctx context.Context, args []string) error {
		in.slug, in.name = args[0], args[1]
		if in.format != "" && in.format != "csv" && in.format != "json" {
			return &usageError{"deskgate tenant import", "--format is csv or json"}
		}
		return p.runImport(ctx, in)
	})
	c.Flags().BoolVar(&in.dry, "dry-run", false, "check the file and change nothing")
	c.Flags().StringVar(&in.format, "format", "", "`FORMAT` that the file must have: csv or json (what it is, if none)")
	c.Flags().BoolVar(&in.tells, "tell", false, "tell webhooks and the event log of each ticket")
	return c
}

func (p *program) runImport(ctx context.Context, in wish) error {
	file, name := p.in, "stdin"
	if in.name != "-" {
		f, err := os.Open(in.name)
		if err != nil {
			return err
		}
		defer f.Close()
		file, name = f, filepath.Base(in.name)
	}
	s, err := p.forCommand()
	if err != nil {
		return err
	}
	var a oneImport
	err = p.reach(ctx, s, reaching{
		node: func(c *http.Client) error {
			a, err = p.follow(ctx, in, name, file, importer{
				begin: func(ctx context.Context, name string, r io.Reader) (oneImport, error) {
					return beginOverSocket(ctx, c, in.slug, name, r)
				},
				step: func(ctx context.Context, q importStep) (oneImport, error) {
					return overSocket[importStep, oneImport](ctx, c, stepImport.path(), q)
				},
			})
			return err
		},
		alone: func(o *operator) error {
			a, err = p.importAlone(ctx, o, in, name, file)
			return err
		},
	})
	if err != nil {
		return err
	}
	if a.Import.State == string(transfer.Failed) {
		return &failure{Code: codeInvalid, Message: "The file can't be imported.", Details: a.Import.Why}
	}
	return p.answer(a, func(b *bytes.Buffer) { a.Import.people(b, in.dry) })
}

// importAlone imports without a node: the command works on the import itself, until it is done or interrupted.
func (p *program) importAlone(ctx context.Context, o *operator, in wish, name string, file io.Reader) (oneImport, error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- o.transfers.Run(ctx) }()
	a, err := p.follow(ctx, in, name, file, importer{
		begin: func(ctx context.Context, name string, r io.Reader) (oneImport, error) {
			return o.beginImport(ctx, in.slug, name, r)
		},
		step: o.stepImport,
	})
	stop()
	return a, cmp.Or(err, <-ended)
}

func beginOverSocket(ctx context.Context, c *http.Client, slug, name string, r io.Reader) (oneImport, error) {
	at := adminURL + importPath + "?" + url.Values{"slug": {slug}, "name": {name}}.Encode()
	return posted[oneImport](ctx, c, at, "application/octet-stream", r)
}

// importLook is how often the command asks how far an import is.
const importLook = 200 * time.Millisecond

// follow has a file checked and, unless that is all, imported, and says on a terminal how far that is.
func (p *program) follow(ctx context.Context, in wish, name string, file io.Reader, at importer) (oneImport, error) {
	a, err := at.begin(ctx, name, file)
	if err != nil {
		return a, err
	}
	look := importStep{Slug: in.slug, ID: a.Import.ID}
	if a, err = p.await(ctx, a, look, at); err != nil || a.Import.State != string(transfer.Checked) {
		return a, err
	}
	remove := look
	remove.Do = "remove"
	if in.format != "" && !strings.HasPrefix(a.Import.Format, in.format) {
		_, err := at.step(ctx, remove)
		if err == nil {
			err = &failure{Code: codeInvalid, Message: "The file can't be imported.", Details: fmt.Sprintf("it is %s, and not %s", a.Import.Format, in.format)}
		}
		return a, err
	}
	if in.dry {
		_, err := at.step(ctx, remove)
		return a, err
	}
	start := look
	start.Do, start.Tells = "start", in.tells
	if a, err = at.step(ctx, start); err != nil {
		return a, err
	}
	return p.await(ctx, a, look, at)
}

// await asks until the import has come to an end, or waits for us.
func (p *program) await(ctx context.Context, a oneImport, look importStep, at importer) (oneImport, error) {
	tick := time.NewTicker(importLook)
	defer tick.Stop()
	show := p.meter("").to
	for a.Import.State == string(transfer.Checking) || a.Import.State == string(transfer.Running) {
		if show != nil {
			_, _ = fmt.Fprintf(show, "\r%s: %d of %d ", a.Import.State, a.Import.Place, a.Import.Items)
		}
		select {
		case <-ctx.Done():
			return a, ctx.Err()
		case <-tick.C:
		}
		var err error
		if a, err = at.step(ctx, look); err != nil {
			return a, err
		}
	}
	if show != nil {
		_, _ = fmt.Fprintf(show, "\r%s: %d of %d \n", a.Import.State, a.Import.Items, a.Import.Items)
	}
	return a, nil
}

// people says what came of an import.
func (d *importDocument) people(b *bytes.Buffer, dry bool) {
	verb := "Imported"
	if dry {
		verb = "Nothing was changed. The file has"
	}
	fmt.Fprintf(b, "%s %s, %s and %s; %s left out.\n", verb, english.Plural(int(d.Tickets), "ticket", ""), english.Plural(int(d.Comments), "comment", ""),
		english.Plural(int(d.Files), "file", ""), english.Plural(int(d.Skipped), "line is", "lines are"))
	if len(d.Problems) == 0 {
		return
	}
	rows := [][]string{}
	for _, p := range d.Problems {
		what := "taken without it"
		if p.LeftOut {
			what = "left out"
		}
		rows = append(rows, []string{strconv.FormatUint(p.Line, 10), orDash(p.Field), p.Problem, what})
	}
	table(b, "", []string{"LINE", "FIELD", "PROBLEM", ""}, rows)
	if more := int(d.ProblemCount) - len(d.Problems); more > 0 {
		fmt.Fprintf(b, "\nand %s.\n", english.Plural(more, "more problem", ""))
	}
}
