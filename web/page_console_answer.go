package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
	"github.com/deskgate/deskgate/web/words"
)

// answerForm is what an agent typed below a ticket.
type answerForm struct {
	body     string
	internal bool
	status   tickets.Status // what the ticket is to become; empty: what follows
	// files are stored already; wrong says what is the matter with others.
	files []file.Info
	wrong []string
	do    string // send, draft, discard, insert
	reply string // the canned reply that is to be inserted
	tags  []string
	// seen is the last message that the agent saw, "none" where there was none; empty where nobody knows.
	seen string
	key  string
}

// agentAnswer takes the form below a ticket: a reply, a note, or a draft of one.
func (s *Server) agentAnswer(w http.ResponseWriter, r *http.Request) error {
	form, err := s.readAnswer(w, r)
	if err != nil {
		return err
	}
	t, err := s.ticketOf(r)
	if err != nil {
		return err
	}
	if len(form.wrong) > 0 {
		return s.renderAgentTicket(w, r, http.StatusUnprocessableEntity, &retry{answer: &form, reply: fieldErrors{"files": form.wrong}}, nil)
	}
	switch form.do {
	case "draft":
		return s.keepDraft(w, r, t, form, "draft")
	case "insert":
		if form, err = s.insertReply(r, t, form); err != nil {
			return err
		}
		return s.keepDraft(w, r, t, form, "")
	case "discard":
		form.body, form.files = "", nil
		return s.keepDraft(w, r, t, form, "saved")
	}
	crossed, err := s.crossed(r, t, form)
	if err != nil {
		return err
	}
	if crossed != nil {
		return s.renderCrossed(w, r, t, form, crossed)
	}
	how, err := s.carryOut(r, t, form)
	if sentence := explain(err); sentence != nil {
		return s.renderAgentTicket(w, r, problemOf(err).Status, &retry{answer: &form, reply: sentence}, nil)
	}
	if err != nil {
		return err
	}
	if how == "" {
		return toTicket(w, r, t.Number, "#latest")
	}
	done := []string{"done", how}
	if form.status != "" && form.status != t.Status {
		done = append(done, turned, strconv.FormatUint(t.Number, 10))
	}
	return toTicket(w, r, t.Number, "#latest", done...)
}

// ticketOf is the ticket that the address names.
func (s *Server) ticketOf(r *http.Request) (*tickets.Ticket, error) {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	return &t, err
}

func (s *Server) readAnswer(w http.ResponseWriter, r *http.Request) (answerForm, error) {
	values, err := s.readMessage(w, r)
	if err != nil {
		return answerForm{}, err
	}
	return answerForm{
		files: values.files, wrong: values.wrong,
		body: values.Get("body"), internal: values.Get("visibility") == string(tickets.Internal),
		status: tickets.Status(values.Get("status")), do: values.Get("do"), reply: values.Get("canned"), tags: splitTags(values.Get("tags")), seen: values.Get("seen"),
		key: values.Get("key"),
	}, nil
}

// note is the comment that the form is.
func (f *answerForm) note() tickets.Note {
	n := tickets.Note{Body: f.body, Visibility: tickets.Public, Files: idsOf(f.files)}
	if f.internal {
		n.Visibility = tickets.Internal
	}
	return n
}

func (f *answerForm) once() *tickets.Idempotency {
	return once(f.key, f.body, string(f.status), strconv.FormatBool(f.internal), contentOf(f.files))
}

