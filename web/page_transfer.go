package web

import (
	"context"
	"encoding/csv"
	"errors"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets/transfer"
	"github.com/deskgate/deskgate/web/words"
)

const transferPath = "/agent/settings/transfer"

// transferPage lists the imports, and begins another or an export.
func (s *Server) transferPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderTransfer(w, r, http.StatusOK, nil)
}

func (s *Server) renderTransfer(w http.ResponseWriter, r *http.Request, status int, wrong fieldErrors) error {
	jobs, err := s.transfers.Jobs(r.Context(), callerOf(r).tenant)
	if err != nil {
		return err
	}
	view := &transferView{frame: s.settingsFrame(r, "Import and export", transferPath), Done: s.noticeOf(r), Errors: wrong}
	for i := range jobs {
		view.Jobs = append(view.Jobs, s.jobRow(view.Reader, &jobs[i]))
		view.Refresh = view.Refresh || jobs[i].Active()
	}
	return s.render(w, r, status, "transfer", view)
}

// jobStates are the states of an import in the words of the team, with the key of their chip.
var jobStates = map[transfer.State]statusLabel{
	transfer.Checking: {Key: "open", Text: words.Key("Being checked")},
	transfer.Checked:  {Key: "waiting", Text: words.Key("Waits for you")},
	transfer.Running:  {Key: "open", Text: words.Key("Being imported")},
	transfer.Done:     {Key: "done", Text: words.Key("Imported")},
	transfer.Failed:   {Key: "alert", Text: words.Key("Could not be read")},
}

func (s *Server) jobRow(to words.Reader, j *transfer.Job) jobRow {
	row := jobRow{
		ID: j.ID, Name: j.Name, Size: sizeText(j.Size), State: jobStates[j.State], Began: j.CreatedAt,
		Tickets: int(j.Tickets), Comments: int(j.Comments), Files: int(j.Files), Skipped: int(j.Skipped), Problems: int(j.Problems),
	}
	row.State.Text = to.T(row.State.Text)
	if j.State == transfer.Running && j.Items > 0 {
		row.Percent = int(100 * j.Place / max(j.Items, 1))
	}
	return row
}

// beginTransfer takes a file to import, as multipart, or the wish for an export.
func (s *Server) beginTransfer(w http.ResponseWriter, r *http.Request) error {
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/form-data" {
		if _, err := readForm(w, r, maxLogin); err != nil {
			return err
		}
		return s.export(w, r)
	}
	body := r.Body
	if held, ok := body.(heldBody); ok {
		body = held.unheld()
	}
	var j transfer.Job
	ctx, c := r.Context(), callerOf(r)
	parts := multipart.NewReader(http.MaxBytesReader(w, body, transfer.MaxSize+maxJSON), params["boundary"])
	err = readParts(parts, func(string, string) error { return nil }, func(part *multipart.Part) error {
		if j.ID != "" {
			return nil
		}
		var err error
		j, err = s.transfers.Begin(ctx, c.tenant, c.actor(), fileName(part), part)
		return err
	})
	switch {
	case errors.Is(err, transfer.ErrTooMany):
		return s.renderTransfer(w, r, http.StatusConflict, fieldErrors{"file": {"There are too many imports. Remove some first."}})
	case err != nil && sentenceOf(s.words(r), err) != "":
		return s.renderTransfer(w, r, http.StatusUnprocessableEntity, fieldErrors{"file": {sentenceOf(s.words(r), err)}})
	case err != nil:
		return err
	case j.ID == "":
		return s.renderTransfer(w, r, http.StatusUnprocessableEntity, fieldErrors{"file": {"Choose a file."}})
	}
	s.logTransfer(r, "import.checked", j.ID, j.Name)
	return seeOther(w, tenant.VisitFrom(r.Context()), transferPath+"/"+j.ID)
}

// logTransfer writes into the audit log what was done. It has been done already, so that a failure is only reported.
func (s *Server) logTransfer(r *http.Request, action, object, detail string) {
	c := callerOf(r)
	s.report(s.tenants.Log(r.Context(), c.tenant.ID, tenant.Event{
		Actor: c.Actor(), Action: action, Object: object, Detail: detail, IP: tenant.VisitFrom(r.Context()).ClientIP.String(),
	}))
}

