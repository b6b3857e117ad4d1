package transfer

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tenant/erasure"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// errGone: the import was removed meanwhile.
var errGone = errors.New("the import was removed")

// pass goes through the file of an import once: to check it, or to write what is in it.
type pass struct {
	transfers *Transfers
	tenant    *tenant.Tenant
	job       Job
	file      *opened
	by        tickets.Actor
	team      map[string]tickets.Person
	names     map[string]string // categories' IDs by name and slug, in lower case
	seen      map[string]uint64 // in which line a check has seen an external ID
	entries   map[string]*zip.File
	ids       map[string]bool // of tickets that a check has passed
	out       bool            // a check has left the last ticket out, and so its comments
	saved     time.Time
	pending   []Problem // of a check, not written yet
}

// mostSeen bounds what a check remembers.
const mostSeen = 200_000

func (t *Transfers) pass(ctx context.Context, tn *tenant.Tenant, j *Job) (*pass, error) {
	p := &pass{transfers: t, tenant: tn, job: *j, by: actorOf(j.By), seen: map[string]uint64{}, ids: map[string]bool{}}
	var err error
	if p.team, err = t.team(ctx, tn); err != nil {
		return nil, err
	}
	all, err := t.config.Desk.Categories(ctx, tn, p.by)
	if err != nil {
		return nil, err
	}
	p.names = map[string]string{}
	for _, c := range all {
		p.names[strings.ToLower(c.Slug)] = c.ID
		p.names[strings.ToLower(c.Name)] = c.ID
	}
	content, err := t.config.Store.Blobs().Open(ctx, storage.Sum(j.Sum))
	if err != nil {
		return nil, err
	}
	if p.file, err = open(content, j.Size, j.Encoding); err != nil {
		return nil, errors.Join(err, p.file.close())
	}
	return p, nil
}

