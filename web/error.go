package web

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deskgate/deskgate/auth"
	"github.com/deskgate/deskgate/auth/limit"
	"github.com/deskgate/deskgate/auth/oidc"
	"github.com/deskgate/deskgate/auth/partner"
	"github.com/deskgate/deskgate/auth/passkey"
	"github.com/deskgate/deskgate/auth/staff"
	"github.com/deskgate/deskgate/tenant"
	"github.com/deskgate/deskgate/tickets"
	"github.com/deskgate/deskgate/tickets/notify"
	"github.com/deskgate/deskgate/tickets/rule"
	"github.com/deskgate/deskgate/tickets/transfer"
	"github.com/deskgate/deskgate/tickets/webhook"
	"github.com/deskgate/deskgate/web/words"
)

// errorDocument is the contract's error document.
type errorDocument struct {
	Success    bool                `json:"success"`
	Message    string              `json:"message"`
	Error      string              `json:"error,omitempty"`
	Code       string              `json:"code"`
	Details    string              `json:"details,omitempty"`
	Errors     map[string][]string `json:"errors,omitempty"`
	Allowed    []string            `json:"allowed,omitzero"`
	RetryAfter int                 `json:"retry_after,omitzero"`
	RequestID  string              `json:"request_id,omitempty"`
}

