package faulttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// durable starts a server of the test's own that keeps every acknowledged commit
// when it is killed.
func durable(t *testing.T, settings map[string]string) *pgtest.Server {
	t.Helper()
	o := pgtest.Options{Settings: map[string]string{"synchronous_commit": "on"}}
	for name, value := range settings {
		o.Settings[name] = value
	}
	s, err := pgtest.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(pgtest.Immediate); err != nil {
			t.Error(err)
		}
	})
	return s
}

// load is a job that loads the archive.
func load(onDuplicate string) jobs.Delivery {
	return jobs.Delivery{
		MessageID: uuid.NewSHA1(uuid.NameSpaceOID, []byte("the load")).String(), Number: 1, Published: noon,
		Body: fmt.Appendf(nil, `{"schema":1,"kind":"load","user":"ann","args":{"source":"upload:%s","on_duplicate":%q}}`, archiveName, onDuplicate),
	}
}

// until delivers messages again and again until all are done, as a queue does, and
// returns how often it had to.
func until(ctx context.Context, x *jobs.Executor, ds []jobs.Delivery) (again int, err error) {
	for {
		var left []jobs.Delivery
		pause := time.Duration(0)
		for i, v := range x.Execute(ctx, ds) {
			switch {
			case v.Action == jobs.ActionAck && v.State == storage.JobDone:
				continue
			case v.Action == jobs.ActionAck || v.Action == jobs.ActionBury:
				return again, fmt.Errorf("job %s is %s: %w", v.Text, v.State, v.Err)
			}
			pause = max(pause, v.After)
			ds[i].Number++
			left = append(left, ds[i])
		}
		if len(left) == 0 {
			return again, nil
		}
		ds = left
		again++
		time.Sleep(pause)
		for x.Probe(ctx) != nil {
			if ctx.Err() != nil {
				return again, ctx.Err()
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// busy loads the archive and saves a stream of saves at the same time; it returns
// how often something was delivered again.
func busy(t *testing.T, f storage.Factory, dir, onDuplicate string) int {
	t.Helper()
	var wg sync.WaitGroup
	again := make([]int, 2)
	errs := make([]error, 2)
	wg.Go(func() {
		x := newExecutor(f, jobs.FileSources{Uploads: dir})
		again[0], errs[0] = until(t.Context(), x, []jobs.Delivery{load(onDuplicate)})
	})
	wg.Go(func() {
		x := newExecutor(f, nil)
		for n := 0; n < either(3000, 20_000) && errs[1] == nil; n += 50 {
			var ds []jobs.Delivery
			for k := range 50 {
				ds = append(ds, message{n + k, 1}.delivery(300))
			}
			more := 0
			more, errs[1] = until(t.Context(), x, ds)
			again[1] += more
		}
	})
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	return again[0] + again[1]
}

// dump returns the digest of everything in the store, and its length.
func dump(t *testing.T, f storage.Factory) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := manager.NewCatalog(f, nil, manager.Options{}).DumpTo(t.Context(), &b, manager.DumpOptions{}); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x of %d bytes", sha256.Sum256(b.Bytes()), b.Len())
}

// TestServerFailsUnderLoad disturbs a load and a stream of saves; in the end the
// store is what an undisturbed run makes, without a restart of the program.
func TestServerFailsUnderLoad(t *testing.T) {
	t.Parallel()
	s := durable(t, nil)
	dir := writeArchive(t, 10_500)
	calm, err := s.CreateDatabase(t.Context(), "calm", pgtest.DatabaseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	f := open(t, postgres.Config{DSN: calm})
	began := time.Now()
	busy(t, f, dir, "raise_error")
	span := time.Since(began)
	want := dump(t, f)
	for _, c := range []struct {
		name, onDuplicate string
		disturb           func(ctx context.Context, t *testing.T, s *pgtest.Server, dsn string)
		cut               float64 // of all commits
	}{
		{"killed", "raise_error", func(ctx context.Context, t *testing.T, s *pgtest.Server, _ string) {
			if err := s.Restart(context.WithoutCancel(ctx), pgtest.Immediate); err != nil {
				t.Error(err)
			}
		}, 0},
		{"sessions terminated", "skip", func(ctx context.Context, t *testing.T, _ *pgtest.Server, dsn string) { terminate(ctx, dsn) }, 0},
		{"cut in commit", "raise_error", nil, 0.1},
		{"killed and cut in commit", "skip", func(ctx context.Context, t *testing.T, s *pgtest.Server, _ string) {
			if err := s.Restart(context.WithoutCancel(ctx), pgtest.Immediate); err != nil {
				t.Error(err)
			}
		}, 0.05},
	} {
		t.Run(c.name, func(t *testing.T) {
			shown := 0
			for round := range either(1, 20) {
				name := fmt.Sprint(c.name, round)
				dsn, err := s.CreateDatabase(t.Context(), name, pgtest.DatabaseOptions{})
				if err != nil {
					t.Fatal(err)
				}
				p, through := startProxy(t, dsn)
				f := open(t, postgres.Config{DSN: through})
				if c.cut > 0 {
					p.OnCommit = func() bool { return rand.Float64() >= c.cut/2 }
					p.OnCommitted = p.OnCommit
				}
				ctx, stop := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				disturbed := 0
				if c.disturb != nil {
					wg.Go(func() {
						for ; disturbed < either(3, 8); disturbed++ { // a load must come to its end between two
							select {
							case <-time.After(span/8 + rand.N(span/4)):
								c.disturb(ctx, t, s, dsn)
							case <-ctx.Done():
								return
							}
						}
					})
				}
				began := time.Now()
				again := busy(t, f, dir, c.onDuplicate)
				took := time.Since(began)
				stop()
				wg.Wait()
				span = min(span, took) // the machine may have been busy during the calm run
				if got := dump(t, f); got != want {
					t.Errorf("the dump is %s; undisturbed %s", got, want)
				}
				if again > 0 || p.Cuts.Load() > 0 { // a cut whose outcome is found out is no new delivery
					shown++
				}
				t.Logf("disturbed %d times, %d connections cut in COMMIT, %d deliveries again; an undisturbed run takes %s", disturbed, p.Cuts.Load(), again, span.Round(time.Millisecond))
			}
			if shown == 0 {
				t.Error("nothing was disturbed: the test shows nothing")
			}
		})
	}
}

// terminate ends all sessions of a database.
func terminate(ctx context.Context, dsn string) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close(context.Background()) }()
	_, _ = conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
}
