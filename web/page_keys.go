package web

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/deskgate/deskgate/tenant"
)

// keysPath is the page about the secrets that partners sign with.
const keysPath = "/agent/settings/keys"

// keysView lists the keys.
type keysView struct {
	frame

	Done string
	Keys []keyRow
}

// keyRow is one purpose and its present key.
type keyRow struct {
	Kind, Name, Use string
	Created         time.Time
	// Secret is set only where it was asked for just now; Public: there is none, the partner signs with a key of its own.
	Secret string
	Public bool
	// Retired is when the one before stops working; zero: there is none.
	Retired time.Time
}

func (s *Server) keysPage(w http.ResponseWriter, r *http.Request) error {
	return s.renderKeys(w, r, "")
}

// renderKeys lists the keys, with the secret of one kind if that was asked for.
func (s *Server) renderKeys(w http.ResponseWriter, r *http.Request, shown tenant.Kind) error {
	keys, err := s.tenants.Keys(r.Context(), callerOf(r).tenant.ID)
	if err != nil {
		return err
	}
	view := &keysView{frame: s.settingsFrame(r, "Keys", keysPath), Done: s.noticeOf(r)}
	for _, k := range []struct {
		kind      tenant.Kind
		name, use string
	}{
		{tenant.KindJWT, view.T("JWT login"), view.T("Your server signs tokens with it that say who comes: POST /api/jwt/login, and the widget.")},
		{tenant.KindRedirect, view.T("Signed redirects"), view.T("Your server signs the form that sends a visitor here, so that we believe it.")},
		{tenant.KindSimpleAuth, view.T("SimpleAuth"), view.T("Signs the links by which your customers come in.")},
		{tenant.KindSimpleAuthOperators, view.T("SimpleAuth for the team"), view.T("Signs links by which agents come in. Whoever holds it can be any of them.")},
	} {
		row := keyRow{Kind: string(k.kind), Name: k.name, Use: k.use}
		for _, one := range keys.Valid(k.kind, time.Now()) {
			if one.RetiredUntil.IsZero() {
				row.Created, row.Public = one.CreatedAt, len(one.Public) > 0
				if shown == k.kind {
					row.Secret = one.Secret
				}
			} else if one.RetiredUntil.After(row.Retired) {
				row.Retired = one.RetiredUntil
			}
		}
		view.Keys = append(view.Keys, row)
	}
	return s.render(w, r, http.StatusOK, "keys", view)
}

// kindOf is the kind of key that the path names.
func kindOf(r *http.Request) (tenant.Kind, error) {
	kind := tenant.Kind(r.PathValue("kind"))
	if !slices.Contains(tenant.Kinds(), kind) {
		return "", errNotFound
	}
	return kind, nil
}

// revealKey shows one secret, and has the audit log say so.
func (s *Server) revealKey(w http.ResponseWriter, r *http.Request) error {
	kind, err := kindOf(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	seen := tenant.Event{Actor: c.Actor(), Action: "key.shown", Object: string(kind), IP: client(r).Address()}
	if err := s.tenants.Log(r.Context(), c.tenant.ID, seen); err != nil {
		return err
	}
	return s.renderKeys(w, r, kind)
}

// rotateKey makes a new key. The one before works on for as long as was chosen.
func (s *Server) rotateKey(w http.ResponseWriter, r *http.Request) error {
	kind, err := kindOf(r)
	if err != nil {
		return err
	}
	values, err := readForm(w, r, maxLogin)
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(values.Get("grace"))
	if err != nil || !slices.Contains([]int{0, 24, 168}, hours) {
		return malformed("The grace is none of those that are offered.")
	}
	grace := time.Duration(hours) * time.Hour
	if hours == 0 {
		grace = -1
	}
	c := callerOf(r)
	if _, err := s.tenants.As(c.Actor()).Rotate(r.Context(), c.tenant.ID, kind, grace); err != nil {
		return err
	}
	return done(w, r, keysPath, "key-rotated")
}
