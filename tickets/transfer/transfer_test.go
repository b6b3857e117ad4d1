package transfer_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"github.com/deskgate/deskgate/storage"
	"github.com/deskgate/deskgate/storage/storagetest"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/transfer"
)

// world is an import at one of two tenants.
type world struct {
	*transfer.Transfers
	*tickets.Desk
	t            *testing.T
	acme, globex *tenant.Tenant
	// ensure makes the requesters.
	ensure func(email, name, externalID string) (tickets.Finder, error)
}

var (
	admin = tickets.Admin(tickets.Person{ID: "agt_zoe", Email: "zoe@acme.example", Name: "Zoe"})
	none  = func(string, string, string) (tickets.Finder, error) {
		return func(*storage.Tx) (tickets.Person, error) { return tickets.Person{}, nil }, nil
	}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, ensure: none,
		acme:   &tenant.Tenant{ID: "AAAAAAAAAAAAAAAAAAAAAAAAAA", Slug: "acme"},
		globex: &tenant.Tenant{ID: "BBBBBBBBBBBBBBBBBBBBBBBBBB", Slug: "globex"},
	}
	store := storagetest.Open(t, append(tickets.Tables(), transfer.Tables()...)...)
	tenants := func(context.Context) ([]*tenant.Tenant, error) { return []*tenant.Tenant{w.acme, w.globex}, nil }
	w.Desk = tickets.New(tickets.Config{Store: store, Tenants: tenants})
	w.Transfers = transfer.New(transfer.Config{
		Store: store, Desk: w.Desk, Tenants: tenants, Ensure: func(email, name, externalID string) (tickets.Finder, error) { return w.ensure(email, name, externalID) },
		Team: func(context.Context, *tenant.Tenant) ([]tickets.Person, error) { return nil, nil },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Transfers.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return w
}

// bring imports a file at a tenant, as far as it can be, and returns what became of it.
func (w *world) bring(tn *tenant.Tenant, name, content string) (transfer.Job, []transfer.Problem) {
	w.t.Helper()
	j, err := w.Begin(w.t.Context(), tn, admin, name, strings.NewReader(content))
	if err != nil {
		w.t.Fatalf("Begin(%s): %v", name, err)
	}
	synctest.Wait()
	if j, _ = w.job(tn, j.ID); j.State == transfer.Checked {
		if err := w.Start(w.t.Context(), tn, j.ID, false); err != nil {
			w.t.Fatalf("Start(%s): %v", name, err)
		}
		synctest.Wait()
	}
	return w.job(tn, j.ID)
}

func (w *world) job(tn *tenant.Tenant, id string) (transfer.Job, []transfer.Problem) {
	w.t.Helper()
	j, problems, err := w.Job(w.t.Context(), tn, id, 100)
	if err != nil {
		w.t.Fatalf("Job: %v", err)
	}
	return j, problems
}

// A file that cannot be read is said to be so, whatever is in it, and the imports behind it have their turn.
func TestUnreadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const ticket = `{"title": "Printer", "description": "It burns."}`
		for name, tc := range map[string]struct{ content, why string }{
			"a JSON ticket without end": {`[` + ticket + `, {"title": "` + strings.Repeat("x", 9<<20), "Ticket 2 is longer than 8 MiB."},
			"a JSON array that stops":   {`[` + ticket, "The file is no valid JSON behind ticket 1."},
			"a JSON array of blanks":    {`[` + ticket + strings.Repeat(" ", 9<<20), "The file is no valid JSON behind ticket 1."},
			"a line without end":        {ticket + "\n{" + strings.Repeat(" ", 9<<20), "Line 2 is longer than 8 MiB."},
			"a row without end":         {"title,description\nPrinter,\"It burns" + strings.Repeat("\n", 2<<20), "The row behind line 1 is longer than 1 MiB."},
			"a first row without end":   {strings.Repeat("title,description\t", 1<<18), "The CSV's first line is longer than 64 KiB, or has more than 500 columns."},
			"many columns":              {strings.Repeat("title,description,", 300) + "\na,b", "The CSV's first line is longer than 64 KiB, or has more than 500 columns."},
		} {
			j, _ := w.bring(w.acme, name, tc.content)
			if j.State != transfer.Failed || j.Why != tc.why {
				t.Errorf("%s: %s %q, want that %q", name, j.State, j.Why, tc.why)
			}
		}
		if j, _ := w.bring(w.globex, "good", ticket); j.State != transfer.Done || j.Tickets != 1 {
			t.Errorf("the other tenant's import is %+v", j)
		}
	})
}

