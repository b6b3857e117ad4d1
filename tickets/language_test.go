package tickets_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tickets"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func days(all ...tickets.Day) []tickets.Day { return all }

func TestParseSearch(t *testing.T) {
	const open, pending = tickets.StatusOpen, tickets.StatusPending
	for text, want := range map[string]tickets.Query{
		"":                               {},
		"  blue   toner ":                {Text: "blue toner"},
		`"blue toner" printer`:           {Text: `"blue toner" printer`},
		`"never closed`:                  {Text: `"never closed"`},
		"#12":                            {Number: 12},
		"#12 #13":                        {Number: 12, Text: "#13"},
		"#x 12":                          {Text: "#x 12"},
		"status:open,pending printer":    {Status: []tickets.Status{open, pending}, Text: "printer"},
		"STATUS:Pending status:open":     {Status: []tickets.Status{open, pending}},
		"is:waiting":                     {Status: []tickets.Status{pending, tickets.StatusOnHold}},
		"-is:done":                       {Not: tickets.Exception{Status: []tickets.Status{tickets.StatusResolved, tickets.StatusClosed}}},
		"is:unassigned":                  {Assignees: []string{"none"}},
		"-is:unassigned":                 {Not: tickets.Exception{Assignees: []string{"none"}}},
		"is:overdue is:spam":             {Overdue: true, Spam: true},
		"is:deleted":                     {Deleted: true},
		"is:merged":                      {Merged: true},
		"-is:spam":                       {},
		"priority:urgent,high":           {Priority: []tickets.Priority{tickets.PriorityHigh, tickets.PriorityUrgent}},
		`assignee:me assignee:"Zoe D"`:   {Assignees: []string{"me", "Zoe D"}},
		"from:ann@partner.example":       {Requester: "ann@partner.example"},
		`requester:"Ann Miller" -from:b`: {Requester: "Ann Miller", Not: tickets.Exception{Requesters: []string{"b"}}},
		"tag:VIP tag:a,b -tag:x":         {Tags: []string{"vip", "a", "b"}, Not: tickets.Exception{Tags: []string{"x"}}},
		"category:billing -category:x":   {Categories: []string{"billing"}, Not: tickets.Exception{Categories: []string{"x"}}},
		"has:attachment":                 {Files: true},
		"rating:<3":                      {Ratings: []int{1, 2}},
		"rating:5 rating:1,2":            {Ratings: []int{1, 2, 5}},
		"rating:>=4":                     {Ratings: []int{4, 5}},
		"rating:any":                     {Ratings: []int{1, 2, 3, 4, 5}},
		"-has:files":                     {Not: tickets.Exception{Files: true}},
		"external:ZD-1":                  {ExternalID: "ZD-1"},
		`-toner -"blue ink" -5 --x - a`:  {Not: tickets.Exception{Words: []string{"toner", "blue ink"}}, Text: "-5 --x - a"},
		"sort:-created_at":               {Sort: tickets.CreatedDesc},
		"rating:none":                    {Unrated: true},
		"is:unrated":                     {Unrated: true},
		"-is:rated":                      {Unrated: true},
		"-rating:any":                    {Unrated: true},
		"is:rated":                       {Ratings: []int{1, 2, 3, 4, 5}},
		"-is:unrated":                    {Ratings: []int{1, 2, 3, 4, 5}},
		"created:>2026-01-01":            {Created: tickets.Period{Since: days("2026-01-02")}},
		"created:>=2026-01-01":           {Created: tickets.Period{Since: days("2026-01-01")}},
		"created:<2026-01-01":            {Created: tickets.Period{Until: days("2026-01-01")}},
		"created:<=2026-01-01":           {Created: tickets.Period{Until: days("2026-01-02")}},
		"created:2026-02":                {Created: tickets.Period{Since: days("2026-02-01"), Until: days("2026-03-01")}},
		"created:2026":                   {Created: tickets.Period{Since: days("2026-01-01"), Until: days("2027-01-01")}},
		"updated:2026-01-01..2026-01-31": {Updated: tickets.Period{Since: days("2026-01-01"), Until: days("2026-02-01")}},
		"created:today":                  {Created: tickets.Period{Since: days("today")}},
		"created:Yesterday":              {Created: tickets.Period{Since: days("yesterday"), Until: days("today")}},
		"created:<yesterday":             {Created: tickets.Period{Until: days("yesterday")}},
		"updated:>=yesterday":            {Updated: tickets.Period{Since: days("yesterday")}},
		"updated:2026-01-01..yesterday":  {Updated: tickets.Period{Since: days("2026-01-01"), Until: days("today")}},
		"created:<=today":                {},
		"created:9998":                   {Created: tickets.Period{Since: days("9998-01-01"), Until: days("9999-01-01")}},
		"created:>2026-01-01T10:00:00Z":  {Created: tickets.Period{After: day("2026-01-01").Add(10 * time.Hour)}},
		"updated:<7d":                    {Updated: tickets.Period{Under: 7 * 24 * time.Hour}},
		"updated:2w":                     {Updated: tickets.Period{Under: 14 * 24 * time.Hour}},
		"updated:>1y updated:>3h":        {Updated: tickets.Period{Over: 365 * 24 * time.Hour}},
		"created:>2026-01-01 created:<2026-03-01": {Created: tickets.Period{Since: days("2026-01-02"), Until: days("2026-03-01")}},
		// What people paste is no filter.
		"https://example.com/a?b=c 12:30 C:\\temp error: x std::vector a:/b": {Text: `https://example.com/a?b=c 12:30 C:\temp error: x std::vector a:/b`},
	} {
		got, problems := tickets.ParseSearch(text)
		if diff := cmp.Diff(want, got); diff != "" || len(problems) > 0 {
			t.Errorf("ParseSearch(%q): problems %v (-want +got):\n%s", text, problems, diff)
		}
	}
}

