package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/deskgate/deskgate/tenant"
)

// mostOfPair is how much of each half of a certificate's form is read: one byte more than may be, so that it is seen to be too
// much. mostOfPairForm is what the whole form may have.
const (
	mostOfPair     = 64<<10 + 1
	mostOfPairForm = 1 << 20
)

// pairForm is a certificate and its key as somebody brings them on a page: as text, or as files, which count for more.
type pairForm struct {
	chain, key []byte
}

// readPairForm reads the form. Nothing of it is kept should somebody else be signed in by now.
func readPairForm(w http.ResponseWriter, r *http.Request) (*pairForm, error) {
	values, files := url.Values{}, map[string][]byte{}
	mediaType, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && mediaType == "multipart/form-data" {
		parts := multipart.NewReader(http.MaxBytesReader(w, r.Body, mostOfPairForm), params["boundary"])
		err = readParts(parts, func(name, value string) error {
			values.Add(name, value)
			return nil
		}, func(part *multipart.Part) error {
			b, err := io.ReadAll(io.LimitReader(part, mostOfPair))
			if err != nil {
				return brokenBody(err, "The body is not a valid multipart form.")
			}
			files[part.FormName()] = b
			return nil
		})
	} else {
		values, err = readForm(w, r, maxForm)
	}
	if err != nil {
		return nil, err
	}
	if err := addressed(r, url.Values{"for": values["for"], "as": values["as"]}, false); err != nil {
		return nil, err
	}
	form := &pairForm{chain: files["certificate_file"], key: files["private_key_file"]}
	if len(form.chain) == 0 {
		form.chain = []byte(values.Get("certificate"))
	}
	if len(form.key) == 0 {
		form.key = []byte(values.Get("private_key"))
	}
	return form, nil
}

// bringCertificatePage takes a certificate for a domain.
func (s *Server) bringCertificatePage(w http.ResponseWriter, r *http.Request) error {
	d, err := s.ownDomain(r)
	if err != nil {
		return err
	}
	form, err := readPairForm(w, r)
	if errors.Is(err, errTooLarge) {
		return s.renderDomain(w, r, errTooLarge.Status, "", fieldErrors{"certificate": {"This is too much: certificate and key may have 64 KiB each."}})
	}
	if err != nil {
		return err
	}
	_, err = s.bringCertificate(r, string(form.chain), string(form.key))
	wrong := sentences(err)
	if problem, is := errors.AsType[*answerError](err); is && problem.Fields != nil {
		wrong = problem.Fields
	}
	if wrong != nil {
		return s.renderDomain(w, r, http.StatusUnprocessableEntity, form.given(wrong), wrong)
	}
	if err != nil {
		return err
	}
	return done(w, r, domainPath(string(d.Host)), "certificate-brought")
}

// given is the chain, to be shown again: not if there is something wrong with it, for it may be a key.
func (f *pairForm) given(wrong fieldErrors) string {
	if wrong["certificate"] != nil || bytes.Contains(f.chain, []byte("PRIVATE")) {
		return ""
	}
	return string(f.chain)
}

// takeCertificateBackPage has the node get one by itself again.
func (s *Server) takeCertificateBackPage(w http.ResponseWriter, r *http.Request) error {
	if _, err := readForm(w, r, maxLogin); err != nil {
		return err
	}
	d, err := s.ownDomain(r)
	if err != nil {
		return err
	}
	c := callerOf(r)
	err = s.domains.As(c.Actor()).RemoveCertificate(r.Context(), c.tenant, string(d.Host))
	if err != nil && !errors.Is(err, tenant.ErrNotFound) { // or it was asked for twice
		return err
	}
	return done(w, r, domainPath(string(d.Host)), "certificate-removed")
}
