package web

import (
	"errors"
	"io"
	"net/http/httptest"
	"testing"
	"testing/iotest"
)

// A client that announces more than is allowed gets its answer, however slowly it sends.
func TestReadBodyDoesNotWaitForTooMuch(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", io.NopCloser(iotest.ErrReader(errors.New("was read"))))
	r.ContentLength = maxLogin + 1
	if _, err := readBody(httptest.NewRecorder(), r, maxLogin); !errors.Is(err, errTooLarge) {
		t.Errorf("readBody of too much: %v, want %v", err, errTooLarge)
	}
}