// TestParseSearchSaysWhat is not understood, and searches it as words: never for more than was meant.
func TestParseSearchSaysWhat(t *testing.T) {
	for text, want := range map[string]string{
		"foo:bar":                         `"foo:bar"`,
		"status:opne printer":             `"status:opne" printer`,
		"-status:opne":                    `"-status:opne"`,
		"is:odd":                          `"is:odd"`,
		"priority:low,huge":               `"priority:low,huge"`,
		"has:teeth":                       `"has:teeth"`,
		"created:tomorrow":                `"created:tomorrow"`,
		"created:>today":                  `"created:>today"`,
		"created:9999":                    `"created:9999"`,
		"created:>":                       `"created:>"`,
		"-created:2026":                   `"-created:2026"`,
		"updated:<0d":                     `"updated:<0d"`,
		"updated:<999999y":                `"updated:<999999y"`,
		"sort:title":                      `"sort:title"`,
		"-sort:created_at":                `"-sort:created_at"`,
		"from:!!!":                        `"from:!!!"`,
		"from:a from:b":                   `"from:b"`,
		"external:a external:b":           `"external:b"`,
		"-external:a":                     `"-external:a"`,
		"-is:overdue":                     `"-is:overdue"`,
		"rating:6":                        `"rating:6"`,
		"rating:<1":                       `"rating:<1"`,
		"-rating:5":                       `"-rating:5"`,
		"tag:,":                           `"tag:,"`,
		"tag:" + strings.Repeat("x", 300): `"tag:` + strings.Repeat("x", 300) + `"`,
	} {
		q, problems := tickets.ParseSearch(text)
		if len(problems) != 1 || q.Text != want || problems[0].Reason == "" {
			t.Errorf("ParseSearch(%q): problems %v, text %q, want one and %q", text, problems, q.Text, want)
		}
	}
	_, problems := tickets.ParseSearch(strings.Repeat("tag:a ", 25))
	if len(problems) != 5 {
		t.Errorf("25 filters: %d problems, want 5", len(problems))
	}
}

func TestQueryString(t *testing.T) {
	for text, want := range map[string]string{
		"printer status:pending,open -tag:x": "status:open,pending -tag:x printer",
		`is:done assignee:"Zoe D"`:           `status:resolved,closed assignee:"Zoe D"`,
		"created:>2026-01-01 updated:<36h":   "created:>=2026-01-02 updated:<36h",
		"updated:<2w":                        "updated:<14d",
		"created:yesterday -rating:any":      "is:unrated created:>=yesterday created:<today",
		"-toner a":                           `-"toner" a`,
		"#7":                                 "#7",
	} {
		q, _ := tickets.ParseSearch(text)
		if got := q.String(); got != want {
			t.Errorf("%q.String() = %q, want %q", text, got, want)
		}
	}
}

// FuzzParseSearch: whatever is typed is read, and what it means is printed as something that means the same.
func FuzzParseSearch(f *testing.F) {
	for _, seed := range []string{
		"", `"`, `-"`, "-", ":", `a:"b c" d`, "tag:a\"b", "status:open,,", "created:9999", "created:9998", "created:..", "created:today..yesterday", "created:>today", "-is:rated", "created:2026..2027", "#1", `-"a:b"`,
		"updated:<7d updated:>1h", "from:\x00", "\xff:\xff", "is:done -is:done", "updated:<=2026-01-01T10:00:00.5+02:00", "http://a:b", "tag: x",
		`external:"`, "a\u00a0:b", "tag:\u3000", `"a" "`, "created:0001", "updated:<1w", "-5", "#01",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, _ := tickets.ParseSearch(text)
		printed := q.String()
		again, _ := tickets.ParseSearch(printed)
		if diff := cmp.Diff(q, again); diff != "" {
			t.Errorf("ParseSearch(%q) prints %q, which is something else:\n%s", text, printed, diff)
		}
		if len(q.Tags) > 20 || len(q.Assignees) > 20 || len(q.Not.Words) > 20 || slices.Contains(q.Tags, "") {
			t.Errorf("ParseSearch(%q) has no bounds: %+v", text, q)
		}
	})
}