// fail answers with an error: as a page if the client came to see one, else as the error document.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	visit := tenant.VisitFrom(r.Context())
	if p.Status >= http.StatusInternalServerError && !errors.Is(err, context.Canceled) {
		s.log.ErrorContext(r.Context(), "request failed", slog.String("request_id", visit.RequestID),
			slog.String("method", r.Method), slog.String("pattern", r.Pattern), slog.Any("error", err))
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if p.Methods != nil {
		h.Set("Allow", strings.Join(p.Methods, ", "))
	}
	if limited, ok := errors.AsType[*limit.Error](err); ok {
		showLimit(h, limited.State)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="deskgate"`)
	}
	if visible(r) && wantsPage(r) {
		s.failPage(w, r, p)
		return
	}
	s.report(encode(w, p.Status, errorDocument{
		Message: p.Message, Error: p.Explanation, Code: p.Code, Details: p.Details, Errors: p.Fields,
		Allowed: p.Allowed, RetryAfter: seconds(p.RetryAfter), RequestID: visit.RequestID,
	}))
}

// visible reports whether people come to see what is at the address. The API and SimpleAuth's doors are for programs, but for
// the door that a partner's form leads to.
func visible(r *http.Request) bool {
	path, _ := below(tenant.VisitFrom(r.Context()).Mount, r.URL.Path)
	return !isAPI(path) && !isSimple(path) || strings.HasPrefix(path, "/api/auth/redirect/")
}

func (s *Server) failPage(w http.ResponseWriter, r *http.Request, p *answerError) {
	visit := tenant.VisitFrom(r.Context())
	view := &problemView{
		frame: s.frame(r, p.Message), Status: p.Status, Code: p.Code, Details: p.Details, Errors: p.Fields, RequestID: visit.RequestID,
	}
	view.Message, view.Explanation = view.Reader.Say(p.Message), view.Reader.Say(p.Explanation)
	if visit.Tenant != nil {
		view.Way = wayOn(view.Reader, visit, r.URL.Path)
	}
	s.report(s.render(w, r, p.Status, "problem", view))
}

// wayOn leads from a page that did not work to one that does.
func wayOn(in words.Reader, visit *tenant.Visit, path string) *link {
	mount := strings.TrimSuffix(visit.Mount, "/")
	inside, _ := below(visit.Mount, path)
	switch {
	case inside == resetPath:
		return &link{URL: mount + forgotPath, Text: in.T("Ask for a new link")}
	case strings.HasPrefix(inside, "/auth/oidc/"), strings.HasPrefix(inside, secondFactorPath),
		slices.Contains([]string{invitePath, loginPath, forgotPath}, inside):
		return &link{URL: mount + loginPath, Text: in.T("Go to the staff sign-in")}
	case inside == "/agent", strings.HasPrefix(inside, "/agent/"):
		return &link{URL: mount + "/agent", Text: in.T("All tickets")}
	}
	return &link{URL: mount + "/", Text: in.T("Go to the help desk")}
}

// report logs an error that came too late to be answered.
func (s *Server) report(err error) {
	if err != nil {
		s.log.Error("answer not written", slog.Any("error", err))
	}
}

// answers is the one table that says which error of another room is which answer. The first row that fits counts.
var answers = []struct {
	err    error
	answer *answerError
}{
	{notify.ErrLink, &answerError{
		Status: http.StatusNotFound, Code: "LINK_INVALID", Message: "This link is not good any more.",
		Explanation: "It is too old, or a part of it is missing. Sign in to the help desk instead.",
	}},
	{tenant.ErrNotFound, errTenantNotFound},
	{tenant.ErrExists, conflict("CONFLICT", "There is something with this name already.")},
	{tenant.ErrReadOnly, errUnavailable},
	{tenant.ErrTooLarge, &answerError{
		Status: http.StatusRequestEntityTooLarge, Code: "PAYLOAD_TOO_LARGE", Message: "The request is too large.",
		Explanation: "This is more than can be changed at once. Send it in several smaller parts.",
	}},

	{auth.ErrNotFound, errNotFound},
	{auth.ErrExists, conflict("CONFLICT", "There is somebody with this address or id already.")},
	{auth.ErrTwoProofs, malformed("Send one proof at most: a token, a signature or an API token.")},
	{auth.ErrSignatureInvalid, unauthorized("SIGNATURE_INVALID", "The proof that came with the request is wrong.")},
	{auth.ErrSignatureRequired, unauthorized("SIGNATURE_REQUIRED", "This help desk takes signed requests only.")},
	{auth.ErrOriginNotAllowed, forbidden("ORIGIN_NOT_ALLOWED", "Pages of this origin may not send people here.")},
	{auth.ErrInsufficientScope, forbidden("INSUFFICIENT_SCOPE", "The credentials are good, but not for this.")},
	{auth.ErrTokenUsed, brokenLink("TOKEN_USED", "This sign-in link has been used. Each works once.")},
	{auth.ErrTokenExpired, brokenLink("TOKEN_EXPIRED", "This sign-in link is too old. Each is good for two minutes.")},
	{auth.ErrTokenInvalid, brokenLink("TOKEN_INVALID", "This sign-in link is not one of ours, or not for this address.")},
	{partner.ErrInvalid, unauthorized("TOKEN_INVALID", "The token is not valid.")},
	{partner.ErrExpired, unauthorized("TOKEN_EXPIRED", "The token has expired.")},
	{partner.ErrReplayed, unauthorized("TOKEN_REPLAYED", "The token was used already. Each works once.")},
	{auth.ErrSignedOut, errUnauthenticated},
	{auth.ErrMailOff, &answerError{
		Status: http.StatusServiceUnavailable, Code: "UNAVAILABLE", Message: "Not available at the moment.",
		Explanation: "This help desk can't send mail, so there are no codes.",
	}},
	{auth.ErrConfirmed, conflict("CONFLICT", "This address is confirmed already.")},
	{auth.ErrCodeWrong, invalid(map[string][]string{"code": {"That is not the code."}})},
	{auth.ErrCodeOver, invalid(map[string][]string{"code": {"This code is no longer good."}})},
	{auth.ErrCredentialUnknown, errUnauthenticated},
	{auth.ErrCredentialRevoked, unauthorized("UNAUTHENTICATED", "The API token was revoked.")},
	{auth.ErrCredentialExpired, unauthorized("UNAUTHENTICATED", "The API token has expired.")},
	{staff.ErrWrongPassword, unauthorized("WRONG_PASSWORD", "The email address or the password is wrong.")},
	{staff.ErrWrongCode, unauthorized("WRONG_CODE", "The code is wrong, or was used already.")},
	{staff.ErrPending, unauthorized("SIGN_IN_EXPIRED", "That took too long. Begin the sign-in anew.")},
	{staff.ErrSecondFactor, conflict("SECOND_FACTOR_REQUIRED", "This help desk demands a second factor.")},
	{staff.ErrNoMail, &answerError{
		Status: http.StatusServiceUnavailable, Code: "NO_MAIL", Message: "No mail.", Explanation: "This help desk sends no mail.",
	}},
	{staff.ErrReset, &answerError{
		Status: http.StatusNotFound, Code: "RESET_INVALID", Message: "This link does not work.",
		Explanation: "It was used already, has been replaced or is too old. Ask for a new one.",
	}},
	{staff.ErrInvitation, &answerError{
		Status: http.StatusNotFound, Code: "INVITATION_INVALID", Message: "This invitation does not work.",
		Explanation: "It was used already, has been replaced or is too old. Ask for a new one.",
	}},

	{oidc.ErrOff, errNotFound},
	{oidc.ErrStale, &answerError{
		Status: http.StatusBadRequest, Code: "SIGN_IN_STALE", Message: "This sign-in is over.",
		Explanation: "It began in another browser or window, took too long, or has come to its end already. Please start again.",
	}},
	{oidc.ErrDenied, refusedSignIn("SIGN_IN_DENIED", "The provider did not let you in, or you have cancelled.")},
	{oidc.ErrUnverified, refusedSignIn("EMAIL_NOT_VERIFIED", "Your provider does not say that your email address is verified.")},
	{oidc.ErrStranger, refusedSignIn("NOT_STAFF", "Nobody with your email address is on the staff of this help desk. Ask an admin for an invitation.")},
	{oidc.ErrOtherAccount, refusedSignIn("OTHER_ACCOUNT", "The agent with your email address signs in with another account of this provider. Ask an admin.")},
	{oidc.ErrRejected, refusedSignIn("SIGN_IN_REJECTED", "The provider's answer can't be believed. The audit log says why.")},
	{oidc.ErrProvider, &answerError{
		Status: http.StatusBadGateway, Code: "PROVIDER_FAILED", Message: "The sign-in provider does not work.",
		Explanation: "It does not answer as it should. Try again, or sign in in another way. The audit log says more.",
	}},

	{passkey.ErrStale, &answerError{
		Status: http.StatusBadRequest, Code: "SIGN_IN_STALE", Message: "This sign-in is over.",
		Explanation: "It took too long, or this page was open for too long. Load it again.",
	}},
	{passkey.ErrUnknown, unauthorized("PASSKEY_UNKNOWN", "This passkey is not known here, or not any more. Remove it from your device.")},
	{passkey.ErrCopied, forbidden("PASSKEY_COPIED", "This passkey seems to be copied and signs nobody in any more. Sign in in another way and remove it.")},
	{passkey.ErrRejected, unauthorized("PASSKEY_REJECTED", "The passkey's answer is not good. Try again.")},

	{tickets.ErrNotFound, errNotFound},
	{transfer.ErrNotFound, errNotFound},
	{tickets.ErrColleagues, forbidden("FORBIDDEN", "This is a request of somebody else in your organization: you can read it, and they can change it.")},
	{tickets.ErrNotAllowed, errForbidden},
	{tickets.ErrConfirmationRequired, forbidden("CONFIRMATION_REQUIRED", "Prove your address first: with the code that we mail to it.")},
	{tickets.ErrVersionConflict, &answerError{
		Status: http.StatusPreconditionFailed, Code: "VERSION_CONFLICT", Message: "Changed meanwhile.",
		Explanation: "Somebody has changed this ticket since you saw it. Read it again.",
	}},
	{tickets.ErrIdempotencyMismatch, &answerError{
		Status: http.StatusUnprocessableEntity, Code: "IDEMPOTENCY_MISMATCH", Message: "The key was used before.",
		Explanation: "This idempotency key came with another request.",
	}},
	{tickets.ErrIdempotencyBusy, conflict("IDEMPOTENCY_BUSY", "The first request with this idempotency key is still running.")},
	{tickets.ErrIdempotencyUnknown, conflict("IDEMPOTENCY_UNKNOWN",
		"The first request with this idempotency key was cut short. Look whether it was carried out; to send it again, use another key.")},
	{tickets.ErrNotRatable, conflict("NOT_RATABLE", "A ticket can be rated once it is solved, and the rating changed for 14 days.")},
	{tickets.ErrRequestersDiffer, conflict("REQUESTERS_DIFFER",
		"These are different people's tickets. They can be merged so that neither sees more than before: by \"apart\": true.")},
	{tickets.ErrBadCursor, malformed("The cursor does not belong to this list.")},
	{tickets.ErrEventsGone, &answerError{
		Status: http.StatusGone, Code: "EVENTS_GONE", Message: "These events are gone.",
		Explanation: "Events behind this one are not kept any more, or it never was. Read everything anew and go on from the newest.",
	}},
	{rule.ErrNotFound, errNotFound},
	{rule.ErrTooMany, conflict("TOO_MANY_RULES", "There are 50 rules already. Delete one first.")},
	{webhook.ErrNotFound, errNotFound},
	{webhook.ErrTooMany, conflict("LIMIT_REACHED", "There are as many webhooks as there may be. Remove one first.")},
	{webhook.ErrPending, conflict("CONFLICT", "This delivery is on its way already.")},
	{webhook.ErrForgotten, conflict("CONFLICT", "What this delivery was to say is not kept any more.")},
	{tickets.ErrInUse, conflict("IN_USE", "There are tickets in this category. Make it inactive instead.")},

	{context.Canceled, errUnavailable},
	{context.DeadlineExceeded, errUnavailable},
}

// problemOf is the answer to an error.
func problemOf(err error) *answerError {
	if p := typedProblem(err); p != nil {
		return p
	}
	for _, row := range answers {
		if errors.Is(err, row.err) {
			p := *row.answer
			p.Cause = err
			return &p
		}
	}
	return internal(err)
}

// typedProblem is the answer to an error that brings along what the answer needs, or nil.
func typedProblem(err error) *answerError {
	if limited, ok := errors.AsType[*limit.Error](err); ok {
		return &answerError{
			Status: http.StatusTooManyRequests, Code: "RATE_LIMITED", Message: "Too many requests.",
			Explanation: "Wait a little, then try again.", RetryAfter: limited.State.RetryAfter(),
		}
	}
	if problem, ok := errors.AsType[*answerError](err); ok {
		return problem
	}
	if fields, ok := errors.AsType[tenant.FieldErrors](err); ok {
		return invalid(fields)
	}
	if p := fileProblem(err); p != nil {
		return p
	}
	if domain, ok := errors.AsType[*auth.DomainError](err); ok {
		p := forbidden("DOMAIN_NOT_VERIFIED", "This host has not been shown to belong to the help desk.")
		p.Details = domain.Host
		return p
	}
	if query, ok := errors.AsType[*tickets.QueryError](err); ok {
		return malformed("The " + query.Param + " parameter: " + query.Reason)
	}
	if merged, ok := errors.AsType[*tickets.MergedError](err); ok {
		p := conflict("TICKET_MERGED", "This ticket was merged into another one, and is not changed any more.")
		p.Details = merged.Into
		return p
	}
	if move, ok := errors.AsType[*tickets.TransitionError](err); ok {
		p := conflict("INVALID_TRANSITION", "The status can't change from "+string(move.From)+" to "+string(move.To)+".")
		p.Allowed = texts(move.Allowed)
		return p
	}
	return nil
}

// texts are the same values as plain strings; never nil.
func texts[S ~string](values []S) []string {
	plain := make([]string, len(values))
	for i, v := range values {
		plain[i] = string(v)
	}
	return plain
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
