package consumer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/postgres"
)

// inMemory is an archive that every load finds, until it is gone.
type inMemory struct {
	archive []byte
	gone    atomic.Bool
}

func (a *inMemory) Open(context.Context, jobs.Load) (jobs.Source, error) {
	if a.gone.Load() {
		return nil, &jobs.RefusedError{Code: jobs.CodeSourceNotFound, Err: errors.New("the archive is gone")}
	}
	return noClose{bytes.NewReader(a.archive)}, nil
}

func (a *inMemory) Pins(_ context.Context, l jobs.Load) (jobs.Load, error) { return l, nil }

type noClose struct{ *bytes.Reader }

func (noClose) Close() error { return nil }

// people are that many resources of model person, each of which was updated once.
func people(t *testing.T, n int, mark string) []byte {
	t.Helper()
	f := memory.New()
	c := manager.NewCatalog(f, nil, manager.Options{})
	m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "person"})
	if err != nil {
		t.Fatal(err)
	}
	for version, op := range []manager.Op{manager.OpCreate, manager.OpUpdate} {
		ops := make([]manager.Operation, n)
		for i := range ops {
			ops[i] = manager.Operation{Op: op, ResourceID: person(i), User: "u", Time: time.Unix(1700000000, int64(i)*1000).UTC(), Data: fmt.Appendf(nil, `{"%s":%d,"version":%d}`, mark, i, version)}
		}
		if _, err := m.SaveMany(t.Context(), ops); err != nil {
			t.Fatal(err)
		}
	}
	return contents(t, c)
}

func person(i int) resource.ID { return resource.ID(fmt.Sprintf("person:%05d", i)) }

