package upstream

import (
	"context"
	"errors"
	"io"
	"time"
)

// body is a visitor's body that remembers why it could not be read. The transport may report that the request was
// cancelled instead: where a body's time is over, net/http takes the visitor for gone in the same moment.
type body struct {
	io.ReadCloser

	failed chan error
}

// readEnds is how long a read takes to return once its request is over.
const readEnds = 100 * time.Millisecond

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.As(err, new(*BodyError)) {
		select {
		case b.failed <- err:
		default:
		}
	}
	return n, err
}

// failure is why the body could not be read, or nil.
func (b *body) failure(ctx context.Context) error {
	if b == nil || ctx.Err() == nil {
		return nil
	}
	select {
	case err := <-b.failed:
		return err
	case <-time.After(readEnds):
		return nil
	}
}
