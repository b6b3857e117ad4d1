package transfer_test

import (
	"archive/zip"
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// zipped is an export with these lines, and files.
func zipped(t *testing.T, lines []string, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(name, content string) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	add("tickets.jsonl", strings.Join(lines, "\n"))
	for name, content := range files {
		add(name, content)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What a check counts is what the import then writes, whatever is left out; and tickets of people who were erased come back, as nobody's,
// with what was said in them.
func TestOwnExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.ensure = func(email, _, _ string) (tickets.Finder, error) {
			if email == "" {
				return nil, tenant.FieldErrors{"email": {"The email field is required."}}
			}
			return func(*storage.Tx) (tickets.Person, error) {
				return tickets.Person{ID: "usr_" + email, Email: email}, nil
			}, nil
		}
		const gone = `"title":"erased","description":"erased","erased":true,"requester":{"name":"erased"}`
		content := zipped(t, []string{
			`{"type":"ticket","id":"tkt_1",` + gone + `,"rating":{"stars":4}}`,
			`{"type":"comment","ticket_id":"tkt_1","body":"erased","author":{"name":"erased","role":"requester"}}`,
			`{"type":"comment","ticket_id":"tkt_1","body":"A word of the team","author":{"name":"Zoe","email":"zoe@acme.example","role":"agent"}}`,
			`{"type":"ticket","id":"tkt_2","title":"Deleted","description":"d","deleted_at":"2026-01-01T00:00:00Z"}`,
			`{"type":"comment","ticket_id":"tkt_2","body":"Of a deleted one","author":{}}`,
			`{"type":"ticket","id":"tkt_3","title":"Files","description":"d","organization":"Umbrella","requester":{"email":"ann@partner.example"},"attachments":[{"name":"a","path":"attachments/a"},{"name":"b","path":"attachments/none"},{"name":"c","path":"attachments/empty"}]}`,
			`{"type":"comment","ticket_id":"tkt_3","body":"With a file","author":{},"attachments":[{"name":"a","path":"attachments/a"}]}`,
			`{"type":"ticket","id":"tkt_1","title":"Twice","description":"d"}`,
			`{"type":"comment","ticket_id":"tkt_1","body":"Of what stands there twice","author":{}}`,
			`{"type":"ticket","id":"tkt_4","title":"Nobody's","description":"d","requester":{"name":"No Address"}}`,
			`{"type":"comment","ticket_id":"tkt_4","body":"Of what can't be","author":{}}`,
			`{"type":"ticket","id":"tkt_5","title":"Not hers","description":"d","requester":{"name":"erased"}}`,
		}, map[string]string{"attachments/a": "content", "attachments/empty": ""})
		j, err := w.Begin(t.Context(), w.acme, admin, "own.zip", strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		checked, _ := w.job(w.acme, j.ID)
		if err := w.Start(t.Context(), w.acme, j.ID, false); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		done, problems := w.job(w.acme, j.ID)
		counts := func(j transfer.Job) [4]uint64 { return [4]uint64{j.Tickets, j.Comments, j.Files, j.Skipped} }
		if want := [4]uint64{3, 3, 2, 6}; done.State != transfer.Done || counts(checked) != want || counts(done) != want {
			t.Errorf("checked %v, done %v, want %v: %+v", counts(checked), counts(done), want, problems)
		}
		byTitle := map[string]tickets.Ticket{}
		err = w.Each(context.Background(), w.acme, func(tk *tickets.Ticket) error {
			byTitle[tk.Title] = *tk
			return nil
		})
		erased, files, other := byTitle["erased"], byTitle["Files"], byTitle["Not hers"]
		if err != nil || !erased.Erased || erased.Requester == nil || erased.Requester.Name != "erased" || erased.Requester.ID != "" || other.Erased || other.Requester.Name != "erased" {
			t.Errorf("the erased one's is %+v, %+v, %v", erased, other, err)
		}
		if files.Organization != "Umbrella" || files.Requester.Email != "ann@partner.example" {
			t.Errorf("the ticket is of %q", files.Organization)
		}
		said := 0
		err = w.EachComment(context.Background(), w.acme, &erased, func(*tickets.Comment) error { said++; return nil })
		if said != 2 || err != nil {
			t.Errorf("%d comments, %v", said, err)
		}
		// Again, nothing is left to be done, and the check says so.
		j, err = w.Begin(t.Context(), w.acme, admin, "own.zip", strings.NewReader(zipped(t, []string{`{"type":"ticket","id":"tkt_1",` + gone + `}`}, nil)))
		synctest.Wait()
		if again, problems := w.job(w.acme, j.ID); err != nil || again.State != transfer.Failed || len(problems) != 1 || problems[0].Field != "id" {
			t.Errorf("again: %+v, %+v, %v", again, problems, err)
		}
	})
}
