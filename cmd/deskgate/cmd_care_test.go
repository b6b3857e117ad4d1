package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/storage"
)

// What check found comes through the socket as it was sent, damage as well.
func TestCheckedOverSocket(t *testing.T) {
	for name, want := range map[string]checked{
		"nothing": {Findings: []storage.Finding{}, Records: 3},
		"damage": {
			failure:  &failure{Code: codeFindings, Message: "The check found damage.", Details: "1 findings"},
			Findings: []storage.Finding{{Table: "tickets", Problem: "bad checksum"}}, Records: 3,
		},
	} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got checked
		if err := json.Unmarshal(b, &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(checked{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
