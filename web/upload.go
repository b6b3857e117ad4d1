package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
	"github.com/deskgate/deskgate/web/words"
)

// maxParts is how many parts a multipart body may have.
const maxParts = 200

// posted is a message as one of our own pages' forms has it: its fields, and the files that came with it.
type posted struct {
	url.Values

	// files are what the message is to have: those that this form brought, behind those that were kept from an earlier try.
	files []file.Info
	// wrong are the sentences about files that could not be taken, for the field "files". Where there are any, the form is to be
	// shown again, with the files that could be.
	wrong []string
}

// idsOf are the files' IDs.
func idsOf(files []file.Info) []string {
	ids := make([]string, len(files))
	for i, f := range files {
		ids[i] = f.ID
	}
	return ids
}

// contentOf is what makes a form with other files another one: their names and contents, not their IDs, for a form that is sent
// twice brings its files twice.
func contentOf(files []file.Info) string {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%s\x00%x\x00", f.Name, f.Mark)
	}
	return b.String()
}

// readMessage reads a form that may bring files, as multipart/form-data with the files in the field "files" or, from a form
// without any, urlencoded. Files are stored as the caller's; "attachment_ids" names those that are stored from an earlier try.
func (s *Server) readMessage(w http.ResponseWriter, r *http.Request) (*posted, error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		values, err := readForm(w, r, maxForm)
		if err != nil {
			return nil, err
		}
		p := &posted{Values: values}
		return p, s.keepEarlier(r, p)
	}
	body, err := uploadBody(w, r, callerOf(r).tenant)
	if err != nil {
		return nil, err
	}
	p := &posted{Values: url.Values{}}
	u := &upload{server: s, request: r, most: file.MaxPerMessage}
	defer u.release()
	if err := u.read(r.Context(), multipart.NewReader(body, params["boundary"]), p.field); err != nil {
		return nil, err
	}
	if err := addressed(r, p.Values, len(u.kept)+len(u.wrong) > 0); err != nil {
		return nil, err
	}
	p.wrong = u.wrong
	if err := s.keepEarlier(r, p); err != nil {
		return nil, err
	}
	return p, p.store(r.Context(), u)
}

// field takes a field that is no file.
func (p *posted) field(name, value string) error {
	if !utf8.ValidString(name) || !utf8.ValidString(value) {
		return malformed("The body is not UTF-8.")
	}
	p.Add(name, strings.ReplaceAll(value, "\r\n", "\n"))
	return nil
}

// keepEarlier finds the files that are stored from an earlier try.
func (s *Server) keepEarlier(r *http.Request, p *posted) error {
	c, ids := callerOf(r), slices.Compact(p.Values["attachment_ids"])
	earlier, err := s.desk.Uploads(r.Context(), c.tenant, c.actor(), ids)
	p.files = append(earlier, p.files...)
	return err
}

// store makes the files of an upload the caller's, as many as the message may have.
func (p *posted) store(ctx context.Context, u *upload) error {
	if room := file.MaxPerMessage - len(p.files); len(u.kept) > room {
		p.wrong = append(p.wrong, sentenceOf(u.server.words(u.request), &file.LimitError{Limit: "count", Most: file.MaxPerMessage}))
		u.most = room
	}
	infos, err := u.store(ctx)
	if tooMuch, ok := errors.AsType[*file.LimitError](err); ok {
		p.wrong = append(p.wrong, sentenceOf(u.server.words(u.request), tooMuch))
		return nil
	}
	p.files = append(p.files, infos...)
	return err
}

// uploadBody is the request's body for a handler that does not keep it in memory: it may be as large as all files of one message,
// and does not count among the bodies that are held.
func uploadBody(w http.ResponseWriter, r *http.Request, t *tenant.Tenant) (io.Reader, error) {
	most := file.MaxPerMessage*t.Settings.AttachmentLimit() + maxJSON
	if r.ContentLength > most {
		return nil, errTooLarge
	}
	body := r.Body
	if held, ok := body.(heldBody); ok {
		body = held.unheld()
	}
	return http.MaxBytesReader(w, body, most), nil
}

// readTyped reads the fields of a form that came from nobody we know, and says whether there were files: those are passed over.
func (s *Server) readTyped(w http.ResponseWriter, r *http.Request) (values url.Values, files bool, err error) {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		values, err = readForm(w, r, maxForm)
		return values, false, err
	}
	body, err := uploadBody(w, r, tenant.VisitFrom(r.Context()).Tenant)
	if err != nil {
		return nil, false, err
	}
	p := &posted{Values: url.Values{}}
	err = readParts(multipart.NewReader(body, params["boundary"]), p.field, func(*multipart.Part) error {
		files = true
		return nil
	})
	return p.Values, files, err
}

// upload takes the files of one multipart body, one after the other.
type upload struct {
	server  *Server
	request *http.Request
	most    int
	// strict: the first file that can't be taken is an error. Else it is a sentence in wrong, and the others are taken.
	strict bool

	kept  []file.Loose
	wrong []string
}

// read takes all parts; field gets those that are no file.
func (u *upload) read(ctx context.Context, parts *multipart.Reader, field func(name, value string) error) error {
	return readParts(parts, field, func(part *multipart.Part) error { return u.take(ctx, fileName(part), part) })
}