// run goes through the items that are not behind the import yet.
func (p *pass) run(ctx context.Context) error {
	if p.job.State == Checking { // it begins anew: nothing was written
		if err := p.transfers.forgetProblems(ctx, p.tenant, p.job.ID); err != nil {
			return err
		}
		p.job.Items, p.job.Place, p.job.Tickets, p.job.Comments, p.job.Files, p.job.Skipped, p.job.Problems = 0, 0, 0, 0, 0, 0, 0
		p.job.Format, p.job.Encoding, p.job.Columns, p.job.Sample = p.file.format, p.file.encoding, p.file.columns, nil
	}
	for n := uint64(0); ; n++ {
		it, err := p.file.next()
		if errors.Is(err, io.EOF) {
			return p.finish(ctx)
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if n < p.job.Place {
			continue
		}
		if p.job.State == Checking {
			err = p.check(ctx, &it)
		} else {
			err = p.write(ctx, &it)
		}
		if err != nil {
			return err
		}
	}
}

func (p *pass) finish(ctx context.Context) error {
	if p.job.State == Running {
		return p.transfers.end(ctx, p.tenant, p.job.ID, Done, "")
	}
	p.job.State = Checked
	if p.job.Tickets == 0 {
		return &unreadable{"No ticket of this file can be imported: they are here already, or have problems."}
	}
	return p.save(ctx)
}

// save writes how far a check is, with the problems that it found.
func (p *pass) save(ctx context.Context) error {
	p.saved = time.Now()
	for len(p.pending) > 0 {
		const some = 500
		part := p.pending[:min(some, len(p.pending))]
		err := p.transfers.config.Store.Update(ctx, p.tenant.Scope(), func(tx *storage.Tx) error {
			for _, one := range part {
				if err := problemTable.Put(tx, &one); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		p.pending = p.pending[len(part):]
	}
	return p.transfers.config.Store.Update(ctx, p.tenant.Scope(), func(tx *storage.Tx) error {
		if _, err := loadJob(tx, p.job.ID); errors.Is(err, ErrNotFound) {
			return errGone
		} else if err != nil {
			return err
		}
		return jobTable.Put(tx, &p.job)
	})
}

// found notes a problem of a check.
func (p *pass) found(line uint64, field, text string, skips bool) {
	if p.job.Problems++; p.job.Problems <= maxProblems {
		p.pending = append(p.pending, Problem{JobID: p.job.ID, Seq: p.job.Problems, Line: line, Field: field, Text: text, Skips: skips})
	}
}

// check looks at one item without writing it.
func (p *pass) check(ctx context.Context, it *item) error {
	problems, err := p.examine(ctx, it)
	if err != nil {
		return err
	}
	again, err := p.again(ctx, it)
	if err != nil {
		return err
	}
	skips := it.comment != nil && p.out
	for _, one := range append(problems, again...) {
		skips = skips || one.Skips
		p.found(it.line, one.Field, one.Text, one.Skips)
	}
	if it.comment == nil {
		p.out = skips
	}
	p.job.Items++
	switch {
	case skips:
		p.job.Skipped++
	case it.ticket != nil:
		p.job.Tickets++
		p.job.Files += p.count(it.ticket.Attachments)
	case it.comment != nil:
		p.job.Comments++
		p.job.Files += p.count(it.comment.Attachments)
	}
	const samples = 5
	if it.ticket != nil && len(p.job.Sample) < samples {
		p.job.Sample = append(p.job.Sample, sampleOf(it.ticket))
	}
	if time.Since(p.saved) > time.Second {
		return p.save(ctx)
	}
	return nil
}

// again says that a ticket stands in the file twice, or was imported before: writing it, put finds out.
func (p *pass) again(ctx context.Context, it *item) ([]Problem, error) {
	if it.ticket == nil || it.ticket.ID == "" {
		return nil, nil
	}
	known := p.ids[it.ticket.ID]
	if len(p.ids) < mostSeen {
		p.ids[it.ticket.ID] = true
	}
	if !known {
		err := p.transfers.config.Store.View(ctx, p.tenant.Scope(), func(tx *storage.Tx) (err error) {
			known, err = markTable.Has(tx, storage.Key(nil).Str(it.ticket.ID))
			return err
		})
		if err != nil || !known {
			return nil, err
		}
	}
	return []Problem{importedBefore(it)}, nil
}

// importedBefore leaves a ticket out.
func importedBefore(it *item) Problem {
	return Problem{Line: it.line, Field: "id", Text: "This ticket was imported before.", Skips: true}
}

// count is how many of the files can be taken, as far as the zip tells.
func (p *pass) count(all []attachmentLine) (n uint64) {
	for _, one := range all[:min(len(all), file.MaxPerMessage)] {
		entry := p.entry(one.Path)
		if entry != nil && entry.UncompressedSize64 > 0 && entry.UncompressedSize64 <= uint64(p.tenant.Settings.AttachmentLimit()) {
			n++
		}
	}
	return n
}

func sampleOf(l *ticketLine) Sample {
	const longest = 80
	cut := func(s string) string {
		if r := []rune(strings.ToValidUTF8(s, "\uFFFD")); len(r) > longest {
			return string(r[:longest]) + "…"
		}
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	s := Sample{Title: cut(l.Title), Status: cut(l.Status)}
	if l.Requester != nil {
		s.Requester = cut(l.Requester.Email)
	}
	if l.CreatedAt != nil {
		s.Created = stamp(*l.CreatedAt)
	}
	return s
}

// examine says what is wrong with an item.
func (p *pass) examine(ctx context.Context, it *item) ([]Problem, error) {
	switch {
	case it.problem != "":
		return []Problem{{Text: it.problem, Skips: true}}, nil
	case it.comment != nil:
		in := p.comment(it.comment)
		return append(problemsOf(in.Check()), p.missing(it.comment.Attachments)...), nil
	}
	l := it.ticket
	if l.DeletedAt != nil || l.MergedInto != "" {
		return []Problem{{Text: "This ticket was deleted, or merged into another: it is left out.", Skips: true}}, nil
	}
	in, problems := p.imported(l)
	problems = append(problems, problemsOf(in.Check())...)
	problems = append(problems, p.missing(l.Attachments)...)
	if l.ExternalID == "" || utf8.RuneCountInString(l.ExternalID) > tickets.MaxExternalID { // Check has said so
		return problems, nil
	}
	if line, twice := p.seen[l.ExternalID]; twice {
		text := fmt.Sprintf("The external id stands in line %d already.", line)
		return append(problems, Problem{Field: "external_id", Text: text, Skips: true}), nil
	}
	if len(p.seen) < mostSeen {
		p.seen[l.ExternalID] = it.line
	}
	known, err := p.transfers.config.Desk.KnowsExternalID(ctx, p.tenant, strings.TrimSpace(l.ExternalID))
	if known {
		problems = append(problems, Problem{Field: "external_id", Text: "There is a ticket with this external id already.", Skips: true})
	}
	return problems, err
}

// problemsOf are the sentences of a tenant.FieldErrors, each of which leaves the item out.
func problemsOf(err error) []Problem {
	wrong, ok := errors.AsType[tenant.FieldErrors](err)
	if !ok {
		return nil
	}
	var all []Problem
	for _, field := range slices.Sorted(maps.Keys(wrong)) {
		for _, text := range wrong[field] {
			all = append(all, Problem{Field: field, Text: text, Skips: true})
		}
	}
	return all
}

// imported is a ticket as the help desk takes it, with what does not fit.
func (p *pass) imported(l *ticketLine) (*tickets.Imported, []Problem) {
	in := &tickets.Imported{
		Title: l.Title, Description: l.Description, Status: tickets.Status(strings.ToLower(l.Status)),
		Priority: tickets.Priority(strings.ToLower(l.Priority)), Tags: l.Tags, CustomFields: l.CustomFields, ExternalID: l.ExternalID,
		CreatedAt: when(l.CreatedAt), UpdatedAt: when(l.UpdatedAt), FirstResponseAt: when(l.FirstResponse),
		ResolvedAt: when(l.ResolvedAt), ClosedAt: when(l.ClosedAt), Source: l.Source, Organization: l.Organization,
	}
	var problems []Problem
	if l.Category != "" {
		id, known := p.names[strings.ToLower(strings.TrimSpace(l.Category))]
		if in.CategoryID = id; !known {
			problems = append(problems, Problem{Field: "category", Text: "There is no category with this name: the ticket comes without one."})
		}
	}
	if a := l.Assignee; a != nil && a.Email != "" {
		who, known := p.team[strings.ToLower(strings.TrimSpace(a.Email))]
		if known {
			in.Assignee = &who
		} else {
			problems = append(problems, Problem{Field: "assignee", Text: "There is no agent with this address: the ticket comes unassigned."})
		}
	}
	return in, append(problems, p.ask(in, l)...)
}

// ask finds the requester.
func (p *pass) ask(in *tickets.Imported, l *ticketLine) []Problem {
	r := l.Requester
	if r == nil || *r == (personLine{}) {
		return nil
	}
	if in.Erased = r.Email == "" && r.ExternalID == "" && r.Name == erasure.Erased; in.Erased {
		in.Emptied = l.Erased
		return nil
	}
	if l.Assurance == string(tickets.Asserted) {
		in.Claimed = &tickets.Person{Email: r.Email, Name: r.Name}
		return nil
	}
	name := r.Name
	if name == "" {
		name, _, _ = strings.Cut(r.Email, "@")
	}
	var err error
	in.Ensure, err = p.transfers.config.Ensure(strings.TrimSpace(r.Email), name, r.ExternalID)
	var problems []Problem
	for _, one := range problemsOf(err) {
		one.Field = "requester." + one.Field
		problems = append(problems, one)
	}
	return problems
}

func (p *pass) comment(l *commentLine) *tickets.ImportedComment {
	author := tickets.Author{Name: strings.ToValidUTF8(l.Author.Name, "\uFFFD"), Email: strings.ToValidUTF8(l.Author.Email, "\uFFFD"), Role: l.Author.Role}
	if who, known := p.team[strings.ToLower(author.Email)]; known && author.Role != "requester" {
		author.ID = who.ID
	}
	return &tickets.ImportedComment{
		Body: l.Body, Visibility: tickets.Visibility(strings.ToLower(l.Visibility)), Author: author, CreatedAt: when(l.CreatedAt),
	}
}

// missing are the files that are not there.
func (p *pass) missing(all []attachmentLine) []Problem {
	var problems []Problem
	if len(all) > file.MaxPerMessage {
		problems = append(problems, Problem{Field: "attachments", Text: fmt.Sprintf("Only the first %d files are taken.", file.MaxPerMessage)})
		all = all[:file.MaxPerMessage]
	}
	for _, one := range all {
		if p.entry(one.Path) == nil {
			problems = append(problems, Problem{Field: "attachments", Text: "A file is not in the zip: it is left out."})
		}
	}
	return problems
}

// entry is a file in the zip, nil for none.
func (p *pass) entry(path string) *zip.File {
	if p.file.zip == nil || path == "" {
		return nil
	}
	if p.entries == nil {
		p.entries = make(map[string]*zip.File, len(p.file.zip.File))
		for _, f := range p.file.zip.File {
			p.entries[f.Name] = f
		}
	}
	return p.entries[path]
}
