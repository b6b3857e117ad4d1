package transfer

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// write imports one item, in one transaction with the place that the import has come to: what a crash interrupts was written as a
// whole, or was not, and is not written again.
func (p *pass) write(ctx context.Context, it *item) error {
	problems, err := p.examine(ctx, it)
	if err != nil {
		return err
	}
	for _, one := range problems {
		if one.Skips {
			return p.leaveOut(ctx, it, problems)
		}
	}
	loose, lost, err := p.fetch(ctx, it)
	if err != nil {
		return err
	}
	problems = append(problems, lost...)
	err = p.advance(ctx, it, problems, func(tx *storage.Tx, j *Job) error { return p.put(tx, j, it, loose) })
	if err != nil {
		err = errors.Join(err, p.transfers.config.Desk.Release(p.tenant, loose))
	}
	if wrong := problemsOf(err); wrong != nil { // nothing of it was written
		return p.leaveOut(ctx, it, append(problems, wrong...))
	}
	if errors.Is(err, storage.ErrTooLarge) {
		return p.leaveOut(ctx, it, append(problems, Problem{Text: "This is more than can be written at once.", Skips: true}))
	}
	return err
}

// leaveOut leaves an item out.
func (p *pass) leaveOut(ctx context.Context, it *item, problems []Problem) error {
	return p.advance(ctx, it, problems, func(_ *storage.Tx, j *Job) error {
		j.Skipped++
		if it.ticket != nil {
			j.Ticket = ""
		}
		return nil
	})
}

// advance does something about an item and puts it behind the import.
func (p *pass) advance(ctx context.Context, it *item, problems []Problem, do func(*storage.Tx, *Job) error) error {
	var after Job
	err := p.transfers.config.Store.Update(ctx, p.tenant.Scope(), func(tx *storage.Tx) error {
		j, err := loadJob(tx, p.job.ID)
		if errors.Is(err, ErrNotFound) || err == nil && j.State != Running {
			return errGone
		}
		if err != nil {
			return err
		}
		if err := do(tx, &j); err != nil {
			return err
		}
		for _, one := range problems {
			one.Line = it.line
			if err := j.note(tx, one); err != nil {
				return err
			}
		}
		j.Place++
		after = j
		return jobTable.Put(tx, &j)
	})
	if err == nil {
		p.job = after
	}
	return err
}

// put writes the ticket or comment. A comment of a ticket that was left out is left out, too.
func (p *pass) put(tx *storage.Tx, j *Job, it *item, loose []file.Loose) error {
	if it.comment != nil {
		if j.Ticket == "" {
			j.Skipped++
			return nil
		}
		in := p.comment(it.comment)
		in.Files = loose
		j.Comments, j.Files = j.Comments+1, j.Files+uint64(len(loose))
		return p.transfers.config.Desk.ImportComment(tx, p.by, j.Ticket, in)
	}
	l := it.ticket
	if l.ID != "" {
		known, err := markTable.Has(tx, storage.Key(nil).Str(l.ID))
		if err != nil {
			return err
		}
		if known {
			j.Ticket = ""
			j.Skipped++
			tx.OnCommit(func() {
				if err := p.transfers.config.Desk.Release(p.tenant, loose); err != nil {
					p.transfers.log.Warn("files that are left out stay for a day", slog.Any("error", err))
				}
			})
			return j.note(tx, importedBefore(it))
		}
	}
	in, _ := p.imported(l)
	in.Files = loose
	t, err := p.transfers.config.Desk.Import(tx, p.tenant, p.by, in, j.Tells)
	if err != nil {
		return err
	}
	j.Ticket, j.Tickets, j.Files = t.ID, j.Tickets+1, j.Files+uint64(len(loose))
	if l.ID == "" {
		return nil
	}
	return markTable.Put(tx, &mark{Of: l.ID, TicketID: t.ID})
}

// fetch takes an item's files out of the zip. Those that cannot be kept are left out.
func (p *pass) fetch(ctx context.Context, it *item) (loose []file.Loose, problems []Problem, err error) {
	var all []attachmentLine
	if it.ticket != nil {
		all = it.ticket.Attachments
	} else if it.comment != nil && p.job.Ticket != "" {
		all = it.comment.Attachments
	}
	for _, one := range all[:min(len(all), file.MaxPerMessage)] {
		entry := p.entry(one.Path)
		if entry == nil {
			continue // examine has said so
		}
		kept, err := p.keep(ctx, one, entry.Open)
		if _, limited := errors.AsType[*file.LimitError](err); limited || errors.Is(err, file.ErrEmpty) {
			problems = append(problems, Problem{Field: "attachments", Text: "A file is too large, or empty: it is left out."})
			continue
		}
		if err != nil {
			return nil, nil, errors.Join(err, p.transfers.config.Desk.Release(p.tenant, loose))
		}
		loose = append(loose, kept)
	}
	return loose, problems, nil
}

// actorOf is who imports.
func actorOf(a tickets.Author) tickets.Actor {
	who := tickets.Person{ID: a.ID, Name: a.Name, Email: a.Email}
	if a.ID == "" {
		return tickets.System("import")
	}
	return tickets.Admin(who)
}

// keep keeps the bytes of one file.
func (p *pass) keep(ctx context.Context, l attachmentLine, open func() (io.ReadCloser, error)) (file.Loose, error) {
	content, err := open()
	if err != nil {
		return file.Loose{}, file.ErrEmpty
	}
	kept, err := p.transfers.config.Desk.Keep(ctx, p.tenant, p.by, l.Name, content)
	_ = content.Close()
	return kept, err
}
