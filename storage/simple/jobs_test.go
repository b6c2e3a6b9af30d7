package simple_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/simple"
)

var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// TestJobsOfOneVerb does what a store with a table of jobs does: the rows that a
// verb names, one call, the rows back.
func TestJobsOfOneVerb(t *testing.T) {
	table := map[uuid.UUID]simple.Row{}
	verb := func(id uuid.UUID, do func(simple.Jobs) error) error {
		jobs := simple.NewJobs()
		if row, there := table[id]; there {
			jobs.Rows[id] = row
		}
		err := do(jobs)
		if err == nil {
			table[id] = jobs.Rows[id]
		}
		return err
	}
	id, other := uuid.New(), uuid.New()
	table[other] = simple.Row{Job: storage.Job{ID: other, State: storage.JobQueued}}
	var claim storage.Claim
	for _, step := range []struct {
		what string
		do   func(simple.Jobs) error
		want error
	}{
		{"claim", func(j simple.Jobs) (err error) {
			_, claim, err = j.Claim(storage.Job{ID: id}, time.Minute, noon)
			return err
		}, nil},
		{"claim a leased job", func(j simple.Jobs) error {
			_, _, err := j.Claim(storage.Job{ID: id}, time.Minute, noon)
			return err
		}, storage.ErrLeased},
		{"renew", func(j simple.Jobs) error {
			_, err := j.Renew(claim, time.Hour, storage.Progress{Done: 1, Total: 2}, noon)
			return err
		}, nil},
		{"finish without the claim", func(j simple.Jobs) error {
			return j.Finish(storage.Claim{Job: id, Token: uuid.New()}, storage.Final{State: storage.JobDone}, noon)
		}, storage.ErrFenced},
		{"finish", func(j simple.Jobs) error { return j.Finish(claim, storage.Final{State: storage.JobDone}, noon) }, nil},
		{"retry a done job", func(j simple.Jobs) error { _, err := j.Retry(id); return err }, storage.ErrFinal},
	} {
		if err := verb(id, step.do); !errors.Is(err, step.want) {
			t.Fatalf("%s gave %v, want %v", step.what, err, step.want)
		}
	}
	row := table[id]
	if row.State != storage.JobDone || row.Attempt != 1 || row.Done != 1 || row.Token != uuid.Nil || !row.LeaseUntil.IsZero() {
		t.Errorf("the row is %+v", row)
	}
	if got := table[other]; got.State != storage.JobQueued || len(table) != 2 {
		t.Errorf("the other row is %+v, and there are %d", got, len(table))
	}
}

// TestErrorsChangeNothing calls verbs that fail.
func TestErrorsChangeNothing(t *testing.T) {
	id, done := uuid.New(), uuid.New()
	jobs := simple.NewJobs()
	if _, err := jobs.Insert([]storage.Job{{ID: id, EnvelopeHash: []byte("a")}}, noon); err != nil {
		t.Fatal(err)
	}
	if err := jobs.Settle([]storage.Job{{ID: done, State: storage.JobDone}}, noon); err != nil {
		t.Fatal(err)
	}
	before := map[uuid.UUID]simple.Row{id: jobs.Rows[id], done: jobs.Rows[done]}
	for what, err := range map[string]error{
		"insert of other content": second(jobs.Insert([]storage.Job{{ID: uuid.New()}, {ID: id, EnvelopeHash: []byte("b")}}, noon)),
		"settle as queued":        jobs.Settle([]storage.Job{{ID: id, State: storage.JobDead}, {ID: uuid.New(), State: storage.JobQueued}}, noon),
		"drop of a queued job":    jobs.Drop(id),
		"cancel of a done job":    second(jobs.Cancel(done, noon)),
		"get of no job":           second(jobs.Get(uuid.New())),
		"finish as running":       jobs.Finish(storage.Claim{Job: id}, storage.Final{State: storage.JobRunning}, noon),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if diff := cmp.Diff(before, jobs.Rows); diff != "" {
		t.Error(diff)
	}
}

func second[V any](_ V, err error) error { return err }

func TestCompareKeys(t *testing.T) {
	ordered := []resource.RevisionKey{
		{Revision: "a:1"},
		{Revision: "a:1", SchemaVersion: opt.Of("")},
		{Revision: "a:1", SchemaVersion: opt.Of("10")},
		{Revision: "a:1", SchemaVersion: opt.Of("2")},
		{Revision: "a:2"},
		{Revision: "a:10"},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := simple.CompareKeys(a, b), max(-1, min(1, i-j)); got != want {
				t.Errorf("%v and %v compare as %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestDuplicates(t *testing.T) {
	if err := simple.Duplicates(map[string][]resource.ID{"person": nil}); err != nil {
		t.Errorf("nothing that exists gave %v", err)
	}
	many := make([]resource.ID, storage.MaxDuplicateIDs+3)
	for i := range many {
		many[i] = resource.ID(string(rune('z' - i)))
	}
	err := simple.Duplicates(map[string][]resource.ID{"person": {"x"}, "order": many})
	dup, is := errors.AsType[*storage.DuplicateError](err)
	if !is || dup.Model != "order" || dup.Count != len(many)+1 || len(dup.IDs) != storage.MaxDuplicateIDs || dup.IDs[0] != many[len(many)-1] {
		t.Errorf("duplicates gave %#v", err)
	}
}
