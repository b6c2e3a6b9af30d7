package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginSync has the disk begin to write a part of a file. It is a hint: what it does not
// reach the sync does.
func beginSync(f *os.File, from, n int64) {
	_ = unix.SyncFileRange(int(f.Fd()), from, n, unix.SYNC_FILE_RANGE_WRITE)
}
