package manager_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

// steps calls at with the number of each call that a collection makes to the
// store, before the call; a sequence counts once more when it has ended.
type steps struct {
	at func(step int)
	n  int
}

func (s *steps) next() {
	s.at(s.n)
	s.n++
}

type steppedFactory struct {
	storage.Factory
	steps *steps
}

func (f steppedFactory) Garbage() storage.Garbage {
	return steppedGarbage{f.Factory.Garbage(), f.steps}
}

type steppedGarbage struct {
	storage.Garbage
	steps *steps
}

func stepped[V any](s *steps, seq iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		s.next()
		for v, err := range seq {
			if !yield(v, err) {
				return
			}
		}
		s.next()
	}
}

func (g steppedGarbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return stepped(g.steps, g.Garbage.Payloads(ctx))
}

func (g steppedGarbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return stepped(g.steps, g.Garbage.Unfinished(ctx))
}

func (g steppedGarbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	return stepped(g.steps, g.Garbage.Condemned(ctx))
}

func (g steppedGarbage) Condemn(ctx context.Context, ids []string) error {
	g.steps.next()
	return g.Garbage.Condemn(ctx, ids)
}

func (g steppedGarbage) Acquit(ctx context.Context, ids []string) error {
	g.steps.next()
	return g.Garbage.Acquit(ctx, ids)
}

func (g steppedGarbage) Forget(ctx context.Context, ids []string) error {
	g.steps.next()
	return g.Garbage.Forget(ctx, ids)
}

func (g steppedGarbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	g.steps.next()
	return g.Garbage.Sweep(ctx, o)
}

type steppedBlobs struct {
	storage.BlobStore
	steps *steps
}

func (b steppedBlobs) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return stepped(b.steps, b.BlobStore.Old(ctx, before))
}

func (b steppedBlobs) DeleteOld(ctx context.Context, ids []string, before time.Time) ([]bool, error) {
	b.steps.next()
	return b.BlobStore.DeleteOld(ctx, ids, before)
}

func (b steppedBlobs) Stat(ctx context.Context, id string) (storage.BlobInfo, error) {
	b.steps.next()
	return b.BlobStore.Stat(ctx, id)
}

// stepping returns a catalog whose collections call at before each step.
func (s *gcStore) stepping(at func(step int)) (*manager.Catalog, *steps) {
	st := &steps{at: at}
	return manager.NewCatalog(steppedFactory{s.factory, st}, steppedBlobs{s.blobs, st}, manager.Options{Now: s.clock.Now}), st
}

// TestWritersKeepTheirBlobsWhileGarbageIsCollected lets a writer put a blob that
// is garbage, and save a reference to it, before any two steps of a collection:
// the reference leads to the blob in the end. A writer that only saves the
// reference keeps the blob if it was there for the save. Where stores are slow,
// the save comes before the same step, the next one or the last.
func TestWritersKeepTheirBlobsWhileGarbageIsCollected(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		probe := garbageFor(t, open())
		catalog, st := probe.stepping(func(int) {})
		if _, err := catalog.CollectGarbage(t.Context(), manager.GCOptions{}); err != nil {
			t.Fatal(err)
		}
		if st.n < 15 {
			t.Fatalf("a collection has %d steps", st.n)
		}
		for put := range st.n {
			for save := put; save < st.n; save++ {
				if probe.dir != "" && save > put+1 && save < st.n-1 {
					continue
				}
				s := garbageFor(t, open())
				s.interleave(t, fmt.Sprintf("put before step %d, save before %d", put, save), put, save)
			}
		}
		for save := range st.n {
			s := garbageFor(t, open())
			s.interleave(t, fmt.Sprintf("save before step %d", save), -1, save)
		}
	})
}

const contested = "contested blob"

