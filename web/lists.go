package web

import (
	"net/http"
	"slices"

	"github.com/deskgate/deskgate/tickets"
)

// list is a page of a list, as the contract shows it.
type list[T any] struct {
	Data       []T     `json:"data"`
	HasMore    bool    `json:"has_more"`
	NextCursor *string `json:"next_cursor"`
	Total      *int    `json:"total,omitempty"`
}

// portion is the part of a list that is asked for.
type portion struct {
	limit  int
	cursor string // the id of the last entry that the client has; empty: it begins
}

// portion is asked for by limit and cursor.
func (p *parameters) portion() portion {
	s := portion{limit: p.limit(), cursor: p.text("cursor")}
	if s.limit == 0 {
		s.limit = mostListed
	}
	return s
}

// encodeList answers with a portion of a list that is short enough to be read whole. A document's id has to be its own in
// the list.
func encodeList[T any](w http.ResponseWriter, r *http.Request, s portion, all []T, id func(*T) string) error {
	if s.cursor != "" {
		last := slices.IndexFunc(all, func(d T) bool { return id(&d) == s.cursor })
		if last < 0 {
			return tickets.ErrBadCursor
		}
		all = all[last+1:]
	}
	answer := list[T]{Data: all}
	if len(all) > s.limit {
		answer.Data, answer.HasMore = all[:s.limit], true
		answer.NextCursor = new(id(&all[s.limit-1]))
		linkNext(w, r, *answer.NextCursor)
	}
	return encode(w, http.StatusOK, answer)
}
