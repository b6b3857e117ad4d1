package web

import (
	"net/http"

	"github.com/deskgate/deskgate/tickets"
)

// replyDocument is a canned reply in the API.
type replyDocument struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Shortcut *string  `json:"shortcut"`
	Body     string   `json:"body"`
	Status   *string  `json:"status"`
	AddTags  []string `json:"add_tags"`
	Shared   bool     `json:"shared"`
	Version  uint64   `json:"version"`
}

func replyOf(r *tickets.Reply) replyDocument {
	return replyDocument{
		ID: r.ID, Name: r.Name, Shortcut: orNull(r.Shortcut), Body: r.Body, Status: orNull(string(r.Status)), AddTags: r.Tags,
		Shared: r.Shared(), Version: r.Version,
	}
}

// replyChange is the body of a request that keeps or changes a canned reply.
type replyChange struct {
	Name     optional[string]         `json:"name"`
	Shortcut optional[string]         `json:"shortcut"`
	Body     optional[string]         `json:"body"`
	Status   optional[tickets.Status] `json:"status"`
	AddTags  optional[[]string]       `json:"add_tags"`
	Shared   optional[bool]           `json:"shared"`
}

func (r replyChange) change() tickets.ReplyChange {
	return tickets.ReplyChange{
		Name: r.Name.field(), Shortcut: r.Shortcut.field(), Body: r.Body.field(), Status: r.Status.field(), Tags: r.AddTags.field(),
		Shared: r.Shared.field(),
	}
}

func (s *Server) listReplies(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	p := queryOf(r)
	part := p.portion()
	if err := p.err(); err != nil {
		return err
	}
	all, err := s.desk.Replies(r.Context(), c.tenant, c.actor())
	if err != nil {
		return err
	}
	answer := make([]replyDocument, 0, len(all))
	for i := range all {
		answer = append(answer, replyOf(&all[i]))
	}
	return encodeList(w, r, part, answer, func(d *replyDocument) string { return d.ID })
}

func (s *Server) createReply(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in replyChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := c.mayShare(); err != nil {
		return err
	}
	reply, err := s.desk.AddReply(r.Context(), c.tenant, c.actor(), in.change())
	if err != nil {
		return err
	}
	locate(w, r, "/api/canned-replies/"+reply.ID)
	return encode(w, http.StatusCreated, replyOf(&reply))
}

func (s *Server) showReply(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	reply, err := s.desk.Reply(r.Context(), c.tenant, c.actor(), r.PathValue("id"))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(reply.Version))
	return encode(w, http.StatusOK, replyOf(&reply))
}

func (s *Server) changeReply(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	var in replyChange
	if _, err := decode(w, r, &in); err != nil {
		return err
	}
	if err := c.mayShare(); err != nil {
		return err
	}
	change := in.change()
	var err error
	if change.IfVersion, err = onlyVersion(r); err != nil {
		return err
	}
	reply, err := s.desk.ChangeReply(r.Context(), c.tenant, c.actor(), r.PathValue("id"), change)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", etag(reply.Version))
	return encode(w, http.StatusOK, replyOf(&reply))
}

func (s *Server) deleteReply(w http.ResponseWriter, r *http.Request) error {
	c := callerOf(r)
	if err := c.mayShare(); err != nil {
		return err
	}
	version, err := onlyVersion(r)
	if err != nil {
		return err
	}
	if err := s.desk.RemoveReply(r.Context(), c.tenant, c.actor(), r.PathValue("id"), version); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
