package check

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Goroutines that write at once, and how often each does.
const (
	writers = 16
	rounds  = 4
)

func concurrencyChecks() []check {
	return []check{
		{"G4/concurrent_updates_all_survive", concurrentUpdates},
		{"G4/concurrent_creates_have_one_winner", concurrentCreates},
		{"G11/number_has_one_owner", numberHasOneOwner},
		{"G22/crossing_units_end", crossingUnits},
		{"G22/crossing_ledger_calls_end", crossingLedgerCalls},
	}
}

// slowly computes after a pause, in which others get ahead where a store lets them.
func slowly(compute func(storage.View) (storage.Writes, error)) func(storage.View) (storage.Writes, error) {
	return func(v storage.View) (storage.Writes, error) {
		w, err := compute(v)
		time.Sleep(100 * time.Microsecond)
		return w, err
	}
}

func concurrentUpdates(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				err := s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, slowly(increment(r)))
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	ok(t, "concurrent updates", errors.Join(errs...))
	var want []resource.RevisionID
	for n := range writers * rounds {
		want = append(want, r.ID.Revision(n+1))
	}
	wantRevisions(t, stores.Revisions, r.ID, want...)
	meta, err := stores.Metas.Get(t.Context(), r.ID)
	ok(t, "get", err)
	sameMeta(t, "the meta", meta, newMeta(r.ID, writers*rounds))
}

func concurrentCreates(t T, s *subject) {
	stores := s.use(t)
	r := refsTo("p1")[0]
	exists := errors.New("exists")
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			errs[i] = s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, func(v storage.View) (storage.Writes, error) {
				if _, there := v.Meta(r); there {
					return storage.Writes{}, exists
				}
				return slowly(increment(r))(v)
			})
		})
	}
	wg.Wait()
	winners := 0
	for _, err := range errs {
		if err == nil {
			winners++
		} else if err != exists {
			t.Fatalf("a create failed: %v", err)
		}
	}
	equal(t, "number of winners", winners, 1)
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1))
}

// numberHasOneOwner lets units tell which numbers they were given and committed.
func numberHasOneOwner(t T, s *subject) {
	s.use(t)
	r := refsTo("p1")[0]
	owned := make(chan int, writers*rounds)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for range rounds {
				n := 0
				err := s.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, func(v storage.View) (storage.Writes, error) {
					n = v.NextNumber(r)
					return slowly(increment(r))(v)
				})
				owned <- n
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	close(owned)
	ok(t, "concurrent units", errors.Join(errs...))
	seen := map[int]bool{}
	for n := range owned {
		if seen[n] {
			t.Fatalf("number %d was given twice", n)
		}
		seen[n] = true
	}
}

// crossingLedgerCalls names the same jobs in opposite orders.
func crossingLedgerCalls(t T, s *subject) {
	var jobs []storage.Job
	for range 6 {
		jobs = append(jobs, newJob("save"))
	}
	s.insert(t, jobs...)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		mine := slices.Concat(jobs[i%len(jobs):], jobs[:i%len(jobs)])
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		var ids []uuid.UUID
		var places []storage.Place
		for n, j := range mine {
			ids = append(ids, j.ID)
			places = append(places, storage.Place{Job: j.ID, Epoch: 1, Sequence: uint64(n)})
		}
		wg.Go(func() {
			for range rounds {
				_, err := s.Ledger().Attempt(t.Context(), mine)
				errs[i] = errors.Join(errs[i], err, s.Ledger().Published(t.Context(), uuid.New(), places), s.Ledger().Refund(t.Context(), ids))
			}
		})
	}
	wg.Wait()
	ok(t, "crossing ledger calls", errors.Join(errs...))
	for _, j := range jobs {
		equal(t, "attempts", s.wantJob(t, j, storage.JobQueued).Attempt, 0)
	}
}

// crossingUnits runs units over the same resources and jobs, named in opposite
// orders: without one order of locks they would wait for each other for ever.
func crossingUnits(t T, s *subject) {
	people, orders := s.useModel(t, "person"), s.useModel(t, "order")
	var refs []storage.Ref
	for i := range 6 {
		id := resource.ID(fmt.Sprintf("r%d", i))
		refs = append(refs, storage.Ref{Model: "person", ID: id}, storage.Ref{Model: "order", ID: id})
	}
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		mine := slices.Concat(refs[i%len(refs):], refs[:i%len(refs)])
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		wg.Go(func() {
			for range rounds {
				errs[i] = errors.Join(errs[i], s.incrementAll(t, mine))
			}
		})
	}
	wg.Wait()
	ok(t, "crossing units", errors.Join(errs...))
	for _, stores := range []storage.Stores{people, orders} {
		for _, m := range collect(t, "all metas", stores.Metas.All(t.Context())) {
			equal(t, "revisions of "+string(m.ResourceID), m.TotalRevisionCount, writers*rounds)
		}
	}
	counts, err := s.Ledger().Count(t.Context())
	ok(t, "count", err)
	equal(t, "number of done jobs", counts[storage.JobDone], writers*rounds)
}

// incrementAll writes the next revision of every resource and ends a new job.
func (s *subject) incrementAll(t T, refs []storage.Ref) error {
	j := newJob("save")
	b := storage.Batch{Refs: refs, Jobs: []uuid.UUID{j.ID}}
	return s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
		models := map[string]storage.ModelWrites{}
		for _, r := range refs {
			n, w := v.NextNumber(r), models[r.Model]
			w.Metas = append(w.Metas, newMeta(r.ID, n))
			w.Revisions = append(w.Revisions, newRevision(r.ID, n))
			models[r.Model] = w
		}
		return storage.Writes{Models: models, Jobs: []storage.Job{ended(j, `{}`)}}, nil
	})
}
