package pgtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reapTimeout is how long an abandoned server may take to end.
const reapTimeout = 10 * time.Second

// reap removes the directories in dir whose owner is gone, and ends the servers
// that still run in them. Usually there are none: the shell that watches a
// server does it. It cannot when it is killed too, or the machine stops.
func reap(dir string) error {
	found, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, d := range found {
		errs = append(errs, reapOne(d))
	}
	return errors.Join(errs...)
}

func reapOne(dir string) error {
	f, err := os.Open(filepath.Join(dir, ownerFile))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil // just being made or removed, or another user's
	}
	if err != nil {
		return err
	}
	defer f.Close()
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil // its owner lives
	}
	if err != nil {
		return err
	}
	if pid, ok := serverIn(dir); ok {
		if err := endAbandoned(pid, dir); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// serverIn returns the server that runs in a cluster's directory. The file with
// its id may be old, and the id another process's by now, so the process must
// work in that very directory.
func serverIn(dir string) (pid int, ok bool) {
	data := filepath.Join(dir, "data")
	b, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil || pid <= 1 {
		return 0, false
	}
	at, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	return pid, err == nil && at == data
}

func endAbandoned(pid int, dir string) error {
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	for deadline := time.Now().Add(reapTimeout); ; time.Sleep(10 * time.Millisecond) {
		if _, runs := serverIn(dir); !runs {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the server %d in %s does not end", pid, dir)
		}
	}
}
