package proxy_test

import (
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/deskgate/deskgate/proxy"
)

// h2spec asks the whole of RFC 7540 and RFC 7541. It finds its server by the name that it asks for.
func TestH2Spec(t *testing.T) {
	n := newNodeAt(t, proxy.Internal, "localhost")
	n.start(t)
	_, port, err := net.SplitHostPort(n.server.HTTPSAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := &config.Config{Host: "localhost", Path: "/", Timeout: 3 * time.Second, MaxHeaderLen: 4000, TLS: true, Insecure: true, Strict: true}
	if c.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	passed, failed := 0, 0
	for _, g := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		g.Test(c)
		passed, failed = passed+g.PassedCount, failed+g.FailedCount+g.SkippedCount
	}
	t.Logf("%d passed, %d failed or were skipped", passed, failed)
	if passed < 141 {
		t.Errorf("%d tests of h2spec passed, want at least 141 of 146", passed)
	}
}
