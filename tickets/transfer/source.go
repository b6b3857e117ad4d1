package transfer

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Format is what sort of file an import is.
type Format string

// The formats.
const (
	CSV       Format = "csv"
	JSONLines Format = "jsonl"
	JSON      Format = "json" // one array of tickets
	Export    Format = "export"
)

// maxLine is the longest line of an import: a ticket of 64 KiB whose characters are all escaped, with its comments.
const maxLine = 8 << 20

// maxUnpacked is how much of a zip's tickets is read, in bytes.
const maxUnpacked = 10 * MaxSize

// bounded reads a file item by item, and of each at most so much.
type bounded struct {
	in         io.Reader
	most, left int
}

// errTooLong: there is more in one item than may be.
var errTooLong = errors.New("too long")

func newBounded(r io.Reader, most int) *bounded {
	return &bounded{in: r, most: most, left: most}
}

// begin begins another item.
func (b *bounded) begin() { b.left = b.most }

// Read reads, or returns errTooLong.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooLong
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// item is one ticket or comment of an import, or a line that is neither.
type item struct {
	line    uint64
	ticket  *ticketLine
	comment *commentLine
	problem string // why it cannot be read
}

// source yields the items of a file, and io.EOF behind the last. Any other error ends it for good: an *unreadable.
type source interface{ next() (item, error) }

// unreadable says why a file cannot be imported, in a sentence for people.
type unreadable struct{ why string }

// Error is the sentence.
func (e *unreadable) Error() string { return e.why }

// readAt reads a file that can seek from anywhere, as a zip has to be.
type readAt struct {
	mu sync.Mutex
	f  io.ReadSeeker
}

// ReadAt reads from an offset.
func (r *readAt) ReadAt(p []byte, off int64) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.f.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	return io.ReadFull(r.f, p)
}

// opened is a file that is being imported.
type opened struct {
	source

	format   Format
	encoding Encoding
	columns  []Column
	zip      *zip.Reader // nil but for an export
	close    func() error
}

// open finds out what a file is and begins to read it. The encoding is what was found out before; empty: nothing was.
func open(f io.ReadSeekCloser, size int64, known Encoding) (*opened, error) {
	o := &opened{encoding: known, close: f.Close}
	if known == "" {
		var err error
		if o.encoding, err = encodingOf(f); err != nil {
			return o, err
		}
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return o, err
	}
	text := bufio.NewReader(o.encoding.reader(f))
	head, err := text.Peek(512)
	if len(head) == 0 && err != nil {
		return o, &unreadable{"The file is empty."}
	}
	start := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return o, o.openZip(f, size)
	case bytes.HasPrefix(start, []byte("{")):
		o.format, o.source = JSONLines, newLines(text)
	case bytes.HasPrefix(start, []byte("[")):
		text := newBounded(text, maxLine)
		o.format, o.source = JSON, &array{text: text, in: json.NewDecoder(text)}
	default:
		rows, err := newRows(text)
		if err != nil {
			return o, err
		}
		o.format, o.columns, o.source = CSV, rows.columns, rows
	}
	return o, nil
}

// skipMark passes over a byte order mark.
func skipMark(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(len(mark))
	}
	return b
}

func (o *opened) openZip(f io.ReadSeekCloser, size int64) error {
	archive, err := zip.NewReader(&readAt{f: f}, size)
	if err != nil {
		return &unreadable{"The file is a zip that can't be read."}
	}
	list, err := archive.Open("tickets.jsonl")
	if err != nil {
		return &unreadable{"The zip is no export: there is no tickets.jsonl in it."}
	}
	o.format, o.zip, o.source = Export, archive, newLines(skipMark(&unpacked{list, maxUnpacked}))
	o.close = func() error { return errors.Join(list.Close(), f.Close()) }
	return nil
}

// unpacked reads what a zip unpacks to, at most so many bytes of it.
type unpacked struct {
	in   io.Reader
	left int64
}

