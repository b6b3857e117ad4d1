package main

import (
	"os"
	"path/filepath"
	"time"
)

// backupNote is the file in the data folder whose time is that of the last whole backup. Whoever copies disks may touch it.
const backupNote = "backed-up"

func noteBackup(data string) {
	name := filepath.Join(data, backupNote)
	now := time.Now()
	if os.Chtimes(name, now, now) != nil {
		_ = os.WriteFile(name, nil, 0o600) // doctor asks for a backup then, which is not wrong
	}
}

// lastBackup is when there was a whole one, and since when there could have been; zero: never.
func lastBackup(data string) (at, since time.Time) {
	if info, err := os.Stat(filepath.Join(data, backupNote)); err == nil {
		at = info.ModTime()
	}
	for _, name := range []string{nodeFile, "master.key"} { // the one is written at each start, the other may be elsewhere
		if info, err := os.Stat(filepath.Join(data, name)); err == nil && (since.IsZero() || info.ModTime().Before(since)) {
			since = info.ModTime()
		}
	}
	return at, since
}
