package tenant_test

import (
	v1 "encoding/json"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/deskgate/deskgate/tenant"
)

// Both of the packages that write our documents write times alike, and read them again.
func TestMoment(t *testing.T) {
	type document struct {
		At tenant.Moment  `json:"at"`
		No *tenant.Moment `json:"no"`
	}
	for in, want := range map[string]string{
		"2026-11-20T10:30:47Z":              "2026-11-20T10:30:47.000Z",
		"2026-11-20T10:30:47.4Z":            "2026-11-20T10:30:47.400Z",
		"2026-11-20T11:30:47.408999+01:00":  "2026-11-20T10:30:47.408Z",
		"2026-11-20T10:30:47.000000001Z":    "2026-11-20T10:30:47.000Z",
		"0001-01-01T00:00:00Z":              "0001-01-01T00:00:00.000Z",
		"2026-11-20T23:30:00.120-05:00":     "2026-11-21T04:30:00.120Z",
		"2026-11-20T10:30:47.999999999Z":    "2026-11-20T10:30:47.999Z",
		"2026-11-20T10:30:47.1200000+00:00": "2026-11-20T10:30:47.120Z",
	} {
		at, err := time.Parse(time.RFC3339, in)
		if err != nil {
			t.Fatal(err)
		}
		want = `{"at":"` + want + `","no":null}`
		d := document{At: tenant.Moment(at)}
		for name, marshal := range map[string]func(any) ([]byte, error){
			"new": func(v any) ([]byte, error) { return json.Marshal(v) }, "old": v1.Marshal,
		} {
			got, err := marshal(d)
			if string(got) != want || err != nil {
				t.Errorf("%s: %s is written as %s, want %s (%v)", name, in, got, want, err)
			}
			var back document
			if err := json.Unmarshal(got, &back); err != nil || !time.Time(back.At).Equal(at.Truncate(time.Millisecond)) {
				t.Errorf("%s: %s is read as %v, %v", name, got, time.Time(back.At), err)
			}
		}
	}
}
