package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// within returns a directory of programs that an account may enter: bin itself
// or, where it may not because root has it in its home, a copy in dir of bin and
// what lies beside it.
func within(dir, bin string, as *syscall.Credential) (string, error) {
	if as == nil || reachable(bin, as) {
		return bin, nil
	}
	to := filepath.Join(dir, "programs")
	if err := os.CopyFS(to, os.DirFS(filepath.Dir(bin))); err != nil {
		return "", fmt.Errorf("copy %s: %w", filepath.Dir(bin), err)
	}
	return filepath.Join(to, filepath.Base(bin)), nil
}

// reachable reports whether an account may enter a directory and all above it.
func reachable(dir string, as *syscall.Credential) bool {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return false
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		mine := ok && owner.Uid == as.Uid && info.Mode()&0o100 != 0
		if !mine && info.Mode()&0o001 == 0 {
			return false
		}
		if dir == filepath.Dir(dir) {
			return true
		}
	}
}