// carryOut sends the reply, or has it sent when it can no longer be taken back; it writes the note, or changes the status
// alone where there is no text. How is what the page says then.
func (s *Server) carryOut(r *http.Request, t *tickets.Ticket, f answerForm) (how string, err error) {
	c := callerOf(r)
	habits, err := s.desk.Habits(r.Context(), c.tenant, c.actor())
	if err != nil {
		return "", err
	}
	written := strings.TrimSpace(f.body) != "" || len(f.files) > 0
	if written && !f.internal && !habits.UndoOff {
		_, err := s.desk.Hold(r.Context(), c.tenant, c.actor(), t.Ref(), tickets.Sending{
			Body: f.body, Files: idsOf(f.files), Status: f.status, Tags: f.tags, Idempotency: f.once(),
		})
		return "", err
	}
	change := tickets.Change{Idempotency: f.once(), AddTags: f.tags}
	if f.status != "" && f.status != t.Status {
		change.Status = tickets.Set(f.status)
	}
	if how = "saved"; written || !change.Status.Present {
		change.Comment, how = new(f.note()), "sent"
	}
	if f.internal && written {
		how = "note"
	}
	if _, err = s.desk.Update(r.Context(), c.tenant, c.actor(), t.Ref(), change); err != nil {
		return "", err
	}
	return how, s.desk.KeepDraft(r.Context(), c.tenant, c.actor(), t.Ref(), tickets.DraftReply{})
}

// keepDraft keeps what was typed and leads back to it.
func (s *Server) keepDraft(w http.ResponseWriter, r *http.Request, t *tickets.Ticket, f answerForm, done string) error {
	c := callerOf(r)
	err := s.desk.KeepDraft(r.Context(), c.tenant, c.actor(), t.Ref(), f.draft())
	if sentence := explain(err); sentence != nil {
		return s.renderAgentTicket(w, r, problemOf(err).Status, &retry{answer: &f, reply: sentence}, nil)
	}
	if err != nil {
		return err
	}
	if done == "" {
		return toTicket(w, r, t.Number, "#answer")
	}
	return toTicket(w, r, t.Number, "#answer", "done", done)
}

func (f *answerForm) draft() tickets.DraftReply {
	return tickets.DraftReply{Body: f.body, Internal: f.internal, Status: f.status, Files: idsOf(f.files), Tags: f.tags}
}

// insertReply puts a canned reply behind what was typed, with its placeholders filled in.
func (s *Server) insertReply(r *http.Request, t *tickets.Ticket, f answerForm) (answerForm, error) {
	if f.reply == "" {
		return f, nil
	}
	c := callerOf(r)
	reply, err := s.desk.Reply(r.Context(), c.tenant, c.actor(), f.reply)
	if err != nil {
		return f, err
	}
	text := tickets.Fill(&reply, tickets.Filling{
		Ticket: t, Agent: c.actor(), Tenant: c.tenant, URL: TicketPage(s.directory)(c.tenant, t.Number),
	})
	if strings.TrimSpace(f.body) != "" {
		text = strings.TrimRight(f.body, "\n") + "\n\n" + text
	}
	f.body, f.status = text, cmp.Or(reply.Status, f.status)
	if f.status == t.Status || !slices.Contains(c.actor().Moves(t.Status), f.status) {
		f.status = ""
	}
	f.tags = append(f.tags, reply.Tags...)
	return f, nil
}

