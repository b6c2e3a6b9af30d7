package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// killed is what a killed test process has left.
type killed struct {
	dir           string
	server, shell int // process ids
}

// startVictim starts a test process with a server of its own; kill kills it.
func startVictim(t *testing.T) (v killed, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1", "TMPDIR="+apart(t))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	if _, err := fmt.Fscan(out, &v.dir, &v.server, &v.shell); err != nil {
		kill()
		t.Fatalf("the process with a server said nothing: %v", err)
	}
	return v, kill
}

// apart returns a directory where the tests of no other package look for
// something to end, and which the server's account may enter.
func apart(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgtest")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestTheServerEndsWhenItsTestIsKilled(t *testing.T) {
	t.Parallel()
	v, kill := startVictim(t)
	if pid, ok := serverIn(v.dir); !ok || pid != v.server {
		t.Errorf("serverIn = %d, %v while %d runs", pid, ok, v.server)
	}
	if err := reapOne(v.dir); err != nil || !exists(v.dir) {
		t.Errorf("the directory of a living process was reaped: %v", err)
	}
	kill()
	eventually(t, "the server and its files are gone", func() bool {
		return errors.Is(syscall.Kill(v.server, 0), syscall.ESRCH) && !exists(v.dir)
	})
}

func TestTheNextTestEndsWhatNobodyWatches(t *testing.T) {
	t.Parallel()
	v, kill := startVictim(t)
	if err := syscall.Kill(v.shell, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	kill()
	if _, runs := serverIn(v.dir); !runs {
		t.Fatal("the server ended by itself: this test shows nothing")
	}
	if err := reapOne(v.dir); err != nil {
		t.Fatal(err)
	}
	if _, runs := serverIn(v.dir); runs || exists(v.dir) {
		t.Errorf("the server runs: %v; its directory is there: %v", runs, exists(v.dir))
	}
}

// TestAProcessThatOnlyHasTheIDIsLeftAlone: the file with the id outlives its server, and
// ids are given again.
func TestAProcessThatOnlyHasTheIDIsLeftAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), prefix+"old")
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	lock, err := lockOwner(dir)
	if err != nil {
		t.Fatal(err)
	}
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(bystander.Process.Pid)
	if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), []byte(pid+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := reap(filepath.Dir(dir)); err != nil {
		t.Fatal(err)
	}
	if exists(dir) {
		t.Error("the abandoned directory is still there")
	}
	if err := bystander.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("the bystander was ended: %v", err)
	}
	var ended *exec.ExitError
	if err := bystander.Wait(); !errors.As(err, &ended) || ended.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("the bystander ended with %v, want our signal", err)
	}
}
