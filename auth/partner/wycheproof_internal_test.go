package partner

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/deskgate/deskgate/tenant"
)

// vectorGroup are tokens of Project Wycheproof that are checked with one key or key set. The tokens hold no claims, so that
// they come to an end with the signature.
type vectorGroup struct {
	Public  json.RawMessage
	Private json.RawMessage
	Tests   []struct {
		ID     int `json:"tcId"`
		JWS    string
		Result string
	}
}

// wycheproof is the folder of the module with the vectors, as make tools has it downloaded. No package of ours imports it: it
// would embed a hundred megabytes in the tests.
func wycheproof(t *testing.T) string {
	t.Helper()
	module, err := os.ReadFile(filepath.Join("testdata", "wycheproof.txt"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", strings.TrimSpace(string(module)))
	cmd.Env = append(os.Environ(), "GOPROXY=off")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the vectors of Project Wycheproof are not here, run make tools: %v\n%s", err, out)
	}
	var found struct{ Dir string }
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	return found.Dir
}

func vectors(t *testing.T, name string) []vectorGroup {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(wycheproof(t), "testvectors_v1", name))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ TestGroups []vectorGroup }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.TestGroups
}

// ring are the group's keys as a tenant could have set them: public keys as they are, shared secrets by their bytes.
func (g *vectorGroup) ring(t *testing.T) keyring {
	t.Helper()
	if g.Public != nil {
		keys, _, err := tenant.ParseKeySet(g.Public)
		if err != nil {
			return keyring{}
		}
		return keyring{keys: publicKeys(keys)}
	}
	type secret struct{ Kty, Kid, Alg, K string }
	var set struct {
		secret

		Keys []secret
	}
	if err := json.Unmarshal(g.Private, &set); err != nil {
		t.Fatal(err)
	}
	if set.Keys == nil {
		set.Keys = []secret{set.secret}
	}
	var ring keyring
	for _, k := range set.Keys {
		text, err := base64.RawURLEncoding.DecodeString(k.K)
		if err != nil || k.Kty != "oct" {
			return keyring{} // nobody can set such a mixture
		}
		const least = 16 // bytes that a secret must have
		if len(text) >= least && k.Alg == "HS256" {
			ring.keys = append(ring.keys, checkKey{id: k.Kid, name: k.Kid, method: jwt.SigningMethodHS256, key: text})
		}
	}
	return ring
}

// brokenBefore is the first rule that a token breaks up to the signature, empty if its signature is good.
func brokenBefore(ring keyring, raw string) string {
	e := newExamination(&tenant.Tenant{}, tenant.KindJWT, ring, raw)
	for _, r := range rules() {
		if r.check(e) != nil {
			return r.name
		}
		if r.name == "signature" {
			break
		}
	}
	return ""
}

// TestWycheproof: no token is taken that must not be, and of the others those whose algorithm and key we take at all.
func TestWycheproof(t *testing.T) {
	for _, tc := range []struct {
		file string
		// took is how many good tokens we take; refused are the good ones that we don't, by the rule of ours that they break.
		took    int
		refused map[string]int
		// lax are the bad ones that we take by a rule of ours.
		lax []int
	}{
		// Keys for PS256 and the like, RS384, RS512 and ES512 can't be set. Two vectors are called good although a character in
		// them is not base64url, and two called bad are the same, letter for letter, as a good one.
		{"json_web_signature_test.json", 18, map[string]int{"key": 26, "form": 2}, []int{367, 370}},
		// HS384 and HS512 can't be chosen. Of keys with the same name each is tried (4), nobody looks for the mark of the ROCA
		// flaw in a key (7), and a partner's own secret may have less than 32 bytes (10).
		{"json_web_key_test.json", 3, map[string]int{"key": 2}, []int{4, 7, 10}},
	} {
		took, refused, lax := 0, map[string]int{}, []int(nil)
		for _, g := range vectors(t, tc.file) {
			ring := g.ring(t)
			for _, v := range g.Tests {
				broken := brokenBefore(ring, v.JWS)
				switch {
				case v.Result == "valid" && broken == "":
					took++
				case v.Result == "valid":
					refused[broken]++
				case broken == "":
					lax = append(lax, v.ID)
				}
			}
		}
		if diff := cmp.Diff(tc.refused, refused); diff != "" || took != tc.took {
			t.Errorf("%s: %d good ones are taken, want %d; refused by which rule (-want +got):\n%s", tc.file, took, tc.took, diff)
		}
		if !slices.Equal(lax, tc.lax) {
			t.Errorf("%s: bad ones that are taken: %v, want %v", tc.file, lax, tc.lax)
		}
	}
}