// Read reads, or returns an *unreadable.
func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.in.Read(p)
	if u.left -= int64(n); u.left < 0 {
		return n, &unreadable{fmt.Sprintf("The zip unpacks to more than %d GiB.", maxUnpacked>>30)}
	}
	return n, err
}

// lines reads JSON lines.
type lines struct {
	in     *bufio.Reader
	line   uint64
	queued []item
}

func newLines(r io.Reader) *lines { return &lines{in: bufio.NewReaderSize(r, 64<<10)} }

func (l *lines) next() (item, error) {
	for {
		if len(l.queued) > 0 {
			it := l.queued[0]
			l.queued = l.queued[1:]
			return it, nil
		}
		text, err := l.read()
		if err != nil {
			return item{}, err
		}
		l.line++
		if len(bytes.TrimSpace(text)) > 0 {
			l.queued = parse(l.line, text)
		}
	}
}

// read reads a line of bounded length.
func (l *lines) read() ([]byte, error) {
	var text []byte
	for {
		part, err := l.in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case len(text) > maxLine:
			return nil, &unreadable{fmt.Sprintf("Line %d is longer than %d MiB.", l.line+1, maxLine>>20)}
		case err == nil, errors.Is(err, io.EOF) && len(text) > 0:
			return text, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// parse makes items of one JSON object: a ticket is followed by the comments that stand in it.
func parse(line uint64, text []byte) []item {
	var kind struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return []item{{line: line, problem: "This line is no JSON object."}}
	}
	switch kind.Type {
	case "", typeTicket:
		return parseTicket(line, text)
	case typeComment:
		it := item{line: line, comment: &commentLine{}}
		if err := json.Unmarshal(text, it.comment); err != nil {
			it.problem = wrongType(err)
		}
		return []item{it}
	case typeActivity:
		return nil
	}
	return []item{{line: line, problem: "This line is neither a ticket nor a comment."}}
}

func parseTicket(line uint64, text []byte) []item {
	it := item{line: line, ticket: &ticketLine{}}
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	if err := in.Decode(it.ticket); err != nil {
		it.problem = wrongType(err)
		it.ticket.Comments = nil
	}
	items := []item{it}
	for i := range it.ticket.Comments {
		items = append(items, item{line: line, comment: &it.ticket.Comments[i]})
	}
	return items
}

func wrongType(err error) string {
	if errors.Is(err, errTooMany) {
		return "This line has too many comments or attachments."
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return "The " + wrong.Field + " field has a value of the wrong type."
	}
	return "This line can't be read: a time, perhaps, that is not like 2026-11-20T10:30:00Z."
}

// array reads one JSON array of tickets. Its lines are the tickets' places in it.
type array struct {
	text   *bounded
	in     *json.Decoder
	begun  bool
	line   uint64
	queued []item
}

func (a *array) next() (item, error) {
	if !a.begun {
		if _, err := a.in.Token(); err != nil {
			return item{}, &unreadable{"The file is no JSON."}
		}
		a.begun = true
	}
	for {
		if len(a.queued) > 0 {
			it := a.queued[0]
			a.queued = a.queued[1:]
			return it, nil
		}
		a.text.begin()
		if !a.in.More() {
			if end, err := a.in.Token(); err != nil || end != json.Delim(']') {
				return item{}, a.invalid()
			}
			return item{}, io.EOF
		}
		var text json.RawMessage
		if err := a.in.Decode(&text); errors.Is(err, errTooLong) {
			return item{}, &unreadable{fmt.Sprintf("Ticket %d is longer than %d MiB.", a.line+1, maxLine>>20)}
		} else if err != nil {
			return item{}, a.invalid()
		}
		a.line++
		a.queued = parse(a.line, text)
	}
}

func (a *array) invalid() error {
	return &unreadable{fmt.Sprintf("The file is no valid JSON behind ticket %d.", a.line)}
}
