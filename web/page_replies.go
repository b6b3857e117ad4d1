package web

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/tickets"
)

const repliesPath = "/agent/settings/replies"

func (s *Server) repliesPage(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	all, err := s.desk.Replies(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	view := &repliesView{frame: s.settingsFrame(r, "Canned replies", repliesPath), Done: s.noticeOf(r)}
	for i := range all {
		reply := &all[i]
		row := replyRow{
			ID: reply.ID, Name: reply.Name, Shortcut: reply.Shortcut, Tags: reply.Tags, Shared: reply.Shared(),
		}
		if reply.Status != "" {
			row.Status = agentStatus(s.words(r), reply.Status)
		}
		view.Replies = append(view.Replies, row)
	}
	return s.render(w, r, http.StatusOK, "replies", view)
}

// replyPage is the form of one reply: of a new one, or of one that there is.
func (s *Server) replyPage(w http.ResponseWriter, r *http.Request) error {
	if r.PathValue("id") == "new" {
		return s.renderReply(w, r, http.StatusOK, cannedForm{}, nil)
	}
	c := callerOf(r)
	reply, err := s.desk.Reply(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.renderReply(w, r, http.StatusOK, cannedForm{
		Name: reply.Name, Shortcut: reply.Shortcut, Body: reply.Body, Status: string(reply.Status), Tags: strings.Join(reply.Tags, ", "),
		Shared: reply.Shared(), Version: reply.Version,
	}, nil)
}

// cannedForm is what somebody typed.
type cannedForm struct {
	Name, Shortcut, Body, Status, Tags string
	Shared, preview                    bool
	Version                            uint64
}

func readReply(w http.ResponseWriter, r *http.Request) (f cannedForm, err error) {
	values, err := readForm(w, r, maxForm)
	if err != nil {
		return f, err
	}
	f = cannedForm{
		Name: values.Get("name"), Shortcut: values.Get("shortcut"), Body: values.Get("body"), Status: values.Get("status"),
		Tags: values.Get("tags"), Shared: values.Get("shared") == "true", preview: values.Has("preview"),
	}
	if version := values.Get("version"); version != "" {
		if f.Version, err = strconv.ParseUint(version, 10, 64); err != nil {
			return f, malformed("The version is not a number.")
		}
	}
	return f, nil
}

func (f *cannedForm) change() tickets.ReplyChange {
	tags := slices.DeleteFunc(strings.Split(f.Tags, ","), func(tag string) bool { return strings.TrimSpace(tag) == "" })
	return tickets.ReplyChange{
		IfVersion: f.Version, Name: tickets.Set(f.Name), Shortcut: tickets.Set(f.Shortcut), Body: tickets.Set(f.Body),
		Status: tickets.Set(tickets.Status(f.Status)), Tags: tickets.Set(tags), Shared: tickets.Set(f.Shared),
	}
}

func (s *Server) renderReply(w http.ResponseWriter, r *http.Request, status int, form cannedForm, wrong fieldErrors) error {
	c, in := callerOf(r), s.words(r)
	id := r.PathValue("id")
	view := &replyView{
		frame: s.settingsFrame(r, "Canned reply", repliesPath), ID: id, New: id == "new", Form: form, Errors: wrong,
		Placeholders: tickets.Placeholders(), Admin: c.Role == auth.RoleAdmin,
	}
	view.Fixed = form.Shared && !view.Admin && !view.New
	view.Statuses = []option{{Text: in.T("As it follows from the answer")}}
	for _, one := range tickets.Statuses()[1:] {
		view.Statuses = append(view.Statuses, option{
			Value: string(one), Text: agentStatus(in, one).Text, Selected: string(one) == form.Status,
		})
	}
	if form.preview || view.Fixed {
		view.Preview = markdown(tickets.Fill(&tickets.Reply{Body: form.Body}, s.sample(c)))
	}
	return s.render(w, r, status, "reply", view)
}

// sample is what the placeholders of a preview stand for.
func (s *Server) sample(c caller) tickets.Filling {
	return tickets.Filling{
		Ticket: &tickets.Ticket{
			Number: 123, Title: "The printer is jammed", Requester: &tickets.Person{Name: "Kim Example", Email: "kim@example.com"},
		},
		Agent: c.actor(), Tenant: c.tenant, URL: TicketPage(s.directory)(c.tenant, 123),
	}
}

// saveReply keeps a new reply, or changes one. With the form's other button it only shows how the text will look.
func (s *Server) saveReply(w http.ResponseWriter, r *http.Request) error {
	form, err := readReply(w, r)
	if err != nil {
		return err
	}
	if form.preview {
		return s.renderReply(w, r, http.StatusOK, form, nil)
	}
	c := callerOf(r)
	if id := r.PathValue("id"); id == "new" {
		_, err = s.desk.AddReply(r.Context(), c.tenant, c.actor(), form.change())
	} else {
		_, err = s.desk.ChangeReply(r.Context(), c.tenant, c.actor(), id, form.change())
	}
	wrong := inTags(sentences(err))
	if errors.Is(err, tickets.ErrVersionConflict) {
		stored, err := s.desk.Reply(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
		if err != nil {
			return err
		}
		form.Version, wrong = stored.Version, changedMeanwhile()
	}
	if wrong != nil {
		return s.renderReply(w, r, problemOf(err).Status, form, wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, repliesPath, "saved")
}

func (s *Server) removeReply(w http.ResponseWriter, r *http.Request) error {
	if _, err := readForm(w, r, maxForm); err != nil {
		return err
	}
	c := callerOf(r)
	if err := s.desk.RemoveReply(r.Context(), c.tenant, c.actor(), r.PathValue("id"), 0); err != nil {
		return err
	}
	return done(w, r, repliesPath, "reply-removed")
}
