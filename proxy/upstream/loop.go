package upstream

import (
	"errors"
	"net/http"
	"strings"
)

// loopHeader names the networks that a request has come through (RFC 8586). An upstream may be the edge itself, by a wrong route or because
// somebody else's name leads here by now; a single request would then take all of its connections.
const loopHeader = "Cdn-Loop"

// mostPasses is how often a request may come through here: an application of one tenant may ask that of another.
const mostPasses = 3

var errLoop = errors.New("the request has come through here before: the upstream is this node itself")

// pass adds the edge's name to those that the request has come through.
func (p *Proxy) pass(h http.Header) error {
	if p.options.Name == "" {
		return nil
	}
	before := strings.Join(h[loopHeader], ", ")
	if before == "" {
		h[loopHeader] = p.name
		return nil
	}
	if strings.Count(before, p.options.Name) >= mostPasses {
		return errLoop
	}
	h[loopHeader] = []string{before + ", " + p.options.Name}
	return nil
}
