package web

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/file"
)

// threadPage shows one ticket to its requester. The word "create" in the number's place is the form for a new one.
func (s *Server) threadPage(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("number") == "create" {
		return s.createPage(w, r)
	}
	return s.renderThread(w, r, http.StatusOK, replyForm{}, nil)
}

// replyForm is what the requester typed, with the files that are stored already.
type replyForm struct {
	body  string
	files []file.Info
}

func (s *Server) renderThread(w http.ResponseWriter, r *http.Request, status int, typed replyForm, wrong fieldErrors) error {
	view, err := s.threadView(w, r)
	if err != nil {
		return err
	}
	view.Reply, view.Files, view.Errors = typed.body, s.filesField(r, typed.files, wrong), wrong
	return s.render(w, r, status, "thread", view)
}

// threadView is the page of the ticket that the address names.
func (s *Server) threadView(w http.ResponseWriter, r *http.Request) (*threadView, error) {
	c := callerOf(r)
	seen, err := s.newestEvent(r)
	if err != nil {
		return nil, err
	}
	t, messages, err := s.thread(r, "")
	if err != nil {
		return nil, err
	}
	moves := c.actor().Moves(t.Status)
	view := &threadView{
		frame: s.ownFrame(r, "", "tickets"), Number: t.Number, Subject: t.Title,
		Category: s.categoryName(r, t.CategoryID), Opened: t.CreatedAt, Messages: messages, Files: s.filesField(r, nil, nil),
		MayReply: true, MaySolve: slices.Contains(moves, tickets.StatusResolved),
		MayReopen: slices.Contains(moves, tickets.StatusOpen), FollowUp: t.ClosedForGood(), Key: rand.Text(), Seen: seen,
	}
	view.Title, view.Script = t.Title, "thread.js"
	view.Status = statusFor(view.Reader, c, &t)
	view.Solved = slices.Contains(doneStatuses, t.Status)
	if !t.OwnedBy(c.actor()) {
		view.Colleague, view.Script = cmp.Or(t.Requester.Name, view.T("a colleague")), ""
		view.MayReply, view.MaySolve, view.MayReopen = false, false, false
		return view, nil
	}
	view.ReadBy = t.ReadBy(c.tenant)
	view.Rating = s.ratingOf(r, &t)
	view.Receipt, err = s.receipt(w, r, &t)
	return view, err
}

// messagesShown is how many comments a page shows beside the description.
const messagesShown = 50

// thread reads the ticket that the address names, with what the caller may read of it: the newest messages, or those before
// the place that the address says. At is where the page lies, but for the ticket's path.
func (s *Server) thread(r *http.Request, at string) (tickets.Ticket, []message, error) {
	c := callerOf(r)
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return tickets.Ticket{}, nil, err
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return t, nil, err
	}
	page, err := s.desk.LastComments(r.Context(), c.tenant, c.actor(), ref, r.URL.Query().Get("before"), messagesShown)
	if err != nil {
		return t, nil, err
	}
	from, err := s.origins(r, page.Comments)
	if err != nil {
		return t, nil, err
	}
	messages := []message{first(r, &t)}
	for i := range page.Comments {
		m := next(r, &page.Comments[i])
		m.From = from[i]
		m.Own = m.Own && (t.OwnedBy(c.actor()) || page.Comments[i].Author.ID == c.ID)
		messages = append(messages, m)
	}
	if page.Next != "" {
		mount := strings.TrimSuffix(tenant.VisitFrom(r.Context()).Mount, "/")
		messages[0].Skipped = mount + at + ticketPath(t.Number) + "?before=" + page.Next
	}
	return t, messages, nil
}

// first is the ticket's description as the first message of its thread.
func first(r *http.Request, t *tickets.Ticket) message {
	m := message{
		ID: "description", At: t.Asked(), Body: markdown(t.Description), Author: support, Staff: true, Files: shownFiles(r, t.Files),
	}
	if t.Requester != nil {
		m.Author, m.Staff = t.Requester.Name, false
		m.Own = callerOf(r).Requester() && t.OwnedBy(callerOf(r).actor())
	}
	return m
}

