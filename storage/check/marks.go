package check

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func markChecks() []check {
	return []check{
		{"G28/raised_mark_is_seen", raisedMarkIsSeen},
		{"G28/mark_never_goes_down", markNeverGoesDown},
		{"G28/mark_is_undone_with_its_unit", markIsUndone},
		{"G28/mark_of_a_resource_believed_new_stays", markOfBelievedNew},
		{"G28/racing_units_see_each_others_marks", racingMarks},
		{"G28/marks_of_many_resources", manyMarks},
		{"G28/mark_outlives_its_resource", markOutlives},
		{"G28/prune_removes_old_marks", pruneMarks},
		{"G28/mark_needs_to_be_named", markNeedsName},
		{"G15/origin_is_the_first_place", originIsFirst},
	}
}

// line is the line of the marks that these checks raise.
var line = uuid.MustParse("5f0c1d5e-7a0b-4c55-9d4e-2c1d7d7a9f01")

// mark is a mark of a resource of the usual model.
func mark(id resource.ID, major, minor int64) storage.Mark {
	return storage.Mark{Key: storage.MarkKey(model, id, line), Major: major, Minor: minor, Time: noon}
}

// raiseAnd raises marks beside what w writes to the resources.
func (s *subject) raiseAnd(t T, w storage.Writes, b storage.Batch, marks ...storage.Mark) error {
	t.Helper()
	for _, m := range marks {
		b.Marks = append(b.Marks, m.Key)
	}
	w.Marks = marks
	return s.update(t, b, w)
}

// raise raises the mark of a resource with a meta.
func (s *subject) raise(t T, id resource.ID, major, minor int64) {
	t.Helper()
	ok(t, "raise a mark", s.raiseAnd(t, storage.Writes{}, storage.Batch{Refs: refsTo(id)}, mark(id, major, minor)))
}

// markOf returns the mark of a resource, the zero value when it has none.
func (s *subject) markOf(t T, id resource.ID) (m storage.Mark) {
	t.Helper()
	key := mark(id, 0, 0).Key
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo(id), Marks: []uuid.UUID{key, key}}, func(v storage.View) (storage.Writes, error) {
		m, _ = v.Mark(key)
		return storage.Writes{}, nil
	})
	ok(t, "read a mark", err)
	return m
}

func (s *subject) wantMark(t T, id resource.ID, major, minor int64) {
	t.Helper()
	m := s.markOf(t, id)
	equal(t, "the mark of "+string(id), [2]int64{m.Major, m.Minor}, [2]int64{major, minor})
}

func raisedMarkIsSeen(t T, s *subject) {
	s.use(t)
	s.put(t, "p1", "p2")
	equal(t, "the mark of a resource without one", s.markOf(t, "p1"), storage.Mark{})
	s.raise(t, "p1", 1<<60, 1<<40)
	got := s.markOf(t, "p1")
	if !got.Time.Equal(noon) {
		t.Fatalf("the mark is of %v, want %v", got.Time, noon)
	}
	got.Time = noon
	equal(t, "the mark", got, mark("p1", 1<<60, 1<<40))
	equal(t, "the mark of another resource", s.markOf(t, "p2"), storage.Mark{})
	s.raise(t, "p1", -5, 3) // another unit may raise it in vain
	s.wantMark(t, "p1", 1<<60, 1<<40)
	s.raise(t, "p2", -5, 3)
	s.raise(t, "p2", -4, -1<<40)
	s.wantMark(t, "p2", -4, -1<<40)
}

func markNeverGoesDown(t T, s *subject) {
	s.use(t)
	s.put(t, "p1")
	for _, step := range []struct{ major, minor, wantMajor, wantMinor int64 }{
		{5, 5, 5, 5}, {5, 4, 5, 5}, {4, 9, 5, 5}, {5, 5, 5, 5}, {5, 6, 5, 6}, {6, 1, 6, 1}, {5, 7, 6, 1},
	} {
		s.raise(t, "p1", step.major, step.minor)
		s.wantMark(t, "p1", step.wantMajor, step.wantMinor)
	}
}

