package transfer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// columnNames are what the columns of a CSV may be called, in lower case with _ for blanks: the first of each is the field.
var columnNames = [][]string{
	{"title", "subject", "betreff", "titel"},
	{"description", "body", "text", "message", "beschreibung", "nachricht"},
	{"status", "state"},
	{"priority", "priorität"},
	{"category", "kategorie", "group", "type"},
	{"tags", "labels"},
	{"requester_email", "email", "requester", "customer_email", "from", "e-mail"},
	{"requester_name", "name", "customer_name", "customer"},
	{"assignee_email", "assignee", "agent", "agent_email"},
	{"external_id", "id", "ticket_id", "number", "ticket_number"},
	{"created_at", "created", "created_time", "erstellt"},
	{"updated_at", "updated", "updated_time"},
	{"first_response_at"},
	{"resolved_at", "solved_at", "resolved_time"},
	{"closed_at", "closed_time"},
}

// customColumn begins the name of a column for a custom field.
const customColumn = "field:"

// fieldOf is the field that a column is taken for, empty for none.
func fieldOf(column string) string {
	name := strings.ToLower(strings.TrimSpace(column))
	if rest, ok := strings.CutPrefix(name, customColumn); ok && rest != "" {
		return customColumn + strings.TrimSpace(strings.TrimSpace(column)[len(customColumn):])
	}
	name = strings.ReplaceAll(name, " ", "_")
	for _, names := range columnNames {
		if slices.Contains(names, name) {
			return names[0]
		}
	}
	return ""
}

const (
	// maxRow is the longest row of a CSV, maxHead the longest first one, in bytes. Each cell takes more memory than its text.
	maxRow  = 1 << 20
	maxHead = 64 << 10
	// maxColumns is how many columns there may be.
	maxColumns = 500
)

// rows reads a CSV whose first row names the columns.
type rows struct {
	text    *bounded
	in      *csv.Reader
	columns []Column
	line    int // of the last row
}

func newRows(r io.Reader) (*rows, error) {
	text := newBounded(r, maxHead)
	b := bufio.NewReader(text)
	in := csv.NewReader(b)
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	head, _ := b.Peek(4096)
	first, _, _ := strings.Cut(string(head), "\n")
	for _, comma := range ";\t" {
		if strings.Count(first, string(comma)) > strings.Count(first, string(in.Comma)) {
			in.Comma = comma
		}
	}
	names, err := in.Read()
	switch {
	case errors.Is(err, errTooLong) || len(names) > maxColumns:
		return nil, &unreadable{fmt.Sprintf("The CSV's first line is longer than %d KiB, or has more than %d columns.", maxHead>>10, maxColumns)}
	case err != nil:
		return nil, &unreadable{"The file is no CSV."}
	}
	text.most = maxRow
	t := &rows{text: text, in: in, line: 1}
	if t.columns, err = columnsOf(names); err != nil {
		return nil, err
	}
	return t, nil
}

// columnsOf says what the columns are taken for.
func columnsOf(row []string) ([]Column, error) {
	names := make([]string, len(row))
	for i, name := range row {
		names[i] = strings.ToValidUTF8(strings.TrimSpace(name), "\uFFFD")
	}
	var columns []Column
	taken := map[string]bool{}
	for _, name := range names {
		c := Column{Name: name, Field: fieldOf(name)}
		better := slices.Contains(names, c.Field) && name != c.Field
		if taken[c.Field] || better {
			c.Field = ""
		}
		taken[c.Field] = true
		columns = append(columns, c)
	}
	if !taken["title"] {
		return nil, &unreadable{"The CSV has no column title (or subject). Its first line has to name the columns."}
	}
	if !taken["description"] {
		return nil, &unreadable{"The CSV has no column description (or body, or message)."}
	}
	return columns, nil
}

func (t *rows) next() (item, error) {
	t.text.begin()
	row, err := t.in.Read()
	if errors.Is(err, io.EOF) {
		return item{}, io.EOF
	}
	if errors.Is(err, errTooLong) {
		return item{}, &unreadable{fmt.Sprintf("The row behind line %d is longer than %d MiB.", t.line, maxRow>>20)}
	}
	line, _ := t.in.FieldPos(0)
	t.line = line
	it := item{line: uint64(max(line, 0)), ticket: &ticketLine{Type: typeTicket}}
	if err != nil {
		if wrong, ok := errors.AsType[*csv.ParseError](err); ok {
			it.line, it.problem = uint64(max(wrong.StartLine, 0)), "This line is no valid CSV."
			return it, nil
		}
		return it, err
	}
	for i, cell := range row {
		if i >= len(t.columns) || t.columns[i].Field == "" {
			continue
		}
		if wrong := it.ticket.set(t.columns[i].Field, plainCell(cell)); wrong != "" {
			it.problem = wrong
		}
	}
	return it, nil
}

// plainCell is the opposite of Harmless.
func plainCell(cell string) string {
	if rest, ok := strings.CutPrefix(cell, "'"); ok && Harmless(rest) != rest {
		return rest
	}
	return cell
}

// set takes a cell of a CSV, or says what is wrong with it.
func (l *ticketLine) set(field, cell string) (wrong string) {
	text := strings.TrimSpace(cell)
	if name, ok := strings.CutPrefix(field, customColumn); ok {
		if text != "" {
			if l.CustomFields == nil {
				l.CustomFields = map[string]any{}
			}
			l.CustomFields[name] = text
		}
		return ""
	}
	switch field {
	case "requester_email", "requester_name":
		if l.Requester == nil {
			l.Requester = &personLine{}
		}
		if field == "requester_email" {
			l.Requester.Email = text
		} else {
			l.Requester.Name = text
		}
	case "assignee_email":
		if text != "" {
			l.Assignee = &personLine{Email: text}
		}
	case "tags":
		l.Tags = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '|' })
	case "description":
		l.Description = cell
	case "created_at", "updated_at", "first_response_at", "resolved_at", "closed_at":
		return l.setTime(field, text)
	default:
		*map[string]*string{
			"title": &l.Title, "status": &l.Status, "priority": &l.Priority, "category": &l.Category, "external_id": &l.ExternalID,
		}[field] = text
	}
	return ""
}

// timeForms are the times that a CSV may have; those without a zone are UTC.
var timeForms = []string{
	time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 MST", "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04", time.DateOnly,
	"02.01.2006 15:04:05", "02.01.2006 15:04", "02.01.2006",
}

func (l *ticketLine) setTime(field, text string) (wrong string) {
	if text == "" {
		return ""
	}
	for _, form := range timeForms {
		t, err := time.Parse(form, text)
		if err != nil {
			continue
		}
		*map[string]**time.Time{
			"created_at": &l.CreatedAt, "updated_at": &l.UpdatedAt, "first_response_at": &l.FirstResponse,
			"resolved_at": &l.ResolvedAt, "closed_at": &l.ClosedAt,
		}[field] = &t
		return ""
	}
	return "The " + field + " field is no time like 2026-11-20T10:30:00Z or 2026-11-20 10:30."
}
