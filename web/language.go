package web

import (
	"net/http"

	"github.com/deskgate/deskgate/web/words"
)

// words is how whoever makes the request is spoken to: T says a sentence in their language, Time a time on their clocks.
func (s *Server) words(r *http.Request) words.Reader {
	return s.catalogue.Reader(s.catalogue.Choose(r.Header.Get("Accept-Language")), nil)
}
