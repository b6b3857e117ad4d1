package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/tenant"
)

// confirmedFactor is how much more somebody may write who is known than all who are not, from one address together.
const confirmedFactor = 5

// mayFile counts a request that a requester files, and mayWrite a message: a *limit.Error where there were too many. What staff and
// programs do is bounded by the API's limits alone.
func (s *Server) mayFile(r *http.Request) error {
	return s.mayFlood(r, "tickets", callerOf(r).tenant.Settings.TicketsPerHour)
}

func (s *Server) mayWrite(r *http.Request) error {
	return s.mayFlood(r, "comments", callerOf(r).tenant.Settings.CommentsPerHour)
}

func (s *Server) mayFlood(r *http.Request, what string, perHour int) error {
	c := callerOf(r)
	if !c.Requester() {
		return nil
	}
	bucket := limit.Bucket{Name: what, Limit: int64(perHour) * confirmedFactor, Period: time.Hour}
	key := c.Actor()
	if c.Level == auth.Asserted { // who is nobody in particular can be many
		bucket.Name, bucket.Limit = what+"-ip", int64(perHour)
		key = limit.IP(tenant.VisitFrom(r.Context()).ClientIP)
	}
	return s.doors.Limits.Take(r.Context(), bucket, string(c.tenant.ID)+" "+key).Err()
}

// tooMuch is what a form says that came too often, and whether it did.
func (s *Server) tooMuch(w http.ResponseWriter, r *http.Request, err error) (sentence string, often bool) {
	limited, often := errors.AsType[*limit.Error](err)
	if !often {
		return "", false
	}
	w.Header().Set("Retry-After", strconv.Itoa(seconds(limited.State.RetryAfter())))
	return s.words(r).T("You have written a lot. Wait a little, then try again."), true
}
