package pgtest

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestProgramsOutOfReachAreCopied: root often has the repository in its home,
// where the account of the server may not enter.
func TestProgramsOutOfReachAreCopied(t *testing.T) {
	root := apart(t)
	bin := install(t, filepath.Join(root, "home", "pg", "bin"), "postgres")
	install(t, filepath.Join(root, "home", "pg", "lib"), "libpq.so")
	stranger := &syscall.Credential{Uid: 4_000_000, Gid: 4_000_000}
	to := t.TempDir()
	for mode, want := range map[os.FileMode]string{0o755: bin, 0o750: filepath.Join(to, "programs", "bin")} {
		if err := os.Chmod(filepath.Join(root, "home"), mode); err != nil {
			t.Fatal(err)
		}
		if got, err := within(to, bin, stranger); err != nil || got != want {
			t.Errorf("mode %o: %s, %v; want %s", mode, got, err, want)
		}
		if got, err := within(to, bin, nil); err != nil || got != bin {
			t.Errorf("for ourselves: %s, %v; want %s", got, err, bin)
		}
	}
	for _, name := range []string{"bin/postgres", "lib/libpq.so"} {
		if !exists(filepath.Join(to, "programs", name)) {
			t.Errorf("%s was not copied", name)
		}
	}
}
