package main

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// knock posts redirect logins without a proof from an address of this machine, each with headers that name another visitor, and
// wants the same answer to all of them: knock ADDRESS TIMES STATUS.
func knock(ts *testscript.TestScript, _ bool, args []string) {
	times, err := strconv.Atoi(args[1])
	ts.Check(err)
	transport := &http.Transport{
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(args[0])}}).DialContext,
	}
	defer transport.CloseIdleConnections()
	for i := range times {
		r, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+ts.Getenv("HTTP")+"/api/auth/redirect/acme",
			strings.NewReader("email=eve%40example.com&name=Eve"))
		ts.Check(err)
		r.Host = "desk.localhost:8080"
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		other := fmt.Sprintf("203.0.113.%d", i)
		for _, name := range []string{"X-Forwarded-For", "CF-Connecting-IP", "X-Real-IP", "True-Client-IP", "X-Client-IP"} {
			r.Header.Set(name, other)
		}
		r.Header.Set("Forwarded", "for="+other)
		answer, err := transport.RoundTrip(r)
		ts.Check(err)
		ts.Check(answer.Body.Close())
		if strconv.Itoa(answer.StatusCode) != args[2] {
			ts.Fatalf("request %d from %s = %s, want %s", i+1, args[0], answer.Status, args[2])
		}
		if limited := answer.StatusCode == http.StatusTooManyRequests; limited != (answer.Header.Get("Retry-After") != "") ||
			answer.Header.Get("X-RateLimit-Limit") != "60" || answer.Header.Get("X-RateLimit-Reset") == "" {
			ts.Fatalf("request %d from %s = %s %v", i+1, args[0], answer.Status, answer.Header)
		}
	}
}
