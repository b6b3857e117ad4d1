package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/deskgate/deskgate/proxy/certificate"
)

// mostSkew is how wrong a clock may be: tokens of partners are good for two minutes.
const mostSkew = 30 * time.Second

const fixClock = "sudo timedatectl set-ntp true, or install chrony"

// examineAuthorities asks the CAs whether they are there and, as they have to be asked anyway, what time it is.
func examineAuthorities(ctx context.Context, s *settings) []diagnosis {
	if s.tls != tlsACME {
		return nil
	}
	all, err := s.authorities()
	if err != nil {
		return one(err.Error(), "correct that setting")
	}
	var found []diagnosis
	for i := range all {
		found = append(found, examineAuthority(ctx, &all[i])...)
	}
	return found
}

func examineAuthority(ctx context.Context, a *certificate.Authority) []diagnosis {
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{RootCAs: a.Roots, MinVersion: tls.VersionTLS12},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.Directory, nil)
	if err != nil {
		return one(err.Error(), "correct --acme-ca")
	}
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return one(fmt.Sprintf("the CA can't be asked for certificates: %v", err),
			"let this machine reach it by HTTPS; if the reason is a certificate that is not valid yet or any more, look at the clock (timedatectl)")
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return one(fmt.Sprintf("%s answers %s", a.Directory, res.Status), "correct --acme-ca: it is the URL of the CA's directory")
	}
	theirs, err := http.ParseTime(res.Header.Get("Date"))
	if err != nil {
		return nil // it does not say
	}
	skew := time.Until(theirs).Round(time.Second)
	if skew.Abs() <= mostSkew {
		return nil
	}
	return one(fmt.Sprintf("the clock of this machine and that of %s differ by %s: sign-ins and certificates fail because of it", r.URL.Host, skew.Abs()),
		fixClock)
}