// readParts goes through the parts of a multipart body.
func readParts(parts *multipart.Reader, field func(name, value string) error, file func(*multipart.Part) error) error {
	room := int64(maxForm)
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil:
			return brokenBody(err, "The body is not a valid multipart form.")
		case n == maxParts:
			return malformed("The body has too many parts.")
		case part.FormName() == "":
			return malformed("A part of the body has no name that can be read. Names and file names stand in quotes, as in name=\"files\"; filename=\"a b.txt\".")
		case isFile(part):
			err = file(part)
		case part.FormName() != "files": // else a field for files in which none was chosen
			err = textPart(part, &room, field)
		}
		if err != nil {
			return err
		}
	}
}

// isFile says whether a part is a file that somebody has chosen.
func isFile(part *multipart.Part) bool { return part.FileName() != "" }

// fileName is what the sender calls the file. Browsers write what cannot stand in a header like a URL.
func fileName(part *multipart.Part) string {
	return strings.NewReplacer("%22", `"`, "%0D", "", "%0A", " ").Replace(part.FileName())
}

// textPart reads a part that is a field, of which all together may be so large as room says.
func textPart(part *multipart.Part, room *int64, field func(name, value string) error) error {
	value, err := io.ReadAll(io.LimitReader(part, *room+1))
	if *room -= int64(len(value)); *room < 0 {
		return errTooLarge
	}
	if err != nil {
		return brokenBody(err, "The body is not a valid multipart form.")
	}
	return field(part.FormName(), string(value))
}

// take stores one file's bytes.
func (u *upload) take(ctx context.Context, name string, r io.Reader) error {
	err := u.admit(ctx)
	if err == nil {
		var kept file.Loose
		c := callerOf(u.request)
		if kept, err = u.server.desk.Keep(ctx, c.tenant, c.actor(), name, r); err == nil {
			u.kept = append(u.kept, kept)
			return nil
		}
	}
	sentence := sentenceOf(u.server.words(u.request), err)
	if u.strict || sentence == "" {
		return brokenBody(err, "The body ended early.")
	}
	u.wrong = append(u.wrong, file.CleanName(name)+": "+sentence)
	return nil
}

// store makes the first files the caller's, as many as there may be.
func (u *upload) store(ctx context.Context) ([]file.Info, error) {
	c, n := callerOf(u.request), min(len(u.kept), max(u.most, 0))
	if n == 0 {
		return nil, nil
	}
	infos, err := u.server.desk.Upload(ctx, c.tenant, c.actor(), u.kept[:n])
	if err == nil {
		u.kept = u.kept[n:]
	}
	return infos, err
}

// release removes the files that were not stored.
func (u *upload) release() {
	u.server.report(u.server.desk.Release(callerOf(u.request).tenant, u.kept))
	u.kept = nil
}

// admit counts one file against what one message and one requester may send.
func (u *upload) admit(ctx context.Context) error {
	if len(u.kept) == u.most {
		return &file.LimitError{Limit: "count", Most: int64(u.most)}
	}
	c, limits := callerOf(u.request), u.server.doors.Limits
	if !c.Requester() {
		return nil
	}
	bucket := limit.Bucket{Name: "uploads", Limit: int64(c.tenant.Settings.UploadsPerHour), Period: time.Hour}
	if c.Level == auth.Asserted { // who is nobody in particular can be many
		bucket.Name = "uploads-ip"
		key := string(c.tenant.ID) + " " + limit.IP(tenant.VisitFrom(ctx).ClientIP)
		return limits.Take(ctx, bucket, key).Err()
	}
	return limits.Take(ctx, bucket, string(c.tenant.ID)+" "+c.Actor()).Err()
}

// brokenBody tells a body that ended early, or is too large, from what is our own fault.
func brokenBody(err error, reason string) error {
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	_, known := errors.AsType[*file.LimitError](err)
	_, limited := errors.AsType[*limit.Error](err)
	switch {
	case tooLarge:
		return errTooLarge
	case known, limited, errors.Is(err, file.ErrEmpty), errors.Is(err, file.ErrUnavailable):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, multipart.ErrMessageTooLarge):
		return malformed(reason)
	}
	p := malformed(reason)
	p.Cause = err
	return p
}

// sentenceOf is what to say to people about a file that can't be taken; empty for what they can do nothing about.
func sentenceOf(to words.Reader, err error) string {
	tooMuch, isLimit := errors.AsType[*file.LimitError](err)
	_, often := errors.AsType[*limit.Error](err)
	switch {
	case isLimit && tooMuch.Limit == "size":
		return to.T("This file is too large. A file may have at most %s.", sizeText(tooMuch.Most))
	case isLimit && tooMuch.Limit == "count":
		return to.T("These are too many files. A message may have at most %s.", strconv.FormatInt(tooMuch.Most, 10))
	case isLimit:
		return to.T("This help desk has no room for more files.")
	case errors.Is(err, file.ErrEmpty):
		return to.T("This file is empty.")
	case often:
		return to.T("You have sent a lot of files. Wait a little, then try again.")
	}
	return ""
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }
