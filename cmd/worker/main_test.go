package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the worker as users run it, built once for the tests that need
// processes of their own.
var binary string

func TestMain(m *testing.M) {
	code, err := testMain(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testMain(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "worker-test-*")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "worker")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build worker: %w\n%s", err, out)
	}
	for _, e := range os.Environ() {
		// Settings of whoever runs the tests must not reach the commands under test.
		if name, _, _ := strings.Cut(e, "="); strings.HasPrefix(name, "SPECSTAR_") && name != "SPECSTAR_TEST_LONG" {
			os.Unsetenv(name)
		}
	}
	return m.Run(), nil
}

// result is what a command did.
type result struct {
	code           int
	stdout, stderr string
}

// cli runs a command in this process.
func cli(t *testing.T, args ...string) result {
	t.Helper()
	return cliIn(t, "", args...)
}

// cliIn runs a command in this process with the given standard input.
func cliIn(t *testing.T, stdin string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(t.Context(), args, strings.NewReader(stdin), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// ok fails the test unless the command succeeded, and returns its output.
func (r result) ok(t *testing.T) string {
	t.Helper()
	if r.code != exitOK {
		t.Fatalf("exit code %d\nstdout: %s\nstderr: %s", r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// into decodes the output as one JSON document.
func (r result) into(t *testing.T, v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(r.stdout))
	if err := dec.Decode(v); err != nil {
		t.Fatalf("output is not JSON: %v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	if dec.More() {
		t.Fatalf("more than one JSON document: %s", r.stdout)
	}
}

// refusal decodes the error document.
func (r result) refusal(t *testing.T) failure {
	t.Helper()
	var doc struct{ Error failure }
	r.into(t, &doc)
	if doc.Error.Code == "" || doc.Error.Message == "" {
		t.Fatalf("no code or message in %s", r.stdout)
	}
	return doc.Error
}

// process is a started worker binary.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout bytes.Buffer
	stderr *os.File
	done   chan struct{}
}

// start runs the binary in the background. It is killed when the test ends.
func start(t *testing.T, stdin io.Reader, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(binary, args...), done: make(chan struct{})}
	var err error
	if p.stderr, err = os.Create(filepath.Join(t.TempDir(), "stderr")); err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, &p.stdout, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		// The exit code is read from the process state.
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		p.stderr.Close()
	})
	return p
}

// kill ends the process without warning and waits until it is gone.
func (p *process) kill() {
	// An error means that it has ended already.
	_ = p.cmd.Process.Kill()
	<-p.done
}

// wait waits for the process to end by itself.
func (p *process) wait() result {
	p.t.Helper()
	return p.waitFor(2 * time.Minute)
}

func (p *process) waitFor(most time.Duration) result {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(most):
		p.t.Fatalf("worker %v does not end\n%s", p.cmd.Args, p.log())
	}
	return result{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.log()}
}

func (p *process) log() string {
	b, err := os.ReadFile(p.stderr.Name())
	if err != nil {
		p.t.Fatal(err)
	}
	return string(b)
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits until check holds, and fails the test after a minute.
func eventually(t *testing.T, what string, check func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-ctx.Done():
			t.Fatalf("timed out waiting for %s", what)
		case <-tick.C:
		}
	}
}

// dumpOf returns the bytes of a dump of the store.
func dumpOf(t *testing.T, store string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dump.acbak")
	cli(t, "dump", "--out", out, "--store", store).ok(t)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
