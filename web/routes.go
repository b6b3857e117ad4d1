package web

import "net/http"

// routes are all addresses of the product, in the order of the manual. A literal that stands where another route of the
// same method has a parameter is taken care of by that route's handler.
func (s *Server) routes() {
	s.table.add(anyHost, http.MethodGet, "/static/:file", s.open(s.asset))
}
