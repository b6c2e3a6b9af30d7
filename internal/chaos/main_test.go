package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/internal/s3test"
)

// programs are what all runs of this binary use.
var programs struct{ dir, server string }

// asItIs builds the worker as it is, quick with claims that end sooner; once for all.
var (
	asItIs  = sync.OnceValues(func() (string, error) { return buildOnce("plain") })
	pointed = sync.OnceValues(func() (string, error) {
		dir := filepath.Join(programs.dir, "points")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		return BuildPoints(context.Background(), dir)
	})
	jumping = sync.OnceValues(func() (string, error) {
		dir := filepath.Join(programs.dir, "clock")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		return BuildClock(context.Background(), dir)
	})
	quick = sync.OnceValues(func() (string, error) { return buildOnce("quick", ShortLease...) })
)

func buildOnce(name string, changes ...Change) (string, error) {
	dir := filepath.Join(programs.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	return Build(context.Background(), dir, changes...)
}

// built returns a program, see [asItIs].
func built(t *testing.T, build func() (string, error)) string {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

func TestMain(m *testing.M) {
	for _, e := range os.Environ() {
		// Settings of whoever runs the tests must not reach the commands under test.
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "SPECSTAR_") && name != longVariable {
			os.Unsetenv(name)
		}
	}
	dir, err := os.MkdirTemp("", "chaos-programs-")
	programs.dir = dir
	// The account of the object store, for the harness itself.
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": s3test.AccessKey, "AWS_SECRET_ACCESS_KEY": s3test.SecretKey} {
		err = errors.Join(err, os.Setenv(name, value))
	}
	if err == nil {
		programs.server, err = BuildServer(context.Background(), dir)
	}
	if err != nil {
		_ = os.RemoveAll(dir)
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// longVariable makes tests take their time.
const longVariable = "SPECSTAR_TEST_LONG"

func long() bool { return os.Getenv(longVariable) != "" }

// number returns the number in an environment variable, or another one.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
