package proxy

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/deskgate/deskgate/proxy/upstream"
)

// What tests look at from outside, because nobody else has to.
var (
	Blanked = blanked
	Secret  = secret
	MayRest = mayRest
)

// FailedUpload is the status of a request whose visitor seems to have left while its body was forwarded for some time.
func FailedUpload(r *http.Request, after time.Duration) (status int) {
	x := &exchange{ResponseWriter: httptest.NewRecorder()}
	x.body = guardBody(x, r)
	time.Sleep(after)
	defer func() {
		_ = recover() // it panics where nobody is there to be answered
		status = x.status
	}()
	newMetrics(0).failed(x, r, upstream.Gone)
	return 0
}
