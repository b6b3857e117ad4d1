package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/file"
	"github.com/deskgate/deskgate/web/words"
)

// attachmentDocument is a file in the API.
type attachmentDocument struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	ContentType string        `json:"content_type"`
	Size        int64         `json:"size"`
	URL         string        `json:"url"`
	CreatedAt   tenant.Moment `json:"created_at"`
}

// attachments are files as the API shows them; never nil. Portal is where the tenant's portal begins.
func attachments(portal string, files []file.Info) []attachmentDocument {
	docs := make([]attachmentDocument, len(files))
	for i, f := range files {
		docs[i] = attachmentDocument{
			ID: f.ID, Name: f.Name, ContentType: f.Type, Size: f.Size, URL: portal + attachmentPath(f.ID), CreatedAt: tenant.Moment(f.CreatedAt),
		}
	}
	return docs
}

func attachmentPath(id string) string { return "/api/attachments/" + id }

const uploadTypes = "multipart/form-data, or a file itself with its name in the query, like ?name=photo.jpg"

// uploaded are the files that came, and, where it is one, that file itself: who uploads one has not to look into a list.
type uploaded struct {
	*attachmentDocument
	list[attachmentDocument]
}

// createAttachments stores the files of a multipart body, or the one that the body is. They can then be attached by their ids.
func (s *Server) createAttachments(w http.ResponseWriter, r *http.Request) error {
	p := queryOf(r)
	name := p.text("name")
	if err := p.err(); err != nil {
		return err
	}
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	body, tooLarge := uploadBody(w, r, callerOf(r).tenant)
	if tooLarge != nil {
		return tooLarge
	}
	u := &upload{server: s, request: r, most: file.MaxPerMessage, strict: true}
	defer u.release()
	switch {
	case name != "":
		err = u.take(r.Context(), name, body)
	case err != nil || mediaType != "multipart/form-data":
		return unsupported(uploadTypes)
	default:
		err = u.read(r.Context(), multipart.NewReader(body, params["boundary"]), func(string, string) error { return nil })
	}
	if err != nil {
		drain(body)
		return err
	}
	if len(u.kept) == 0 {
		return invalid(map[string][]string{"files": {"The files field is required."}})
	}
	infos, err := u.store(r.Context())
	if err != nil {
		return err
	}
	out := uploaded{list: list[attachmentDocument]{Data: attachments(s.directory.PortalURL(callerOf(r).tenant), infos)}}
	if len(out.Data) == 1 {
		out.attachmentDocument = &out.Data[0]
		locate(w, r, "/api/attachments/"+out.ID)
	}
	return encode(w, http.StatusCreated, out)
}

// drain reads on for a while, for clients that hear an answer only when they have said all.
func drain(body io.Reader) {
	const enough = 32 << 20
	_, _ = io.CopyN(io.Discard, body, enough)
}

// showAttachment sends a file. Whatever is in it, it does not run here: the type is ours, nothing is guessed from the bytes, a
// page made of it would be in a sandbox without an origin, and browsers save it.
func (s *Server) showAttachment(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	f, err := s.desk.File(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Disposition", disposition(f.Name))
	h.Set("Content-Type", safeType(f.Type))
	h.Set("Cache-Control", "private, no-cache")
	h.Set("ETag", `"`+hex.EncodeToString(f.Sum[:16])+`"`)
	if r.Header.Get("If-None-Match") != "" && matches(r.Header.Get("If-None-Match"), h.Get("ETag")) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	content, err := s.desk.OpenFile(r.Context(), &f)
	if err != nil {
		for _, name := range []string{"Content-Disposition", "ETag"} {
			h.Del(name)
		}
		return fmt.Errorf("attachment %s: %w", f.ID, err)
	}
	defer content.Close()
	if unit, _, _ := strings.Cut(r.Header.Get("Range"), "="); !strings.EqualFold(strings.TrimSpace(unit), "bytes") {
		r.Header.Del("Range") // RFC 9110, 14.2: a unit that is not known is none
	}
	parts := &partWriter{ResponseWriter: w}
	http.ServeContent(parts, r, "", f.CreatedAt, content)
	if parts.none {
		h.Del("Content-Disposition")
		return errNoSuchPart
	}
	return nil
}

// errNoSuchPart answers a Range that begins behind the file's end.
var errNoSuchPart = &answerError{
	Status: http.StatusRequestedRangeNotSatisfiable, Code: "RANGE_NOT_SATISFIABLE",
	Message: "There is no such part.", Explanation: "The file is shorter. Content-Range says how long it is.",
}

// partWriter keeps http.ServeContent from saying in its own words that a file has no such part.
type partWriter struct {
	http.ResponseWriter

	none bool
}

// WriteHeader passes every status on but that one.
func (w *partWriter) WriteHeader(status int) {
	if w.none = status == http.StatusRequestedRangeNotSatisfiable; !w.none {
		w.ResponseWriter.WriteHeader(status)
	}
}

// Write passes on what belongs to such a status.
func (w *partWriter) Write(b []byte) (int, error) {
	if w.none {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// matches says whether an If-None-Match header has a tag.
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == tag || one == "*" {
			return true
		}
	}
	return false
}

// safeType is the type that a file is sent with: none that a browser would run.
func safeType(kind string) string {
	switch {
	case kind == "text/html", strings.Contains(kind, "xml") && !strings.Contains(kind, "openxml"), strings.Contains(kind, "javascript"):
		return "application/octet-stream"
	case strings.HasPrefix(kind, "text/"):
		return kind + "; charset=utf-8"
	}
	return kind
}

// disposition has browsers save a file under its name: as RFC 6266 says, with the name in ASCII for those that are old and in
// RFC 8187's way for all others.
func disposition(name string) string {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	return `attachment; filename="` + ascii + `"; filename*=UTF-8''` + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
}

// deleteAttachment removes a file that the caller has uploaded and not used or, for staff, one of a ticket.
func (s *Server) deleteAttachment(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := s.desk.RemoveFile(r.Context(), c.tenant, c.actor(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// fileProblem is the answer to a file that can't be taken, or nil.
func fileProblem(err error) *answerError {
	tooMuch, ok := errors.AsType[*file.LimitError](err)
	switch {
	case ok && tooMuch.Limit == "size":
		p := *errTooLarge
		p.Explanation = sentenceOf(words.Reader{}, err)
		return &p
	case ok && tooMuch.Limit == "total":
		return conflict("QUOTA_EXCEEDED", sentenceOf(words.Reader{}, err))
	case ok, errors.Is(err, file.ErrEmpty):
		return invalid(map[string][]string{"files": {sentenceOf(words.Reader{}, err)}})
	}
	return nil
}
