package transfer

import (
	"archive/zip"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// Section is a part of an export that another room knows: a file of JSON lines.
type Section struct {
	// Name is the file's, without its extension.
	Name string
	// Lines calls put with one record after the other. None of them holds a secret.
	Lines func(ctx context.Context, tn *tenant.Tenant, put func(any) error) error
}

// manifest says what an export is. It is the first file of the zip.
type manifest struct {
	Format    string    `json:"format"`
	Version   int       `json:"version"`
	Tenant    string    `json:"tenant"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at"`
}

const exportFormat = "deskgate-export"

// Export writes everything of a tenant to w as one zip: what the sections have, then tickets with their comments (internal ones
// included), histories and files. It holds a part of it in memory at a time only. What is changed meanwhile may or may not be in
// it.
func (t *Transfers) Export(ctx context.Context, tn *tenant.Tenant, w io.Writer) error {
	e := &export{transfers: t, tenant: tn, zip: zip.NewWriter(w), by: tickets.System("export")}
	head := manifest{Format: exportFormat, Version: 1, Tenant: tn.Slug, Name: tn.Name, CreatedAt: time.Now().UTC().Truncate(time.Second)}
	err := e.lines("manifest.json", func(put func(any) error) error { return put(head) })
	for _, s := range t.config.Sections {
		if err == nil {
			err = e.lines(s.Name+".jsonl", func(put func(any) error) error { return s.Lines(ctx, tn, put) })
		}
	}
	for _, part := range []func(context.Context) error{e.categories, e.tickets, e.table, e.files} {
		if err == nil {
			err = part(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("export %s: %w", tn.Slug, err)
	}
	return e.zip.Close()
}

type export struct {
	transfers *Transfers
	tenant    *tenant.Tenant
	zip       *zip.Writer
	by        tickets.Actor
	names     map[string]string // of categories, by ID
}

// lines writes one file of JSON lines.
func (e *export) lines(name string, each func(put func(any) error) error) error {
	f, err := e.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now()})
	if err != nil {
		return err
	}
	out := json.NewEncoder(f)
	out.SetEscapeHTML(false)
	return each(out.Encode)
}

func (e *export) categories(ctx context.Context) error {
	all, err := e.transfers.config.Desk.Categories(ctx, e.tenant, e.by)
	if err != nil {
		return err
	}
	e.names = map[string]string{}
	return e.lines("categories.jsonl", func(put func(any) error) error {
		for _, c := range all {
			e.names[c.ID] = c.Name
			line := map[string]any{"id": c.ID, "name": c.Name, "slug": c.Slug, "position": c.Position, "active": c.Active}
			if err := put(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// each calls fn with every ticket, the oldest first, deleted ones behind all others.
func (e *export) each(ctx context.Context, fn func(*tickets.Ticket) error) error {
	return e.transfers.config.Desk.Each(ctx, e.tenant, fn)
}

func (e *export) tickets(ctx context.Context) error {
	return e.lines("tickets.jsonl", func(put func(any) error) error {
		return e.each(ctx, func(t *tickets.Ticket) error {
			if err := put(e.line(t)); err != nil {
				return err
			}
			return e.thread(ctx, t, put)
		})
	})
}

func (e *export) line(t *tickets.Ticket) ticketLine {
	line := ticketLine{
		Type: typeTicket, ID: t.ID, Number: t.Number, Title: t.Title, Description: t.Description, Status: string(t.Status),
		Priority: string(t.Priority), Category: e.names[t.CategoryID], Tags: t.Tags, CustomFields: t.CustomFields,
		Requester: personOf(t.Requester), Assurance: string(t.Assurance), Assignee: personOf(t.Assignee), ExternalID: t.ExternalID,
		Organization: t.Organization, Erased: t.Erased, Source: t.Source, Spam: t.Spam(), MergedInto: t.MergedInto, CreatedAt: at(t.CreatedAt), UpdatedAt: at(t.UpdatedAt),
		FirstResponse: at(t.FirstResponseAt), ResolvedAt: at(t.ResolvedAt), ClosedAt: at(t.ClosedAt), DeletedAt: at(t.DeletedAt),
		Attachments: attachmentsOf(t.Files),
	}
	if t.Rating != nil {
		line.Rating = &ratingLine{Stars: t.Rating.Stars, Comment: t.Rating.Comment}
	}
	return line
}

// thread writes what belongs to a ticket, behind it.
func (e *export) thread(ctx context.Context, t *tickets.Ticket, put func(any) error) error {
	err := e.transfers.config.Desk.EachComment(ctx, e.tenant, t, func(c *tickets.Comment) error {
		return put(commentLine{
			Type: typeComment, ID: c.ID, TicketID: t.ID, Body: c.Body, Visibility: string(c.Visibility), Author: authorOf(c.Author),
			CreatedAt: at(c.CreatedAt), Attachments: attachmentsOf(c.Files),
		})
	})
	if err != nil {
		return err
	}
	return e.transfers.config.Desk.EachActivity(ctx, e.tenant, t, func(x *tickets.Activity) error {
		return put(activityLine{
			Type: typeActivity, ID: x.ID, TicketID: t.ID, Action: x.Action, Actor: authorOf(x.Actor), Changes: x.Changes,
			CommentID: x.CommentID, CreatedAt: at(x.CreatedAt),
		})
	})
}

// tableColumns are the columns of tickets.csv, for people with a spreadsheet; an import can read it, too.
var tableColumns = []string{
	"number", "title", "description", "status", "priority", "category", "tags", "requester_email", "requester_name",
	"assignee_email", "external_id", "created_at", "updated_at", "first_response_at", "resolved_at", "closed_at",
}

func (e *export) table(ctx context.Context) error {
	f, err := e.zip.CreateHeader(&zip.FileHeader{Name: "tickets.csv", Method: zip.Deflate, Modified: time.Now()})
	if err != nil {
		return err
	}
	out := csv.NewWriter(f)
	if err := out.Write(tableColumns); err != nil {
		return err
	}
	err = e.each(ctx, func(t *tickets.Ticket) error {
		if t.Deleted() {
			return nil
		}
		var requester, assignee tickets.Person
		if t.Requester != nil {
			requester = *t.Requester
		}
		if t.Assignee != nil {
			assignee = *t.Assignee
		}
		row := []string{
			strconv.FormatUint(t.Number, 10), t.Title, t.Description, string(t.Status), string(t.Priority), e.names[t.CategoryID],
			strings.Join(t.Tags, ", "), requester.Email, requester.Name, assignee.Email, t.ExternalID,
			stamp(t.CreatedAt), stamp(t.UpdatedAt), stamp(t.FirstResponseAt), stamp(t.ResolvedAt), stamp(t.ClosedAt),
		}
		for i := range row {
			row[i] = Harmless(row[i])
		}
		return out.Write(row)
	})
	out.Flush()
	return errors.Join(err, out.Error())
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Harmless is a cell of a CSV that spreadsheets take for text, not for a formula.
func Harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// files writes the files of all tickets. One whose bytes are lost is left out, and lost-files.jsonl says so.
func (e *export) files(ctx context.Context) error {
	var lost []file.Info
	all := func(files []file.Info) error {
		for _, i := range files {
			there, err := e.file(ctx, i)
			if err != nil {
				return err
			}
			if !there {
				lost = append(lost, i)
			}
		}
		return nil
	}
	err := e.each(ctx, func(t *tickets.Ticket) error {
		if err := all(t.Files); err != nil {
			return err
		}
		return e.transfers.config.Desk.EachComment(ctx, e.tenant, t, func(c *tickets.Comment) error { return all(c.Files) })
	})
	if err != nil || len(lost) == 0 {
		return err
	}
	return e.lines("lost-files.jsonl", func(put func(any) error) error {
		for _, line := range attachmentsOf(lost) {
			if err := put(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// file writes one file and says whether it was there.
func (e *export) file(ctx context.Context, i file.Info) (bool, error) {
	f, err := e.transfers.config.Desk.File(ctx, e.tenant, e.by, i.ID)
	if errors.Is(err, tickets.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	content, err := e.transfers.config.Desk.OpenFile(ctx, &f)
	if err != nil {
		return false, ctx.Err()
	}
	out, err := e.zip.CreateHeader(&zip.FileHeader{Name: pathOf(i), Method: zip.Deflate, Modified: i.CreatedAt})
	if err == nil {
		_, err = io.Copy(out, content)
	}
	return true, errors.Join(err, content.Close())
}