func markIsUndone(t T, s *subject) {
	s.use(t)
	s.put(t, "p1")
	s.raise(t, "p1", 1, 1)
	m, failed := mark("p1", 1, 2), errors.New("compute fails")
	err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1"), Marks: []uuid.UUID{m.Key}}, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Marks: []storage.Mark{m}}, failed
	})
	wantErr(t, "a unit whose compute fails", err, failed)
	s.wantMark(t, "p1", 1, 1)
	err = s.raiseAnd(t, storage.Writes{Models: writesOf(model, resources("p2"))}, storage.Batch{Refs: refsTo("p1")}, m)
	if err == nil {
		t.Fatalf("a unit wrote a resource that it did not name")
	}
	s.wantMark(t, "p1", 1, 1)
}

// markOfBelievedNew: who takes a resource for new is told no mark at first. It is not
// lowered for that, whether a meta is there or not, and the unit ends.
func markOfBelievedNew(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	s.raise(t, "p1", 9, 9)
	ok(t, "delete the meta", stores.Metas.Delete(t.Context(), []resource.ID{"p1"}))
	ok(t, "purge the revisions", stores.Revisions.Purge(t.Context(), []resource.ID{"p1"}))
	b := storage.Batch{Refs: refsTo("p1", "p2"), New: true}
	for n, id := range []resource.ID{"p1", "p2"} {
		err := s.raiseAnd(t, storage.Writes{Models: writesOf(model, resources(id))}, b, mark(id, 3, int64(n)))
		ok(t, "create a resource that is believed to be new", err)
	}
	s.wantMark(t, "p1", 9, 9)
	s.wantMark(t, "p2", 3, 1)
	wantIDs(t, stores.Metas, "p1", "p2")
}

// racingMarks has writers count by a mark alone: each raises what it saw by one.
func racingMarks(t T, s *subject) {
	const writers, times = 4, 10
	s.use(t)
	s.put(t, "p1")
	key := mark("p1", 0, 0).Key
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		wg.Go(func() {
			for range times {
				err := s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1"), Marks: []uuid.UUID{key}}, func(v storage.View) (storage.Writes, error) {
					m, _ := v.Mark(key)
					time.Sleep(time.Millisecond)
					return storage.Writes{Marks: []storage.Mark{{Key: key, Major: m.Major, Minor: m.Minor + 1, Time: noon}}}, nil
				})
				if err != nil {
					errs[w] = err
					return
				}
			}
		})
	}
	wg.Wait()
	ok(t, "raise a mark beside others", errors.Join(errs...))
	s.wantMark(t, "p1", 0, writers*times)
}

// manyMarks raises marks of many resources, each along two lines.
func manyMarks(t T, s *subject) {
	const n = 300
	s.use(t)
	var ids []resource.ID
	var marks []storage.Mark
	b := storage.Batch{New: true}
	for i := range n {
		id := resource.ID(fmt.Sprintf("p%04d", i))
		ids = append(ids, id)
		other := storage.Mark{Key: storage.MarkKey(model, id, uuid.Nil), Major: int64(-i), Time: noon}
		marks = append(marks, other, mark(id, 1, int64(i+1)))
	}
	b.Refs = refsTo(ids...)
	ok(t, "raise many marks", s.raiseAnd(t, storage.Writes{Models: writesOf(model, resources(ids...))}, b, marks...))
	for _, i := range []int{0, 1, n / 2, n - 1} {
		s.wantMark(t, ids[i], 1, int64(i+1))
	}
	b = storage.Batch{Refs: b.Refs}
	for _, m := range marks {
		b.Marks = append(b.Marks, m.Key)
	}
	err := s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
		for _, want := range marks {
			if got, there := v.Mark(want.Key); !there || got.Compare(want) != 0 {
				return storage.Writes{}, fmt.Errorf("a mark is %v (%v), want %v", got, there, want)
			}
		}
		return storage.Writes{}, nil
	})
	ok(t, "read many marks", err)
}

// markOutlives: a save that is older than the last one of a resource that was purged
// does not bring it back.
func markOutlives(t T, s *subject) {
	s.use(t)
	s.put(t, "p1")
	s.raise(t, "p1", 2, 2)
	ok(t, "purge", s.update(t, storage.Batch{Refs: refsTo("p1")}, storage.Writes{Models: writesOf(model, storage.ModelWrites{Purge: []resource.ID{"p1"}})}))
	s.wantMark(t, "p1", 2, 2)
}

