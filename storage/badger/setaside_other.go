//go:build !linux

package badger

import (
	"errors"
	"os"
)

// setAside gives f size bytes of the disk.
func setAside(*os.File, int64) error { return errors.ErrUnsupported }
