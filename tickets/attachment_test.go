package tickets_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// upload stores a file as the actor's and returns its ID.
func (w *world) upload(a tickets.Actor, name, content string) string {
	w.t.Helper()
	kept, err := w.Keep(w.t.Context(), w.acme, a, name, strings.NewReader(content))
	if err != nil {
		w.t.Fatal(err)
	}
	infos, err := w.Upload(w.t.Context(), w.acme, a, []file.Loose{kept})
	if err != nil {
		w.t.Fatal(err)
	}
	return infos[0].ID
}

// What nobody attaches goes after a day; what is attached stays, and goes with its ticket.
func TestUnusedFilesAreSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		loose, used := w.upload(ann, "loose", "1"), w.upload(ann, "used", "1")
		opened, err := w.Open(t.Context(), w.acme, ann, tickets.Draft{Title: "t", Description: "d", Files: []string{used}})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = w.Run(t.Context()) }()
		time.Sleep(23 * time.Hour)
		if _, err := w.File(t.Context(), w.acme, ann, loose); err != nil {
			t.Errorf("a file of today: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if _, err := w.File(t.Context(), w.acme, ann, loose); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("an unused file after a day: %v, want ErrNotFound", err)
		}
		if _, err := w.File(t.Context(), w.acme, ann, used); err != nil {
			t.Errorf("a used file: %v", err)
		}
		if err := w.Delete(t.Context(), w.acme, agent, opened.Ticket.Ref(), 0); err != nil {
			t.Fatal(err)
		}
		if _, err := w.File(t.Context(), w.acme, ann, used); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("a deleted ticket's file for its requester: %v, want ErrNotFound", err)
		}
		time.Sleep(31 * 24 * time.Hour)
		if _, err := w.File(t.Context(), w.acme, agent, used); !errors.Is(err, tickets.ErrNotFound) {
			t.Errorf("a purged ticket's file: %v, want ErrNotFound", err)
		}
		if files, bytes, err := file.New(w.store).Usage(t.Context(), w.acme); files != 0 || bytes != 0 || err != nil {
			t.Errorf("room taken in the end: %d files, %d bytes, %v", files, bytes, err)
		}
	})
}

// A ticket that cannot be taken leaves its files to their uploader, and one file belongs to one message.
func TestFilesAreTakenOnce(t *testing.T) {
	w := newWorld(t)
	id := w.upload(ann, "a", "1")
	wrong := tickets.Draft{Title: "t", Description: "d", Files: []string{id}, CategoryID: "none"}
	if _, err := w.Open(t.Context(), w.acme, ann, wrong); err == nil {
		t.Fatal("a ticket in no category was taken")
	}
	draft := tickets.Draft{Title: "t", Description: "d", Files: []string{id, id}}
	opened, err := w.Open(t.Context(), w.acme, ann, draft)
	if err != nil || len(opened.Ticket.Files) != 1 {
		t.Fatalf("after a try that failed: %v, %v", opened.Ticket.Files, err)
	}
	_, err = w.Open(t.Context(), w.acme, ann, draft)
	if fields, ok := errors.AsType[tenant.FieldErrors](err); !ok || fields["attachment_ids"] == nil {
		t.Errorf("a file in a second ticket: %v", err)
	}
	if _, err := w.Open(t.Context(), w.globex, ann, draft); err == nil {
		t.Error("a file in another tenant's ticket")
	}
}

// Merged tickets bring their files along, where their requester can go on reading them.
func TestMergeBringsFiles(t *testing.T) {
	w := newWorld(t)
	one, two, note := w.upload(ann, "one", "1"), w.upload(ann, "two", "2"), w.upload(agent, "note", "3")
	from, err := w.Open(t.Context(), w.acme, ann, tickets.Draft{Title: "from", Description: "d", Files: []string{one}})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []struct {
		a    tickets.Actor
		note tickets.Note
	}{{ann, tickets.Note{Body: "b", Files: []string{two}}}, {agent, tickets.Note{Body: "n", Files: []string{note}, Visibility: tickets.Internal}}} {
		if _, err := w.Comment(t.Context(), w.acme, n.a, from.Ticket.Ref(), n.note); err != nil {
			t.Fatal(err)
		}
	}
	into := w.open(ann, "into")
	if _, err := w.Merge(t.Context(), w.acme, agent, from.Ticket.Ref(), into.Ref(), tickets.Merging{}); err != nil {
		t.Fatal(err)
	}
	for id, visible := range map[string]bool{one: true, two: true, note: false} {
		f, err := w.File(t.Context(), w.acme, agent, id)
		if err != nil || f.TicketID != into.ID || f.CommentID == "" {
			t.Errorf("%s after the merge: %+v, %v", f.Name, f, err)
		}
		if _, err := w.File(t.Context(), w.acme, ann, id); (err == nil) != visible {
			t.Errorf("%s for the requester: %v", f.Name, err)
		}
	}
}