// contents returns everything that is in a store.
func contents(t *testing.T, c *manager.Catalog) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.DumpTo(t.Context(), &b, manager.DumpOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// onLargeStores runs a test on each backend, PostgreSQL among them.
func onLargeStores(t *testing.T, test func(*testing.T, *world)) {
	onEveryStore(t, test)
	t.Run("postgres", func(t *testing.T) {
		f, err := postgres.Open(t.Context(), postgres.Config{DSN: pgtest.Database(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		test(t, newWorld(t, f))
	})
}

// perChunk is how many resources a chunk has.
const perChunk = 100

// divide has loads of an archive divided into chunks; named tells the catalog's name of
// each worker that is started.
func (w *world) divide(archive []byte) *inMemory {
	source := &inMemory{archive: archive}
	w.sources = source
	workers := 0
	w.settings = func(work *jobs.CatalogWork, c *jobs.Config) {
		workers++
		work.Catalog = manager.NewCatalog(w.factory, nil, manager.Options{Worker: fmt.Sprintf("worker-%d", workers)})
		work.DivideAbove, work.ChunkRows = 10, perChunk
		c.Chunker, c.Publisher, c.WakeAfter = work, w.sender, 300*time.Millisecond
	}
	return source
}

func (w *world) load(on manager.OnDuplicate) jobs.Receipt {
	w.t.Helper()
	return w.send(jobs.NewLoad("loader", jobs.Load{Source: "upload:x", OnDuplicate: string(on)}))[0]
}

// outcomes returns what the chunks of a job did.
func (w *world) outcomes(job uuid.UUID) []manager.ChunkOutcome {
	w.t.Helper()
	chunks, err := w.factory.Ledger().Chunks(w.t.Context(), job)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []manager.ChunkOutcome
	for _, ch := range chunks {
		o, err := manager.ReadChunkOutcome(ch)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, o)
	}
	return all
}

// TestALoadIsDoneByAllWorkers: whatever is in the store, the result and the counts are
// those of a load by one worker.
func TestALoadIsDoneByAllWorkers(t *testing.T) {
	const n = 6 * perChunk
	archive := people(t, n, "new")
	for _, on := range []manager.OnDuplicate{manager.RaiseError, manager.Overwrite, manager.Skip, manager.Newer} {
		t.Run(string(on), func(t *testing.T) {
			onLargeStores(t, func(t *testing.T, w *world) {
				w.divide(archive)
				want := manager.NewCatalog(memory.New(), nil, manager.Options{})
				if on != manager.RaiseError {
					some := people(t, n/2, "old")
					for _, c := range []*manager.Catalog{want, w.catalog} {
						if _, err := c.LoadArchive(t.Context(), bytes.NewReader(some), manager.LoadOptions{}); err != nil {
							t.Fatal(err)
						}
					}
				}
				// The old ones are as old as the new ones and differ: newer refuses them.
				stats, refused := want.LoadArchive(t.Context(), bytes.NewReader(archive), manager.LoadOptions{OnDuplicate: on})
				w.together(2)
				for range 2 {
					w.start(func(c *consumer.Config) { c.Slots = 1 })
				}
				r := w.load(on)
				if refused != nil {
					w.wait(storage.JobRefused, r)
					return
				}
				row := w.wait(storage.JobDone, r)[0]
				if !bytes.Equal(contents(t, w.catalog), contents(t, want)) {
					t.Error("the store is not that of a load by one worker")
				}
				var got manager.LoadOutcome
				if err := json.Unmarshal(row.Outcome, &got); err != nil || !maps.Equal(got.Models, stats) {
					t.Errorf("counts %+v instead of %+v, %v", got.Models, stats, err)
				}
				if row.Done != n || row.Total != n || row.Attempt > 1 {
					t.Errorf("row %+v", row)
				}
				chunks := w.outcomes(r.ID)
				if len(chunks) != n/perChunk {
					t.Errorf("%d chunks", len(chunks))
				}
				workers := map[string]bool{}
				for _, o := range chunks {
					workers[o.Worker] = true
					if o.Units != perChunk || o.Began.IsZero() {
						t.Errorf("chunk %+v", o)
					}
				}
				if len(workers) != 2 {
					t.Errorf("done by %v", slices.Collect(maps.Keys(workers)))
				}
			})
		})
	}
}

// hooked puts a function before each batch of chunks and after it.
func (w *world) hooked(before func(), after func(jobs.Verdict)) {
	w.executor = func(x *jobs.Executor) consumer.Executor {
		return executorFunc{x, func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			if strings.HasSuffix(ds[0].Subject, ".chunk") {
				before()
			}
			vs := x.Execute(ctx, ds)
			if vs[0].Kind == jobs.KindChunk {
				after(vs[0])
			}
			return vs
		}}
	}
}

// together has chunks wait until so many are being done at the same time.
func (w *world) together(n int64) {
	var begun atomic.Int64
	all := make(chan struct{})
	w.hooked(func() {
		if begun.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(20 * time.Second):
			w.t.Error("nobody else does a chunk")
		}
	}, func(jobs.Verdict) {})
}

// TestADuplicateInMidLoad: another writer creates a resource of the archive when most of
// it is staged. Nothing of the load is visible then or later.
func TestADuplicateInMidLoad(t *testing.T) {
	archive := people(t, 5*perChunk, "new")
	onLargeStores(t, func(t *testing.T, w *world) {
		w.divide(archive)
		var once sync.Once
		var m *manager.Manager
		w.hooked(func() {}, func(jobs.Verdict) {
			once.Do(func() {
				var err error
				if m, err = w.catalog.Open(context.Background(), "person"); err == nil {
					_, err = m.SaveMany(context.Background(), []manager.Operation{{Op: manager.OpCreate, ResourceID: person(432), Data: []byte(`{"mine":1}`)}})
				}
				if err != nil {
					t.Error(err)
				}
			})
		})
		w.start()
		w.start()
		row := w.wait(storage.JobRefused, w.load(manager.RaiseError))[0]
		if row.ErrorCode != string(manager.CodeDuplicate) || !strings.Contains(row.ErrorMessage, string(person(432))) {
			t.Errorf("%s: %s", row.ErrorCode, row.ErrorMessage)
		}
		stats, err := m.Stats(t.Context())
		if err != nil || stats.Metas != 1 {
			t.Errorf("%+v, %v", stats, err)
		}
		if left, err := w.factory.Ledger().CountChunks(t.Context(), row.ID); err != nil || left != 0 {
			t.Errorf("%d chunks are staged, %v", left, err)
		}
		if _, err := w.factory.Ledger().Plan(t.Context(), row.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("the plan: %v", err)
		}
	})
}

// TestOthersWriteInMidLoad: what is written while chunks are stays with skip and newer.
func TestOthersWriteInMidLoad(t *testing.T) {
	archive := people(t, 5*perChunk, "new")
	for _, on := range []manager.OnDuplicate{manager.Skip, manager.Newer} {
		t.Run(string(on), func(t *testing.T) {
			onLargeStores(t, func(t *testing.T, w *world) {
				w.divide(archive)
				var n atomic.Int64
				w.hooked(func() {
					m, err := w.catalog.Open(context.Background(), "person")
					if err == nil {
						k := (n.Add(1) - 1) % 5 // one of each chunk
						_, err = m.SaveMany(context.Background(), []manager.Operation{{Op: manager.OpUpsert, ResourceID: person(int(k)*perChunk + perChunk/2), Data: []byte(`{"mine":1}`)}})
					}
					if err != nil {
						t.Error(err)
					}
				}, func(jobs.Verdict) {})
				w.start()
				w.start()
				w.wait(storage.JobDone, w.load(on))
				m, err := w.catalog.Open(t.Context(), "person")
				if err != nil {
					t.Fatal(err)
				}
				for k := range min(int(n.Load()), 5) {
					r, err := m.Get(t.Context(), person(k*perChunk+perChunk/2), manager.GetOptions{})
					if err != nil || !strings.Contains(string(r.Data), "mine") {
						t.Errorf("%s is %s, %v", person(k*perChunk+perChunk/2), r.Data, err)
					}
				}
				if stats, err := m.Stats(t.Context()); err != nil || stats.Metas != 5*perChunk {
					t.Errorf("%+v, %v", stats, err)
				}
			})
		})
	}
}

// TestADividedLoadIsCancelled: at a moment when chunks are done, are being done and wait.
func TestADividedLoadIsCancelled(t *testing.T) {
	archive := people(t, 8*perChunk, "new")
	onLargeStores(t, func(t *testing.T, w *world) {
		w.divide(archive)
		reached, cancelled := make(chan struct{}), make(chan struct{})
		var n atomic.Int64
		w.hooked(func() {
			if n.Add(1) == 4 {
				close(reached)
			}
			if n.Load() >= 4 {
				<-cancelled
			}
		}, func(jobs.Verdict) {})
		w.start()
		r := w.load(manager.RaiseError)
		<-reached
		if _, err := w.factory.Ledger().Cancel(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		close(cancelled)
		w.wait(storage.JobCancelled, r)
		w.drained(jobs.LaneBulk, jobs.KindChunk)
		m, err := w.catalog.Open(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		if stats, err := m.Stats(t.Context()); err != nil || stats.Metas != 0 {
			t.Errorf("%+v, %v", stats, err)
		}
		w.until("nothing is staged", func() error {
			left, err := w.factory.Ledger().CountChunks(t.Context(), r.ID)
			if err == nil && left > 0 {
				err = fmt.Errorf("%d chunks", left)
			}
			return err
		})
	})
}

// TestAChunkThatFailsEndsItsLoad: with the reason of the chunk. Tried again when that has
// gone, the load goes on with the chunks that are missing.
func TestAChunkThatFailsEndsItsLoad(t *testing.T) {
	archive := people(t, 5*perChunk, "new")
	onLargeStores(t, func(t *testing.T, w *world) {
		source := w.divide(archive)
		var n atomic.Int64
		var lock sync.Mutex
		chunks := map[uuid.UUID]bool{} // that were done, however often: those that take long are published again
		w.hooked(func() {
			if n.Add(1) == 3 {
				source.gone.Store(true)
			}
		}, func(v jobs.Verdict) {
			lock.Lock()
			defer lock.Unlock()
			if v.State == storage.JobDone {
				chunks[v.ID] = true
			}
		})
		w.start()
		r := w.load(manager.Overwrite)
		row := w.wait(storage.JobRefused, r)[0]
		if row.ErrorCode != jobs.CodeSourceNotFound {
			t.Errorf("%s: %s", row.ErrorCode, row.ErrorMessage)
		}
		w.drained(jobs.LaneBulk, jobs.KindChunk)
		done, err := w.factory.Ledger().CountChunks(t.Context(), r.ID)
		if err != nil || done == 0 || done == 5 {
			t.Fatalf("%d chunks are done, %v", done, err)
		}
		source.gone.Store(false)
		o := jobs.Operator{Ledger: w.factory.Ledger(), Publisher: w.sender, Letters: consumer.NewLetters(w.js(w.nc), w.queue), By: "tester"}
		lock.Lock()
		clear(chunks)
		lock.Unlock()
		if _, err := o.Retry(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		w.wait(storage.JobDone, r)
		missing := func() (err error) {
			lock.Lock()
			defer lock.Unlock()
			if len(chunks) != 5-done {
				err = fmt.Errorf("%d chunks were done again, %d were missing", len(chunks), 5-done)
			}
			return err
		}
		w.until("the chunks that were missing are done", missing)
		w.drained(jobs.LaneBulk, jobs.KindChunk)
		if err := missing(); err != nil {
			t.Error(err)
		}
		if !bytes.Equal(contents(t, w.catalog), archive) {
			t.Error("the store is not what the archive is")
		}
	})
}

// TestLostMessagesOfChunks: the stream is emptied while chunks wait.
func TestLostMessagesOfChunks(t *testing.T) {
	archive := people(t, 6*perChunk, "new")
	onLargeStores(t, func(t *testing.T, w *world) {
		w.divide(archive)
		stream, err := w.js(w.nc).Stream(t.Context(), w.queue.StreamName())
		if err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		w.hooked(func() {
			once.Do(func() {
				if err := stream.Purge(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}, func(jobs.Verdict) {})
		w.start(func(c *consumer.Config) { c.Slots = 1 })
		w.wait(storage.JobDone, w.load(manager.RaiseError))
		if !bytes.Equal(contents(t, w.catalog), archive) {
			t.Error("the store is not what the archive is")
		}
	})
}

// TestWorkersOfADividedLoadDie: each is aborted when it has done two chunks; what was not
// acknowledged comes again. The archive is checked once, and no chunk that was done is
// done again.
func TestWorkersOfADividedLoadDie(t *testing.T) {
	const n = 12
	archive := people(t, n*perChunk, "new")
	for _, on := range []manager.OnDuplicate{manager.RaiseError, manager.Overwrite} {
		t.Run(string(on), func(t *testing.T) {
			onLargeStores(t, func(t *testing.T, w *world) {
				w.divide(archive)
				w.ackWait = 500 * time.Millisecond
				var written atomic.Int64
				plain := w.settings
				var plans atomic.Int64
				w.settings = func(work *jobs.CatalogWork, c *jobs.Config) {
					plain(work, c)
					c.Chunker = countedChunker{c.Chunker, &plans, &written}
				}
				r := w.load(on)
				for {
					h, _ := w.start(func(c *consumer.Config) { c.Slots = 1 })
					from := written.Load()
					w.until("two chunks are done", func() error {
						row, err := w.factory.Ledger().Get(t.Context(), r.ID)
						if err == nil && !row.State.Final() && written.Load() < from+2 {
							err = errors.New("not yet")
						}
						return err
					})
					h.Abort(errors.New("killed"))
					if err := h.Join(t.Context()); err == nil {
						t.Log("joined without an error")
					}
					row, err := w.factory.Ledger().Get(t.Context(), r.ID)
					if err != nil {
						t.Fatal(err)
					}
					if row.State.Final() {
						break
					}
				}
				if !bytes.Equal(contents(t, w.catalog), archive) {
					t.Error("the store is not what the archive is")
				}
				if plans.Load() != 1 || len(w.outcomes(r.ID)) != n {
					t.Errorf("%d plans, %d chunks", plans.Load(), len(w.outcomes(r.ID)))
				}
			})
		})
	}
}

// countedChunker counts plans and chunks.
type countedChunker struct {
	jobs.Chunker
	plans, chunks *atomic.Int64
}

func (c countedChunker) Plan(ctx context.Context, claim storage.Claim, by jobs.Actor, a jobs.Args, progress func(storage.Progress)) (*storage.Plan, []byte, error) {
	p, outcome, err := c.Chunker.Plan(ctx, claim, by, a, progress)
	if err == nil && p != nil {
		c.plans.Add(1)
	}
	return p, outcome, err
}

func (c countedChunker) Open(ctx context.Context, by jobs.Actor, a jobs.Args, p storage.Plan) (jobs.Chunks, error) {
	chunks, err := c.Chunker.Open(ctx, by, a, p)
	return countedChunks{chunks, c.chunks}, err
}

type countedChunks struct {
	jobs.Chunks
	done *atomic.Int64
}

func (c countedChunks) Do(ctx context.Context, ref storage.ChunkRef) error {
	err := c.Chunks.Do(ctx, ref)
	if err == nil {
		c.done.Add(1)
	}
	return err
}