func next(r *http.Request, comment *tickets.Comment) message {
	c := callerOf(r)
	return message{
		Files: shownFiles(r, comment.Files),
		ID:    comment.ID, Author: authorName(comment.Author, c.actor()), At: comment.CreatedAt, Body: markdown(comment.Body),
		Staff: comment.Author.Role != "requester", Internal: comment.Visibility == tickets.Internal,
		Own: comment.Author.ID != "" && comment.Author.ID == c.ID || c.Requester() && comment.Author.Role == "requester",
	}
}

// categoryName is a category as people know it, or empty.
func (s *Server) categoryName(r *http.Request, id string) string {
	if id == "" {
		return ""
	}
	category, err := s.desk.Category(r.Context(), callerOf(r).tenant, tickets.System("web"), id)
	if err != nil {
		return ""
	}
	return category.Name
}

// reply takes the requester's answer.
func (s *Server) reply(w http.ResponseWriter, r *http.Request) error {
	in, err := s.readMessage(w, r)
	if err != nil {
		return err
	}
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	c, typed := callerOf(r), replyForm{body: in.Get("body"), files: in.files}
	if in.wrong != nil {
		return s.renderThread(w, r, http.StatusUnprocessableEntity, typed, fieldErrors{"files": in.wrong})
	}
	if err := s.mayWrite(r); err != nil {
		if sentence, often := s.tooMuch(w, r, err); often {
			return s.renderThread(w, r, http.StatusTooManyRequests, typed, fieldErrors{"body": {sentence}})
		}
		return err
	}
	done, err := s.desk.Comment(r.Context(), c.tenant, c.actor(), ref, tickets.Note{
		Body: typed.body, Files: idsOf(typed.files), Idempotency: once(in.Get("key"), typed.body, contentOf(typed.files)),
	})
	if wrong, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return s.renderThread(w, r, http.StatusUnprocessableEntity, typed, fieldErrors(wrong))
	}
	if err != nil {
		return err
	}
	path := ticketPath(done.Ticket.Number)
	if done.FollowUp {
		promiseReceipt(w, done.Ticket.Number)
	} else {
		path += "#" + done.Comment.ID
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), path)
}

func (s *Server) markSolved(w http.ResponseWriter, r *http.Request) error {
	return s.move(w, r, tickets.StatusResolved)
}

func (s *Server) reopen(w http.ResponseWriter, r *http.Request) error {
	return s.move(w, r, tickets.StatusOpen)
}

// move gives the requester's ticket another status. One that has it already stays as it is.
func (s *Server) move(w http.ResponseWriter, r *http.Request, to tickets.Status) error {
	c := callerOf(r)
	if _, err := readForm(w, r, maxLogin); err != nil {
		return err
	}
	ref, err := tickets.ParseRef(r.PathValue("number"))
	if err != nil {
		return err
	}
	t, err := s.desk.Find(r.Context(), c.tenant, c.actor(), ref)
	if err != nil {
		return err
	}
	if t.Status != to {
		if _, err := s.desk.Update(r.Context(), c.tenant, c.actor(), ref, tickets.Change{Status: tickets.Set(to)}); err != nil {
			return err
		}
	}
	return seeOther(w, tenant.VisitFrom(r.Context()), ticketPath(t.Number))
}

// once makes a form that is sent twice do its work once, however fast the second follows the first. Another text in the
// same form, as after going back, is another work. Nil where the form has no key.
func once(key string, content ...string) *tickets.Idempotency {
	if key == "" || len(key) > 100 {
		return nil
	}
	hash := sha256.Sum256([]byte(strings.Join(content, "\x00")))
	return &tickets.Idempotency{Key: "form " + key + " " + hex.EncodeToString(hash[:]), Hash: hash, Waits: true}
}