// What cannot be written is left out, and what stands behind it comes in.
func TestLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		long, later := strings.Repeat("x", 2000), time.Now().Add(aYear).Format(time.RFC3339)
		for name, tc := range map[string]struct{ line, field string }{
			"source":              {`"source": "` + long + `"`, "source"},
			"ID":                  {`"id": "` + long + `"`, ""},
			"claimed requester":   {`"requester_assurance": "asserted", "requester": {"email": "` + long + `"}`, "requester.email"},
			"requester's name":    {`"requester_assurance": "asserted", "requester": {"email": "a@b.example", "name": "` + long + `"}`, "requester.name"},
			"first response":      {`"first_response_at": "` + later + `"`, "first_response_at"},
			"too many comments":   {`"comments": [` + strings.Repeat("{},", 20_000) + `{}]`, ""},
			"comments of a type":  {`"comments": 7`, ""},
			"author's name":       {`"comments": [{"body": "b", "author": {"name": "` + long + `"}}]`, "author.name"},
			"a comment to come":   {`"comments": [{"body": "b", "created_at": "` + later + `"}]`, "created_at"},
			"too many files":      {`"attachments": [` + strings.Repeat("{},", 20_000) + `{}]`, ""},
			"an external ID":      {`"external_id": "` + long + `"`, "external_id"},
			"a comment's files":   {`"comments": [{"body": "b", "attachments": [` + strings.Repeat("{},", 20_000) + `{}]}]`, ""},
			"files that are gone": {`"attachments": [` + strings.Repeat("{},", 2_000) + `{}]`, "attachments"},
		} {
			j, problems := w.bring(w.acme, name, `{"title": "Printer", "description": "d", `+tc.line+"}\n"+`{"title": "Behind", "description": "d"}`)
			if j.State != transfer.Done || len(problems) == 0 || problems[0].Field != tc.field || problems[0].Line != 1 {
				t.Errorf("%s: %s, %+v, want it done, and a problem with %q", name, j.State, problems, tc.field)
			}
			p, err := w.List(t.Context(), w.acme, admin, tickets.Query{})
			if err != nil || !slices.ContainsFunc(p.Tickets, func(x tickets.Ticket) bool { return x.Title == "Behind" }) {
				t.Errorf("%s: the tickets are %+v, %v", name, p.Tickets, err)
			}
			for _, x := range p.Tickets {
				if err := w.Delete(t.Context(), w.acme, admin, x.Ref(), 0); err != nil {
					t.Error(err)
				}
			}
		}
		if n, err := w.List(t.Context(), w.globex, admin, tickets.Query{}); err != nil || len(n.Tickets) != 0 {
			t.Errorf("the other tenant has %+v, %v", n.Tickets, err)
		}
	})
}

const aYear = 365 * 24 * time.Hour

// A file is read as it is written: by its mark, else as UTF-8, else as Windows-1252; which of them it was is said.
func TestEncodings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const text = "title;description;field:gr\u00f6\u00dfe\nDr\u00fccker \u20ac5;Es \u201ebrennt\u201c.;\n"
		encoded := func(e encoding.Encoding) string { return encodedAs(t, e, text) }
		const broken = "title,description\nDr\u00fccker \u20ac5,Es \u201ebrennt\u201c.\nScanner,\xff\n"
		for name, tc := range map[string]struct {
			content string
			want    transfer.Encoding
			wrong   uint64
		}{
			"UTF-8":                {text, transfer.UTF8, 0},
			"UTF-8 with a mark":    {"\xef\xbb\xbf" + text, transfer.UTF8, 0},
			"UTF-8, partly broken": {broken, transfer.UTF8, 1},
			"UTF-16 of Windows":    {encoded(unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)), transfer.UTF16LE, 0},
			"UTF-16, big endian":   {encoded(unicode.UTF16(unicode.BigEndian, unicode.UseBOM)), transfer.UTF16BE, 0},
			"Windows-1252":         {encoded(charmap.Windows1252), transfer.Windows1252, 0},
			"Latin-1":              {"title\tdescription\nDr\xfccker \x805\tEs \x84brennt\x93.\n", transfer.Windows1252, 0},
			"JSON in UTF-16":       {encodedAs(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), `{"title":"Dr\u00fccker \u20ac5","description":"Es \u201ebrennt\u201c."}`), transfer.UTF16LE, 0},
		} {
			j, problems := w.bring(w.acme, name, tc.content)
			if j.State != transfer.Done || j.Encoding != tc.want || j.Problems != tc.wrong {
				t.Errorf("%s: %s, %q, %s, %+v", name, j.State, j.Encoding, j.Why, problems)
			}
			p, err := w.List(t.Context(), w.acme, admin, tickets.Query{})
			if err != nil || !slices.ContainsFunc(p.Tickets, func(x tickets.Ticket) bool {
				return x.Title == "Dr\u00fccker \u20ac5" && x.Description == "Es \u201ebrennt\u201c."
			}) {
				t.Errorf("%s: the tickets are %+v, %v", name, p.Tickets, err)
			}
			for _, x := range p.Tickets {
				if err := w.Delete(t.Context(), w.acme, admin, x.Ref(), 0); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

func encodedAs(t *testing.T, e encoding.Encoding, text string) string {
	t.Helper()
	s, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The names of a CSV's columns are text, whatever bytes they have.
func TestColumnsAreText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		j, problems := w.bring(w.acme, "broken.csv", "title,description,field:gr\xf6\xdfe\nPrinter,\u00e4\u00f6\u00fc,7\nScanner,It is cold,\n")
		if j.State != transfer.Done || j.Tickets != 1 || len(problems) != 1 || problems[0].Field != "custom_fields" {
			t.Errorf("%s: %+v", j.State, problems)
		}
		if want := (transfer.Column{Name: "field:gr\uFFFDe", Field: "field:gr\uFFFDe"}); len(j.Columns) != 3 || j.Columns[2] != want {
			t.Errorf("the columns are %+q", j.Columns)
		}
	})
}