// garbageFor fills a store with garbage, some of it condemned already, and what is none.
func garbageFor(t *testing.T, s *gcStore) *gcStore {
	t.Helper()
	doc := s.declare(t, "doc")
	s.refer(t, doc, "doc:kept", putBlob(t, s.store, "kept"))
	s.refer(t, doc, "doc:gone", putBlob(t, s.store, contested), putBlob(t, s.store, "gone"))
	s.purge(t, "doc", "doc:gone")
	condemned := putBlob(t, s.store, "condemned")
	if err := s.factory.Garbage().Condemn(t.Context(), []string{condemned, strings.Repeat("0", 32)}); err != nil {
		t.Fatal(err)
	}
	s.clock.pass(48 * time.Hour)
	return s
}

func (s *gcStore) interleave(t *testing.T, name string, put, save int) {
	t.Helper()
	doc := s.open(t, "doc")
	id, there := "", false
	catalog, _ := s.stepping(func(step int) {
		if step == put {
			id = putBlob(t, s.store, contested)
		}
		if step == save {
			if id == "" {
				for b, err := range s.blobs.List(t.Context()) {
					if err != nil {
						t.Fatal(err)
					}
					if len(b.FileID) == 32 && b.Size == int64(len(contested)) {
						id = b.FileID
					}
				}
			}
			if there = id != ""; there {
				s.refer(t, doc, "doc:new", id)
			}
		}
	})
	if _, err := catalog.CollectGarbage(t.Context(), manager.GCOptions{}); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if put >= 0 && !there {
		t.Fatalf("%s: nothing was saved", name)
	}
	if there {
		if _, err := s.blobs.Stat(t.Context(), id); err != nil {
			t.Errorf("%s: the blob is gone: %v", name, err)
		}
		if !slices.Contains(s.remembered(t, "doc"), id) {
			t.Errorf("%s: the blob is not remembered", name)
		}
	}
	s.sound(t)
	if r := s.collect(t, manager.GCOptions{}); r.Candidates != 0 && r.Removed == 0 {
		t.Errorf("%s: a second collection reports %+v", name, r)
	}
}

// TestKilledCollectionDoesNoHarm fails each call of a collection in turn, as if
// the process had died there, before and after the call took effect: nothing but
// garbage is lost, and the next collection completes the work.
func TestKilledCollectionDoesNoHarm(t *testing.T) {
	on := []string{"Garbage.*", "Blobs.Old", "Blobs.DeleteOld", "Blobs.Stat", "Blobs.Sweep"}
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		for after, do := range map[bool]faulty.Effect{false: faulty.Fail(errCrash), true: faulty.FailAfter(errCrash)} {
			for step := 0; ; step++ {
				s := garbageFor(t, open())
				before := withoutBlobs(t, s.dumpAll(t), s.remembered(t, "doc")...)
				plan := &faulty.Plan{}
				plan.Arm(faulty.Fault{On: on, Skip: step, Times: faulty.Always, Do: do})
				catalog := manager.NewCatalog(faulty.New(s.factory, plan), faulty.NewBlobs(s.blobs, plan), manager.Options{Now: s.clock.Now})
				_, err := catalog.CollectGarbage(t.Context(), manager.GCOptions{})
				if err == nil {
					break // the collection has no such step
				}
				if !errors.Is(err, errCrash) {
					t.Fatalf("step %d: %v", step, err)
				}
				if f, err := s.Verify(t.Context()); err != nil || !f.OK {
					t.Errorf("step %d, after %v: the store does not verify: %+v, %v", step, after, f.Problems, err)
				}
				s.collect(t, manager.GCOptions{})
				s.sound(t)
				kept := s.remembered(t, "doc")
				if len(kept) != 1 {
					t.Errorf("step %d, after %v: doc remembers %q", step, after, kept)
				}
				s.wantBlobs(t, kept...)
				left := withoutBlobs(t, s.dumpAll(t), kept...)
				if string(encodeArchive(t, left)) != string(encodeArchive(t, before)) {
					t.Errorf("step %d, after %v: the dump changed", step, after)
				}
			}
		}
	})
}
