package web_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/deskgate/deskgate/proxy/proxytest"
	"github.com/deskgate/deskgate/web/webtest"
)

// A tenant brings a certificate for its domain by the API. Its key comes out nowhere, and other tenants see nothing of it.
func TestCertificateAPI(t *testing.T) {
	t.Parallel()
	const path = "/api/tenant/domains/support.acme-shop.com/certificate"
	n := webtest.Start(t)
	p, other := caller(t, n, n.Acme), caller(t, n, n.Bolt)
	expect(t, p.call("POST", "/api/tenant/domains", `{"host":"support.acme-shop.com"}`), 201, "")
	expect(t, p.call("GET", path, ""), 404, "")
	chain, key := pair(t, "support.acme-shop.com")
	expect(t, p.call("PUT", path, pairBody(t, chain, key)), 200, `"issuer":"Own CA"`)
	shown := p.call("GET", path, "")
	expect(t, shown, 200, `"names":["support.acme-shop.com"]`)
	if strings.Contains(shown.Body, "PRIVATE") || strings.Contains(shown.Body, "key") {
		t.Errorf("the key is shown: %s", shown.Body)
	}
	expect(t, p.call("PUT", path, pairBody(t, chain, chain)), 422, `"key":["This is a certificate`)
	expect(t, p.call("PUT", path, pairBody(t, nil, nil)), 422, "The certificate field is required.")
	for _, method := range []string{"GET", "DELETE"} {
		expect(t, other.call(method, path, ""), 404, "")
	}
	expect(t, other.call("PUT", path, pairBody(t, chain, key)), 404, "")
	expect(t, p.call("DELETE", path, ""), 204, "")
	expect(t, p.call("DELETE", path, ""), 404, "")
}

// pair is a certificate for a host that no authority knows, and its key.
func pair(t *testing.T, host string) (chain, key []byte) {
	t.Helper()
	return proxytest.NewSigner(t, "Own CA", nil).Pair(t, nil, nil, host)
}

// pairBody is what the API takes to bring one.
func pairBody(t *testing.T, certificate, key []byte) string {
	t.Helper()
	b, err := json.Marshal(map[string]string{"certificate": string(certificate), "key": string(key)})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
