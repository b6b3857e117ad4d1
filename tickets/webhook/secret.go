package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"
)

// secretPrefix is what the specification has secrets begin with.
const secretPrefix = "whsec_"

func newSecret() []byte {
	b := make([]byte, sha256.Size)
	_, _ = rand.Read(b) // it never fails
	return b
}

func printSecret(b []byte) string { return secretPrefix + base64.StdEncoding.EncodeToString(b) }

// valid are the secrets that still sign.
func valid(all []Secret, at time.Time) []Secret {
	return slices.DeleteFunc(slices.Clone(all), func(s Secret) bool { return !s.Until.IsZero() && !s.Until.After(at) })
}

// sign are the headers that prove who sends a body: one signature for each secret that is valid.
func sign(all []Secret, id string, at time.Time, body []byte) map[string]string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	var signatures []string
	for _, s := range valid(all, at) {
		mac := hmac.New(sha256.New, s.Key)
		mac.Write([]byte(id + "." + stamp + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return map[string]string{
		"Webhook-Id": id, "Webhook-Timestamp": stamp, "Webhook-Signature": strings.Join(signatures, " "),
		"Content-Type": "application/json",
	}
}
