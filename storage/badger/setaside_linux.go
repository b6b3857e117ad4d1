package badger

import (
	"os"

	"golang.org/x/sys/unix"
)

// setAside gives f size bytes of the disk.
func setAside(f *os.File, size int64) error {
	return unix.Fallocate(int(f.Fd()), 0, 0, size)
}