// export sends everything of the tenant. What goes wrong on the way breaks the answer off, so that no half of it is taken for a
// whole.
func (s *Server) export(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	err := s.tenants.Log(r.Context(), c.tenant.ID, tenant.Event{
		Actor: c.Actor(), Action: "tenant.exported", Object: c.tenant.Slug, IP: tenant.VisitFrom(r.Context()).ClientIP.String(),
	})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", disposition(c.tenant.Slug+"-"+time.Now().UTC().Format(time.DateOnly)+".zip"))
	if err := s.transfers.Export(r.Context(), c.tenant, w); err != nil {
		if !errors.Is(err, context.Canceled) {
			s.report(err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

// problemsShown is how many of an import's problems its page shows; the report has all.
const problemsShown = 100

func (s *Server) importPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	j, problems, err := s.transfers.Job(r.Context(), c.tenant, r.PathValue("id"), problemsShown)
	if err != nil {
		return err
	}
	view := &importView{frame: s.settingsFrame(r, "Import", transferPath), Job: j, Refresh: j.Active()}
	view.Row = s.jobRow(view.Reader, &j)
	view.Waits, view.Ended = j.State == transfer.Checked, j.State == transfer.Done
	view.More = int(j.Problems) > len(problems)
	for _, p := range problems {
		view.Problems = append(view.Problems, problemRow{Line: strconv.FormatUint(p.Line, 10), Field: p.Field, Text: view.Reader.Say(p.Text), Skips: p.Skips})
	}
	view.Why = view.Reader.Say(j.Why)
	return s.render(w, r, http.StatusOK, "import", view)
}

// startImport has a checked import written, or removes it.
func (s *Server) startImport(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c, id := callerOf(r), r.PathValue("id")
	visit := tenant.VisitFrom(r.Context())
	if values.Get("do") == "remove" {
		if err := s.transfers.Remove(r.Context(), c.tenant, id); err != nil {
			return err
		}
		s.logTransfer(r, "import.removed", id, "")
		return seeOther(w, visit, transferPath)
	}
	if err := s.transfers.Start(r.Context(), c.tenant, id, values.Has("tell")); err != nil {
		return err
	}
	s.logTransfer(r, "import.started", id, "")
	return seeOther(w, visit, transferPath+"/"+id)
}

// importReport is what was wrong with an import's lines, as CSV.
func (s *Server) importReport(w http.ResponseWriter, r *http.Request) error {
	const all = 5000
	j, problems, err := s.transfers.Job(r.Context(), callerOf(r).tenant, r.PathValue("id"), all)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", disposition(j.ID+".csv"))
	out := csv.NewWriter(w)
	rows := [][]string{{"line", "field", "problem", "left_out"}}
	for _, p := range problems {
		rows = append(rows, []string{
			strconv.FormatUint(p.Line, 10), transfer.Harmless(p.Field), transfer.Harmless(p.Text), strconv.FormatBool(p.Skips),
		})
	}
	_ = out.WriteAll(slices.Clip(rows)) // a client that has gone away is not our error
	return nil
}

// transferView is the page with all imports.
type transferView struct {
	frame

	Done   string
	Jobs   []jobRow
	Errors fieldErrors
	// Refresh: something goes on, so that the page loads itself again.
	Refresh bool
}

// jobRow is an import in a list.
type jobRow struct {
	ID, Name, Size                              string
	State                                       statusLabel
	Began                                       time.Time
	Tickets, Comments, Files, Skipped, Problems int
	Percent                                     int
}

// importView is the page of one import.
type importView struct {
	frame

	Job      transfer.Job
	Row      jobRow
	Problems []problemRow
	// More: there are more problems than are shown.
	More bool
	Why  string
	// Waits: it can be started. Ended: it was written.
	Waits, Ended, Refresh bool
}

type problemRow struct {
	Line, Field, Text string
	Skips             bool
}
