package check

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// many is how many rows the checks of iterations use: more than a page of any
// store, and more loops are left early than any store has connections.
const (
	many   = 300
	breaks = 40
	// breakRounds is how often that is done as long as there are more goroutines afterwards:
	// those of connections that a store keeps become no more, unlike what is left behind.
	breakRounds = 3
	// settling is how long goroutines may take to end that is not waited for any more.
	settling = time.Second
)

func iterationChecks() []check {
	return []check{
		{"G6/leaving_early_releases", leavingEarly},
		{"G6/writing_while_reading", writingWhileReading},
		{"G6/reading_while_reading", readingWhileReading},
		{"G6/error_comes_once_and_last", errorOnceLast},
		{"G6/sequence_can_be_read_again", sequenceAgain},
	}
}

// fill writes many resources, some blob ids and jobs, and returns the ids.
func (s *subject) fill(t T) []resource.ID {
	t.Helper()
	var ids []resource.ID
	for i := range many {
		ids = append(ids, resource.ID(fmt.Sprintf("p%04d", i)))
	}
	for chunk := range slices.Chunk(ids, 100) {
		s.put(t, chunk...)
	}
	w := storage.Writes{Models: writesOf(model, storage.ModelWrites{Blobs: []string{"b1", "b2", "b3"}})}
	ok(t, "remember blobs", s.update(t, storage.Batch{}, w))
	s.insert(t, newJob("save"), newJob("save"), newJob("save"))
	ok(t, "condemn", s.Garbage().Condemn(t.Context(), []string{"x1", "x2", "x3"}))
	return ids
}

// erase turns the values of a sequence into nothing but their number.
func erase[V any](seq iter.Seq2[V, error]) iter.Seq2[struct{}, error] {
	return func(yield func(struct{}, error) bool) {
		for _, err := range seq {
			if !yield(struct{}{}, err) {
				return
			}
		}
	}
}

// sequences returns every sequence of the store, by name.
func (s *subject) sequences(ctx context.Context, stores storage.Stores, ids []resource.ID) map[string]iter.Seq2[struct{}, error] {
	return map[string]iter.Seq2[struct{}, error]{
		"all metas": erase(stores.Metas.All(ctx)),
		"search":    erase(stores.Metas.Search(ctx, qb.Query{})),
		"revisions": erase(stores.Revisions.List(ctx, ids[0])),
		"dump":      erase(stores.Revisions.DumpAll(ctx, slices.Values(ids))),
		"jobs":      erase(s.Ledger().List(ctx, storage.JobFilter{})),
		"blob ids":  erase(stores.Metas.Blobs(ctx)),

		"payloads":        erase(s.Garbage().Payloads(ctx)),
		"unfinished jobs": erase(s.Garbage().Unfinished(ctx)),
		"condemned blobs": erase(s.Garbage().Condemned(ctx)),
	}
}

// leavingEarly leaves many loops after their first value. A goroutine that each
// left behind is counted; a lock or a connection that was would block or starve
// what comes after.
func leavingEarly(t T, s *subject) {
	stores := s.use(t)
	ids := s.fill(t)
	for name, seq := range s.sequences(t.Context(), stores, ids) {
		for round := 1; ; round++ {
			most := runtime.NumGoroutine() + breaks/2
			for range breaks {
				soon(t, "leave "+name+" early, again and again", func() error { return leave(seq) })
			}
			if round < breakRounds && !fewGoroutines(most, time.After(settling)) {
				continue
			}
			wantFewGoroutines(t, name, most)
			break
		}
		soon(t, "write after "+name+" was left early", func() error {
			return s.update(t, storage.Batch{Refs: refsTo("q1")}, storage.Writes{Models: writesOf(model, resources("q1"))})
		})
	}
}

// leave leaves a loop after its first value.
func leave(seq iter.Seq2[struct{}, error]) error {
	for _, err := range seq {
		return err
	}
	return nil
}

// soon fails t unless what is done ends within patience and without an error.
func soon(t T, what string, do func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		ok(t, what, err)
	case <-wait(t):
		t.Fatalf("%s: there was no end to it", what)
	}
}

// wantFewGoroutines fails t when there are too many goroutines for good.
func wantFewGoroutines(t T, left string, most int) {
	t.Helper()
	if !fewGoroutines(most, wait(t)) {
		t.Fatalf("%s that were left early %d times left goroutines behind: there are %d", left, breaks, runtime.NumGoroutine())
	}
}

// fewGoroutines reports whether there are no more than most before it is over.
func fewGoroutines[V any](most int, over <-chan V) bool {
	for runtime.NumGoroutine() > most {
		select {
		case <-over:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

func writingWhileReading(t T, s *subject) {
	stores := s.use(t)
	ids := s.fill(t)
	n := 0
	for meta, err := range stores.Metas.All(t.Context()) {
		ok(t, "all metas", err)
		if n++; n%50 == 0 {
			s.put(t, meta.ResourceID, resource.ID(fmt.Sprintf("a%d", n)))
			ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta(meta.ResourceID, 1)}))
		}
	}
	if n < many {
		t.Fatalf("%d of %d metas came while others were written", n, many)
	}
	for _, err := range stores.Revisions.DumpAll(t.Context(), slices.Values(ids[:60])) {
		ok(t, "dump", err)
		s.put(t, ids[0])
		break
	}
	for j, err := range s.Ledger().List(t.Context(), storage.JobFilter{}) {
		ok(t, "jobs", err)
		_, err = s.Ledger().Cancel(t.Context(), j.ID)
		ok(t, "cancel while listing", err)
	}
}

func readingWhileReading(t T, s *subject) {
	stores := s.use(t)
	ids := s.fill(t)
	n := 0
	for meta, err := range stores.Metas.Search(t.Context(), qb.Query{}) {
		ok(t, "search", err)
		if n++; n > 20 {
			break
		}
		got, err := stores.Metas.Get(t.Context(), meta.ResourceID)
		ok(t, "get while searching", err)
		sameMeta(t, "the meta", got, meta)
		wantRevisions(t, stores.Revisions, meta.ResourceID, meta.CurrentRevisionID)
	}
	// The ids of a dump may themselves be read from the store.
	n = 0
	for _, err := range stores.Revisions.DumpAll(t.Context(), func(yield func(resource.ID) bool) {
		for meta, err := range stores.Metas.All(t.Context()) {
			if err != nil || !yield(meta.ResourceID) {
				return
			}
		}
	}) {
		ok(t, "dump", err)
		n++
	}
	equal(t, "number of revisions dumped", n, len(ids))
}

func errorOnceLast(t T, s *subject) {
	stores := s.use(t)
	ids := s.fill(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, seq := range s.sequences(ctx, stores, ids) {
		var errs []error
		for _, err := range seq {
			errs = append(errs, err)
		}
		if len(errs) != 1 {
			t.Fatalf("%s of a cancelled context gave %d values, want one error", name, len(errs))
		}
		wantErr(t, name, errs[0], context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	failed := false
	for meta, err := range stores.Metas.All(ctx) {
		if failed {
			t.Fatalf("a value came after the error")
		}
		if failed = err != nil; failed {
			sameMeta(t, "the meta beside an error", meta, resource.Meta{})
		}
		cancel()
	}
}

func sequenceAgain(t T, s *subject) {
	stores := s.use(t)
	ids := s.fill(t)
	for name, seq := range s.sequences(t.Context(), stores, ids) {
		first, second := len(collect(t, name, seq)), len(collect(t, name, seq))
		equal(t, "number of values of a second reading of "+name, second, first)
	}
}
