package certificate_test

import (
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"

	"github.com/mholt/acmez/v3/acme"

	"github.com/deskgate/deskgate/proxy/certificate"
	"github.com/deskgate/deskgate/storage"
)

func TestJudge(t *testing.T) {
	wrap := func(p acme.Problem) error { return fmt.Errorf("[a.example] Obtain: %w", p) }
	for _, tc := range []struct {
		err        error
		reason     string
		everywhere bool
	}{
		{
			wrap(acme.Problem{Type: acme.ProblemTypeUnauthorized, Status: 403, Detail: "Invalid response from http://a.example"}),
			"The certificate authority refused: Invalid response from http://a.example.", false,
		},
		{
			wrap(acme.Problem{Type: acme.ProblemTypeCAA, Status: 403, Subproblems: []acme.Subproblem{
				{Problem: acme.Problem{Detail: "CAA record for a.example prevents issuance."}},
			}}),
			"The certificate authority refused: CAA record for a.example prevents issuance.", false,
		},
		{
			wrap(acme.Problem{Type: acme.ProblemTypeRateLimited, Status: 429, Detail: "too many new orders (300) from this account in the last 3h0m0s"}),
			"The certificate authority wants fewer requests: too many new orders (300) from this account in the last 3h0m0s.", true,
		},
		{
			wrap(acme.Problem{Type: acme.ProblemTypeRateLimited, Status: 429, Detail: `too many certificates (50) already issued for "a.example"`}),
			`The certificate authority wants fewer requests: too many certificates (50) already issued for "a.example".`, false,
		},
		{
			fmt.Errorf("order: %w", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
			"The certificate authority could not be reached: dial tcp: connection refused.", false,
		},
		{fmt.Errorf("report: %w", storage.ErrReadOnly), "Nothing can be stored: the node's disk is nearly full.", false},
		{fmt.Errorf("order: %w", errors.New("no certificate chains")), "The certificate could not be obtained: no certificate chains.", false},
	} {
		if reason, everywhere := certificate.Judge(tc.err); reason != tc.reason || everywhere != tc.everywhere {
			t.Errorf("%v: got %q, %v, want %q, %v", tc.err, reason, everywhere, tc.reason, tc.everywhere)
		}
	}
}
