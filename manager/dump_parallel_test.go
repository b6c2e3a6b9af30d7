package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// parallels are how many goroutines are tried.
var parallels = []int{1, 2, 8}

// loadWide loads what makes blocks of every shape: many small resources, payloads that
// are longer than what is passed on at once, and many revisions of one resource.
func loadWide(t *testing.T, s *store) {
	t.Helper()
	s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
	s.load(t, testdata(t, "big_2000.acbak.gz"), manager.LoadOptions{})
	wide := manager.Records{Model: "wide"}
	for i := range 700 {
		data := `{"n":1}`
		switch {
		case i%100 == 7:
			data = `{"n":"` + strings.Repeat("x", 300<<10) + `"}`
		case i < 50:
			data = `{"n":"` + strings.Repeat("y", 50<<10) + `"}`
		}
		meta, rev := simple(resource.ID(fmt.Sprintf("wide:%03d", i)), data)
		wide.Metas, wide.Revisions = append(wide.Metas, meta), append(wide.Revisions, rev)
	}
	if _, err := s.LoadRecordsBulk(t.Context(), wide, manager.RaiseError); err != nil {
		t.Fatal(err)
	}
	m := s.open(t, "wide")
	for n := range 40 {
		if _, err := m.Update(t.Context(), op("", "wide:500", fmt.Sprintf(`{"n":%d}`, n), "ann", n)); err != nil {
			t.Fatal(err)
		}
	}
}

// The bytes are those of the records one by one, however many goroutines make them.
func TestADumpIsTheSameAtAnyParallelism(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		loadWide(t, s)
		for name, o := range map[string]manager.DumpOptions{
			"all":         {},
			"some models": {Models: []string{"wide", "person"}},
			"a query":     {Models: []string{"person"}, Query: opt.Of(qb.Where(qb.Data("age").Gt(30)))},
		} {
			var want []archive.Record
			for rec, err := range s.Dump(t.Context(), o) {
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, rec)
			}
			for _, n := range parallels {
				o.Parallel = n
				if got, _ := s.dump(t, o); !bytes.Equal(got, encodeArchive(t, want)) {
					t.Errorf("%s: other bytes by %d goroutines", name, n)
				}
			}
		}
	})
}

// A dump tells how far it is, up to all of it.
func TestADumpTellsItsProgress(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		loadWide(t, s)
		var all []storage.Progress
		_, stats := s.dump(t, manager.DumpOptions{Parallel: 2, Progress: func(p storage.Progress) { all = append(all, p) }})
		var resources int64
		for _, m := range stats.Models {
			resources += m.Metas
		}
		last := storage.Progress{}
		for _, p := range all {
			if p.Done < last.Done || p.Total != resources {
				t.Fatalf("%+v after %+v of %d", p, last, resources)
			}
			last = p
		}
		if last.Done != resources || len(all) < 5 {
			t.Errorf("%d reports, the last %+v", len(all), last)
		}
	})
}

// pairs is a model whose resources i and pairs-1-i are always changed together.
const pairs = 1400

// pairBody makes them so large that it pays for a store to be read by several.
var pairBody = strings.Repeat("x", 4<<10)

func pairID(i int) resource.ID { return resource.ID(fmt.Sprintf("pair:%04d", i)) }

// What is written while a dump runs shows as a whole or not at all: it is one snapshot.
func TestADumpIsOneSnapshot(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "pair"})
		records := manager.Records{Model: "pair"}
		for i := range pairs {
			meta, rev := simple(pairID(i), `{"body":"`+pairBody+`"}`)
			records.Metas, records.Revisions = append(records.Metas, meta), append(records.Revisions, rev)
		}
		if _, err := s.LoadRecordsBulk(t.Context(), records, manager.RaiseError); err != nil {
			t.Fatal(err)
		}
		stop := changePairs(t, m)
		for range 3 {
			b, _ := s.dump(t, manager.DumpOptions{Parallel: 4})
			checkPairs(t, b)
		}
		stop()
	})
}

