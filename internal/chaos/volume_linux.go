package chaos

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func mount(dir string, size int64) error {
	return unix.Mount("chaos", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d,mode=0777", size))
}

func unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

// allocate extends a file by some bytes.
func allocate(f *os.File, at, n int64) error { return unix.Fallocate(int(f.Fd()), 0, at, n) }
