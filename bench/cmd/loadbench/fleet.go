package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/specstar-worker/worker/bench/internal/items"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// fleet is worker processes on an empty database and a broker of their own.
type fleet struct {
	dsn     string
	drop    func() error
	broker  *server.Server
	factory *postgres.Factory
	workers []*exec.Cmd
	global  []string
	program string
}

// startFleet starts n workers and waits until they consume; with 0 there is only the
// store.
func (b *bench) startFleet(ctx context.Context, n int) (_ *fleet, err error) {
	f := &fleet{program: b.worker}
	if f.dsn, f.drop, err = b.server.Database(ctx); err != nil {
		return nil, err
	}
	if f.factory, err = postgres.Open(ctx, postgres.Config{DSN: f.dsn}); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	// The model is made first: making its tables is not what is measured.
	if err := f.factory.SaveModel(ctx, storage.ModelInfo{Name: items.Model, Encoding: "json", IndexedPaths: []string{"level", "name", "team"}}); err != nil {
		return nil, errors.Join(err, f.stop())
	}
	if n == 0 {
		return f, nil
	}
	dir, err := os.MkdirTemp(b.dir, "round-*")
	if err == nil {
		err = f.startBroker(filepath.Join(dir, "nats"))
	}
	if err != nil {
		return nil, errors.Join(err, f.stop())
	}
	f.global = []string{"--store", f.dsn, "--nats", f.broker.ClientURL(), "--data", filepath.Join(dir, "data"), "--sources", b.dir, "--log-level", "warn"}
	for range n {
		cmd := exec.Command(b.worker, append([]string{"run", "--listen", "off"}, f.global...)...)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			return nil, errors.Join(err, f.stop())
		}
		f.workers = append(f.workers, cmd)
	}
	return f, nil
}

func (f *fleet) startBroker(dir string) (err error) {
	f.broker, err = server.NewServer(&server.Options{
		ServerName: "loadbench", Host: "127.0.0.1", Port: server.RANDOM_PORT,
		JetStream: true, StoreDir: dir, SyncAlways: true, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return err
	}
	f.broker.Start()
	if !f.broker.ReadyForConnections(20 * time.Second) {
		return errors.New("the broker does not start")
	}
	return nil
}

// stop ends the workers and forgets what they wrote.
func (f *fleet) stop() (err error) {
	for _, cmd := range f.workers {
		err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, cmd := range f.workers {
		err = errors.Join(err, cmd.Wait())
	}
	if f.broker != nil {
		f.broker.Shutdown()
		f.broker.WaitForShutdown()
	}
	if f.factory != nil {
		err = errors.Join(err, f.factory.Close())
	}
	if f.drop != nil {
		err = errors.Join(err, f.drop())
	}
	return err
}

// loaded is how a load went: seconds.
type loaded struct{ whole, planning, publishing float64 }

// load loads the archive and tells how long that took, from the claim of the job to its
// end.
func (f *fleet) load(ctx context.Context, b *bench, on manager.OnDuplicate) (l loaded, err error) {
	// The start of the workers is not measured: they have done something before.
	nothing := filepath.Join(b.dir, "nothing.acbak")
	if _, err := items.Write(nothing, 0); err != nil {
		return l, err
	}
	if err := pgserver.Checkpoint(ctx, f.dsn); err != nil {
		return l, err
	}
	if _, err := f.submit(ctx, nothing, manager.Skip); err != nil {
		return l, err
	}
	job, err := f.submit(ctx, b.file, on)
	if err != nil {
		return l, err
	}
	chunks, err := f.factory.Ledger().Chunks(ctx, job.ID)
	if err != nil {
		return l, err
	}
	first, last := job.Finished, job.Created
	for _, ch := range chunks {
		o, err := manager.ReadChunkOutcome(ch)
		if err != nil {
			return l, err
		}
		if o.Began.Before(first) {
			first = o.Began
		}
		if end := o.Began.Add(time.Duration(o.Millis) * time.Millisecond); end.After(last) {
			last = end
		}
	}
	if len(chunks) < 2 {
		return l, fmt.Errorf("the load has %d chunks: it was not divided", len(chunks))
	}
	return loaded{job.Finished.Sub(job.Created).Seconds(), first.Sub(job.Created).Seconds(), job.Finished.Sub(last).Seconds()}, nil
}

// submit submits a load and waits for its end.
func (f *fleet) submit(ctx context.Context, file string, on manager.OnDuplicate) (storage.Job, error) {
	cmd := exec.CommandContext(ctx, f.program, append([]string{"submit", "load", "file:" + file, "--on-duplicate", string(on), "-o", "json"}, f.global...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return storage.Job{}, fmt.Errorf("submit a load: %w: %s%s", err, out.Bytes(), errs.Bytes())
	}
	var receipt struct {
		JobID string `json:"job_id"`
	}
	if err := json.Unmarshal(out.Bytes(), &receipt); err != nil {
		return storage.Job{}, fmt.Errorf("submit a load: %w", err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		job, err := f.factory.Ledger().Find(ctx, receipt.JobID)
		switch {
		case err != nil:
			return job, err
		case job.State == storage.JobDone:
			return job, nil
		case job.State.Final():
			return job, fmt.Errorf("the load is %s: %s: %s", job.State, job.ErrorCode, job.ErrorMessage)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return job, ctx.Err()
		}
	}
}