// changePairs changes pairs until stop is called.
func changePairs(t *testing.T, m *manager.Manager) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var changing sync.WaitGroup
	changing.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			i := n % (pairs / 2)
			data := fmt.Sprintf(`{"n":%d,"body":%q}`, n, pairBody)
			outcomes, err := m.SaveMany(ctx, []manager.Operation{
				op(manager.OpUpdate, pairID(i), data, "ann", n), op(manager.OpUpdate, pairID(pairs-1-i), data, "ann", n),
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			for _, o := range outcomes {
				if o.Code != "" {
					t.Errorf("%+v", o)
				}
			}
		}
	})
	return func() {
		cancel()
		changing.Wait()
	}
}

// checkPairs checks that both of each pair have the same current payload, and that each
// current revision is there.
func checkPairs(t *testing.T, b []byte) {
	t.Helper()
	current, payloads := map[resource.ID]resource.RevisionID{}, map[resource.RevisionID]string{}
	for _, rec := range records(t, b) {
		switch rec := rec.(type) {
		case archive.Meta:
			current[rec.Meta.ResourceID] = rec.Meta.CurrentRevisionID
		case archive.Revision:
			payloads[rec.Revision.Info.RevisionID] = string(rec.Revision.Data)
		}
	}
	for i := range pairs / 2 {
		one, there := payloads[current[pairID(i)]]
		if other := payloads[current[pairID(pairs-1-i)]]; !there || one != other {
			t.Fatalf("of a pair the dump has %q and %q", one, other)
		}
	}
	if f, err := manager.VerifyArchive(t.Context(), bytes.NewReader(b), archive.Limits{}); err != nil || !f.OK {
		t.Errorf("%+v, %v", f, err)
	}
}

// A dump ends with the context, wherever it is.
func TestADumpEndsWithItsContext(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		loadWide(t, s)
		for after := range int64(3) {
			ctx, cancel := context.WithCancel(t.Context())
			_, err := s.DumpTo(ctx, &bytes.Buffer{}, manager.DumpOptions{Parallel: 2, Progress: func(p storage.Progress) {
				if p.Done >= after*600 {
					cancel()
				}
			}})
			if cancel(); !errors.Is(err, context.Canceled) {
				t.Errorf("it ends with %v", err)
			}
		}
	})
}

// unreadable is a store whose revisions of some resource are not to be read.
type unreadable struct {
	storage.Factory
	id resource.ID
}

func (u unreadable) SharedSnapshot(ctx context.Context, readers int) (storage.Snapshot, int, error) {
	s, n, err := storage.SnapshotFor(ctx, u.Factory, readers)
	return unreadableSnapshot{s, u.id}, n, err
}

type unreadableSnapshot struct {
	storage.Snapshot
	id resource.ID
}

func (s unreadableSnapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	m, r, err := s.Snapshot.Build(ctx, model)
	return m, unreadableRevisions{r, s.id}, err
}

type unreadableRevisions struct {
	storage.RevisionReader
	id resource.ID
}

var errUnreadable = errors.New("unreadable")

// DumpAll fails at the resource.
func (r unreadableRevisions) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		for rev, err := range r.RevisionReader.DumpAll(ctx, ids) {
			if rev.Info.ResourceID == r.id {
				err = errUnreadable
			}
			if !yield(rev, err) || err != nil {
				return
			}
		}
	}
}

// What one of the goroutines cannot read is the error of the dump.
func TestABlockThatCannotBeReadFailsTheDump(t *testing.T) {
	for _, n := range parallels {
		s := openMemory(t)
		loadWide(t, s)
		c := manager.NewCatalog(unreadable{s.factory, "wide:650"}, s.blobs, manager.Options{})
		var b bytes.Buffer
		_, err := c.DumpTo(t.Context(), &b, manager.DumpOptions{Parallel: n})
		if !errors.Is(err, errUnreadable) || !strings.Contains(err.Error(), "model wide") {
			t.Errorf("by %d goroutines it ends with %v", n, err)
		}
		if f, err := manager.VerifyArchive(t.Context(), bytes.NewReader(b.Bytes()), archive.Limits{}); err != nil || f.OK {
			t.Errorf("what was written passes for an archive: %+v, %v", f, err)
		}
	}
}

var _ storage.SharedSnapshots = (*memory.Factory)(nil)
