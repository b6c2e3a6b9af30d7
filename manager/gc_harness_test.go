package manager_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// clock is a clock that tests set.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// Now goes on a little each time it is looked at.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// gcStore is a store with a clock of its own.
type gcStore struct {
	*store
	clock *clock
	// dir is where a SQLite store lies.
	dir string
}

// eachGCStore runs a test over every kind of store.
func eachGCStore(t *testing.T, test func(t *testing.T, open func() *gcStore)) {
	t.Run("memory", func(t *testing.T) {
		test(t, func() *gcStore {
			c := &clock{at: epoch}
			return openGC(t, memory.NewWithClock(c.Now), c, "")
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		test(t, func() *gcStore { return openGCSQLite(t, t.TempDir(), &clock{at: epoch}, "") })
	})
}

func openGCSQLite(t *testing.T, dir string, c *clock, prefix string) *gcStore {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, Now: c.Now, TablePrefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return openGC(t, f, c, dir)
}

func openGC(t *testing.T, f storage.Factory, c *clock, dir string) *gcStore {
	t.Helper()
	s := catalogOf(t, f)
	s.Catalog = manager.NewCatalog(f, s.blobs, manager.Options{Now: c.Now})
	return &gcStore{store: s, clock: c, dir: dir}
}

// collect collects garbage, which must succeed.
func (s *gcStore) collect(t *testing.T, o manager.GCOptions) manager.GCReport {
	t.Helper()
	r, err := s.CollectGarbage(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantBlobs fails unless the store has exactly these blobs.
func (s *gcStore) wantBlobs(t *testing.T, want ...string) {
	t.Helper()
	got := []string{}
	for b, err := range s.blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.FileID)
	}
	want = slices.Sorted(slices.Values(want))
	if want == nil {
		want = []string{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("blobs: %s", diff)
	}
}

// remembered returns the blobs that a model remembers.
func (s *gcStore) remembered(t *testing.T, model string) []string {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for id, err := range stores.Metas.Blobs(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// sound fails unless the store verifies and no blob is condemned.
func (s *gcStore) sound(t *testing.T) {
	t.Helper()
	f, err := s.Verify(t.Context())
	if err != nil || !f.OK {
		t.Errorf("the store does not verify: %+v, %v", f.Problems, err)
	}
	for id, err := range s.factory.Garbage().Condemned(t.Context()) {
		t.Errorf("blob %s is condemned, %v", id, err)
	}
}

// declare makes a model.
func (s *gcStore) declare(t *testing.T, model string) *manager.Manager {
	t.Helper()
	m, err := s.Declare(t.Context(), storage.ModelInfo{Name: model, Encoding: resource.JSON})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// refer writes a resource whose payload refers to blobs.
func refer(ctx context.Context, m *manager.Manager, id string, blobs ...string) error {
	_, err := m.Upsert(ctx, manager.Operation{ResourceID: resource.ID(id), User: "ann", Data: reference(blobs...)})
	return err
}

// reference is a payload that refers to blobs.
func reference(blobs ...string) []byte {
	b := []byte(`{"files":[`)
	for i, id := range blobs {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"file_id":%q,"size":1}`, id)
	}
	return append(b, "]}"...)
}

func (s *gcStore) refer(t *testing.T, m *manager.Manager, id string, blobs ...string) {
	t.Helper()
	if err := refer(t.Context(), m, id, blobs...); err != nil {
		t.Fatal(err)
	}
}

// purge removes a resource with all its revisions; one without a meta too.
func (s *gcStore) purge(t *testing.T, model string, id resource.ID) {
	t.Helper()
	batch := storage.Batch{Refs: []storage.Ref{{Model: model, ID: id}}}
	err := s.factory.Unit().Update(t.Context(), batch, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: {Purge: []resource.ID{id}}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// schemaRevision is a revision of a resource at a schema version.
func schemaRevision(id resource.ID, version string, data []byte) resource.Revision {
	_, rev := simple(id, string(data))
	rev.Info.SchemaVersion = opt.Of(version)
	return rev
}

// saveRevision stores a revision without a meta.
func (s *gcStore) saveRevision(t *testing.T, model string, rev resource.Revision) {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Revisions.SaveMany(t.Context(), []resource.Revision{rev}); err != nil {
		t.Fatal(err)
	}
}

// insertJob adds a job to the ledger as it is now.
func (s *gcStore) insertJob(t *testing.T, state storage.JobState, envelope string) uuid.UUID {
	t.Helper()
	job := storage.Job{ID: uuid.New(), Kind: "save", State: storage.JobQueued, Envelope: []byte(envelope)}
	if _, err := s.factory.Ledger().Insert(t.Context(), []storage.Job{job}); err != nil {
		t.Fatal(err)
	}
	if state.Final() {
		job.State = state
		if err := s.factory.Ledger().Settle(t.Context(), []storage.Job{job}); err != nil {
			t.Fatal(err)
		}
	}
	return job.ID
}
