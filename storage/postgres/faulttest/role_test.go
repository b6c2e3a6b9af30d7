package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/s3"
)

// roleVariable makes this binary a worker; it holds a role.
const roleVariable = "SPECSTAR_FAULTTEST_ROLE"

// model is the model of all tests.
const model = "item"

// role is what a worker process does.
type role struct {
	// Name is "save" or "serve".
	Name string
	DSN  string
	Seed uint64
	// S3 is the address of the object store that keeps revisions; empty for none.
	S3 string

	// Of a worker that saves: how many goroutines save batches of how many jobs
	// over how many resources, until each has saved so many or the time is over.
	Op         manager.Op
	Goroutines int
	Batch      int
	Resources  int
	Saves      int
	For        time.Duration
}

// play does the role of this process.
func play(spec string) error {
	var r role
	if err := json.Unmarshal([]byte(spec), &r); err != nil {
		return err
	}
	ctx := context.Background()
	c := postgres.Config{DSN: r.DSN, Connections: r.Goroutines + 2}
	var medium *mortalMedium
	if r.S3 != "" {
		store, err := s3.Open(ctx, bucketOf(r.S3))
		if err != nil {
			return err
		}
		defer store.Close()
		medium = &mortalMedium{RevisionMedium: store.Revisions(s3.LayoutPostgresS3)}
		c.Revisions = medium
	}
	f, err := postgres.Open(ctx, c)
	if err != nil {
		return err
	}
	defer f.Close()
	switch r.Name {
	case "save":
		return r.save(ctx, f)
	case "serve":
		return r.serve(ctx, f, medium)
	}
	return fmt.Errorf("no role %q", r.Name)
}

// worker is a process with a role.
type worker struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines *bufio.Scanner
	said  bytes.Buffer
}

// start starts a worker; it is killed with the test.
func start(t *testing.T, r role) *worker {
	t.Helper()
	spec, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{cmd: exec.CommandContext(t.Context(), os.Args[0])}
	w.cmd.Env = append(os.Environ(), roleVariable+"="+string(spec))
	w.cmd.Stderr = &w.said
	out, err := w.cmd.StdoutPipe()
	if err == nil {
		w.in, err = w.cmd.StdinPipe()
	}
	if err == nil {
		err = w.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.lines = bufio.NewScanner(out)
	w.lines.Buffer(nil, 1<<20)
	return w
}

// open opens the store of a test and declares its model.
func open(t *testing.T, c postgres.Config) *postgres.Factory {
	t.Helper()
	f, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	declare(t, f)
	return f
}

// declare makes the model known and returns its manager.
func declare(t *testing.T, f storage.Factory) *manager.Manager {
	t.Helper()
	m, err := manager.NewCatalog(f, nil, manager.Options{}).Declare(t.Context(), storage.ModelInfo{Name: model})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