func pruneMarks(t T, s *subject) {
	s.use(t)
	s.put(t, "p1", "p2")
	s.raise(t, "p1", 1, 1)
	later := mark("p2", 1, 1)
	later.Time = noon.Add(time.Hour)
	ok(t, "raise", s.raiseAnd(t, storage.Writes{}, storage.Batch{Refs: refsTo("p2")}, later))
	for _, step := range []struct {
		before time.Time
		want   int64
	}{{noon, 0}, {noon.Add(time.Hour), 1}, {noon.Add(time.Hour), 0}} {
		n, err := s.Ledger().PruneMarks(t.Context(), step.before)
		ok(t, "prune marks", err)
		equal(t, "number of pruned marks", n, step.want)
	}
	equal(t, "the mark that was old", s.markOf(t, "p1"), storage.Mark{})
	s.wantMark(t, "p2", 1, 1)
}

func markNeedsName(t T, s *subject) {
	s.use(t)
	s.put(t, "p1", "p2")
	err := s.update(t, storage.Batch{Refs: refsTo("p1", "p2"), Marks: []uuid.UUID{mark("p2", 0, 0).Key}}, storage.Writes{Marks: []storage.Mark{mark("p1", 1, 1)}})
	if err == nil {
		t.Fatalf("a unit raised a mark that it did not name")
	}
	equal(t, "the mark", s.markOf(t, "p1"), storage.Mark{})
}

// originIsFirst: however often a job is published again or put back, it is known where
// its message was first.
func originIsFirst(t T, s *subject) {
	l, first := s.Ledger(), uuid.New()
	want := func(j storage.Job, o storage.Origin) {
		t.Helper()
		got, err := l.Get(t.Context(), j.ID)
		ok(t, "get", err)
		equal(t, "where the message was first", got.First(), o)
		all := collect(t, "list", l.List(t.Context(), storage.JobFilter{Kind: j.Kind}))
		equal(t, "number of jobs", len(all), 1)
		equal(t, "where the message was first, in a list", all[0].First(), o)
	}
	published := func(j storage.Job, queue uuid.UUID, epoch int64, sequence uint64) {
		t.Helper()
		ok(t, "published", l.Published(t.Context(), queue, []storage.Place{{Job: j.ID, Epoch: epoch, Sequence: sequence}}))
	}
	j := newJob("load")
	s.insert(t, j)
	want(j, storage.Origin{})
	published(j, first, 7, 5)
	want(j, storage.Origin{Queue: first, Epoch: 7, Sequence: 5})
	published(j, uuid.New(), 8, 1)
	published(j, uuid.Nil, 0, 0)
	want(j, storage.Origin{Queue: first, Epoch: 7, Sequence: 5})

	dead := newJob("save")
	dead.State, dead.Origin = storage.JobDead, storage.Origin{Queue: first, Epoch: 7, Sequence: 1 << 40}
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{dead}))
	want(dead, dead.Origin)
	_, err := l.Retry(t.Context(), dead.ID)
	ok(t, "retry", err)
	published(dead, first, 7, 1<<41)
	want(dead, dead.Origin)

	parked, fresh := newJob("parked"), newJob("fresh")
	s.insert(t, parked)
	published(parked, first, 7, 6)
	fresh.Queue, fresh.Epoch, fresh.Sequence = first, 7, 8
	parked.NotBefore, fresh.NotBefore = noon, noon
	_, err = l.Park(t.Context(), []storage.Job{parked, fresh})
	ok(t, "park", err)
	want(parked, storage.Origin{Queue: first, Epoch: 7, Sequence: 6})
	want(fresh, storage.Origin{Queue: first, Epoch: 7, Sequence: 8})
	ok(t, "published", l.Published(t.Context(), first, []storage.Place{{Job: parked.ID, Epoch: 7, Sequence: 99, NotBefore: noon}}))
	want(parked, storage.Origin{Queue: first, Epoch: 7, Sequence: 6})

	tried := newJob("tried")
	tried.Queue, tried.Epoch, tried.Sequence = first, 9, 9
	_, err = l.Attempt(t.Context(), []storage.Job{tried})
	ok(t, "attempt", err)
	tried.State = storage.JobDead
	ok(t, "settle", l.Settle(t.Context(), []storage.Job{tried}))
	_, err = l.Retry(t.Context(), tried.ID)
	ok(t, "retry", err)
	want(tried, storage.Origin{Queue: first, Epoch: 9, Sequence: 9})
}