// agentDraft keeps what the agent has typed so far. The page's script calls it now and then; whoever types is shown to
// colleagues as replying.
func (s *Server) agentDraft(w http.ResponseWriter, r *http.Request) error {
	form, err := s.readAnswer(w, r)
	if err != nil {
		return err
	}
	t, err := s.ticketOf(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.desk.KeepDraft(r.Context(), c.tenant, c.actor(), t.Ref(), form.draft()); err != nil {
		return err
	}
	if err := s.desk.Attend(r.Context(), c.tenant, c.actor(), t.Ref(), true); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// agentUndo takes back a reply that waits, or sends it at once.
func (s *Server) agentUndo(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	how, at := "undone", "#answer"
	if values.Get("do") == "now" {
		how, at = "sent", "#latest"
		err = s.desk.SendNow(r.Context(), c.tenant, c.actor(), ref, values.Get("id"))
	} else {
		err = s.desk.Undo(r.Context(), c.tenant, c.actor(), ref, values.Get("id"))
	}
	if errors.Is(err, tickets.ErrNotFound) {
		how, at = "late", "#latest"
	} else if err != nil {
		return err
	}
	return toTicket(w, r, t.Number, at, "done", how)
}

// crossing is what colleagues or the requester wrote while the agent wrote a reply.
type crossing struct {
	messages []tickets.Comment
	sending  []string
}

// crossed finds out what was written since the agent saw the ticket; nil: nothing that matters to the reply. A note crosses
// nobody.
func (s *Server) crossed(r *http.Request, t *tickets.Ticket, f answerForm) (*crossing, error) {
	if f.internal || f.seen == "" || f.do == "anyway" || strings.TrimSpace(f.body) == "" {
		return nil, nil //nolint:nilnil // nothing crossed
	}
	c, x := callerOf(r), &crossing{}
	page, err := s.desk.LastComments(r.Context(), c.tenant, c.actor(), t.Ref(), "", messagesShown)
	if err != nil {
		return nil, err
	}
	for _, comment := range page.Comments {
		if (f.seen == "none" || comment.ID > f.seen) && comment.Author.ID != c.ID {
			x.messages = append(x.messages, comment)
		}
	}
	held, err := s.desk.HeldIn(r.Context(), c.tenant, c.actor(), t.Ref())
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		if h.Author.ID != c.ID {
			x.sending = append(x.sending, h.Author.Name)
		}
	}
	if len(x.messages) == 0 && len(x.sending) == 0 {
		return nil, nil //nolint:nilnil // nothing crossed
	}
	return x, nil
}

// renderCrossed shows what was written meanwhile beside what the agent wrote, which is kept as a draft, too.
func (s *Server) renderCrossed(w http.ResponseWriter, r *http.Request, t *tickets.Ticket, f answerForm, x *crossing) error {
	c := callerOf(r)
	if err := s.desk.KeepDraft(r.Context(), c.tenant, c.actor(), t.Ref(), f.draft()); err != nil && explain(err) == nil {
		return err
	}
	v := s.conflict(r, t, words.Key("Somebody was faster"))
	v.Action, v.Body, v.Internal = v.Href(standOf(r).ticket(t.Number, "")), f.body, f.internal
	for i := range x.messages {
		v.Messages = append(v.Messages, messageView{message: next(r, &x.messages[i])})
	}
	v.Sending = x.sending
	seen := f.seen
	if n := len(x.messages); n > 0 {
		seen = x.messages[n-1].ID
	}
	v.Hidden = []fieldView{{"seen", seen}, {"status", string(f.status)}, {"key", f.key}, {"visibility", string(f.note().Visibility)}, {"tags", strings.Join(f.tags, ",")}}
	for _, f := range f.files {
		v.Hidden = append(v.Hidden, fieldView{"attachment_ids", f.ID})
	}
	return s.render(w, r, http.StatusConflict, "conflict", v)
}

// conflict is the page that shows what two did at the same time.
func (s *Server) conflict(r *http.Request, t *tickets.Ticket, title string) *conflictView {
	v := &conflictView{frame: s.ownFrame(r, "", "tickets"), Number: t.Number, Subject: t.Title, Version: t.Version}
	v.Title, v.mount = v.T(title), strings.TrimSuffix(pathBelow(visitOf(r), "/"), "/")
	v.Back = v.Href(standOf(r).ticket(t.Number, ""))
	return v
}

// agentState deletes a ticket, brings it back, or says that it is spam or is not.
func (s *Server) agentState(w http.ResponseWriter, r *http.Request) error {
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.FindDeleted(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	do := values.Get("do")
	switch do {
	case "deleted":
		err = s.desk.Delete(r.Context(), c.tenant, c.actor(), ref, 0)
	case "restored":
		_, err = s.desk.Restore(r.Context(), c.tenant, c.actor(), ref)
	case "spam", "no-spam":
		_, err = s.desk.Update(r.Context(), c.tenant, c.actor(), ref, tickets.Change{Spam: tickets.Set(do == "spam")})
	default:
		return malformed("There is nothing like this to do.")
	}
	if err != nil && !errors.Is(err, tickets.ErrNotFound) {
		return err
	}
	return toTicket(w, r, t.Number, "", "done", cmp.Or(do, "saved"))
}
