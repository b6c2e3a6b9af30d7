package check

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func auditChecks() []check {
	return []check{
		{"G40/act_and_entry_are_one", actsAreWrittenDown},
		{"G40/refused_act_is_written_down", refusalsAreWrittenDown},
		{"G40/failed_act_leaves_nothing", failedActs},
		{"G40/trail_outlives_the_job", trailOutlives},
		{"G40/trail_is_listed_by_filters", trailFilters},
		{"G40/trail_is_pruned_by_age", trailPruned},
		{"G40/racing_acts_have_one_winner", racingActs},
		{"G15/list_filters_by_code_and_end", listByEnd},
	}
}

// act does something to a job as alice.
func (s *subject) act(t T, v storage.Verb, j storage.Job) (storage.Job, error) {
	t.Helper()
	return s.Ledger().Act(t.Context(), storage.Act{Verb: v, Job: j.ID, By: "alice", Via: "check"})
}

// trail returns the entries of a filter.
func (s *subject) trail(t T, f storage.AuditFilter) []storage.Audit {
	t.Helper()
	var all []storage.Audit
	for a, err := range s.Ledger().Audits(t.Context(), f) {
		ok(t, "audits", err)
		all = append(all, a)
	}
	if !slices.IsSortedFunc(all, storage.CompareAudits) {
		t.Fatalf("the trail is not in its order")
	}
	return all
}

// dead returns a job that died, in the ledger.
func (s *subject) dead(t T, code string) storage.Job {
	t.Helper()
	j := newJob("save")
	j.Text, j.State, j.ErrorCode, j.Model = "job "+j.ID.String(), storage.JobDead, code, model
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{j}))
	return j
}

// wantEntry checks an entry for a job.
func wantEntry(t T, got storage.Audit, j storage.Job, v storage.Verb, was, is storage.JobState, code string) {
	t.Helper()
	equal(t, "verb", got.Verb, v)
	equal(t, "job", got.Job, j.ID)
	equal(t, "text", got.Text, cmp.Or(j.Text, j.ID.String()))
	equal(t, "kind", got.Kind, j.Kind)
	equal(t, "model", got.Model, j.Model)
	equal(t, "who", got.By, "alice")
	equal(t, "by what", got.Via, "check")
	equal(t, "state before", got.Was, was)
	equal(t, "state after", got.Is, is)
	equal(t, "code", got.Code, code)
	if got.ID == uuid.Nil || got.At.IsZero() || !got.At.Equal(got.At.Truncate(time.Microsecond)) {
		t.Fatalf("an entry %s of %v", got.ID, got.At)
	}
}

func actsAreWrittenDown(t T, s *subject) {
	j, queued := s.dead(t, "failed"), newJob("load")
	s.insert(t, queued)
	row, err := s.act(t, storage.VerbRetry, j)
	ok(t, "retry", err)
	equal(t, "state of a job that is tried again", row.State, storage.JobQueued)
	s.wantJob(t, j, storage.JobQueued)
	row, err = s.act(t, storage.VerbCancel, queued)
	ok(t, "cancel", err)
	equal(t, "state of a cancelled job", row.State, storage.JobCancelled)
	row, err = s.act(t, storage.VerbDrop, queued)
	ok(t, "drop", err)
	equal(t, "state of a dropped job", row.State, storage.JobCancelled)
	_, err = s.Ledger().Get(t.Context(), queued.ID)
	wantErr(t, "get of a dropped job", err, storage.ErrNotFound)
	got := s.trail(t, storage.AuditFilter{})
	equal(t, "number of entries", len(got), 3)
	for _, a := range got {
		switch a.Verb {
		case storage.VerbRetry:
			wantEntry(t, a, j, a.Verb, storage.JobDead, storage.JobQueued, "")
			equal(t, "error of the job", a.ErrorCode, "failed")
		case storage.VerbCancel:
			wantEntry(t, a, queued, a.Verb, storage.JobQueued, storage.JobCancelled, "")
		default:
			wantEntry(t, a, queued, storage.VerbDrop, storage.JobCancelled, "", "")
		}
	}
}

func refusalsAreWrittenDown(t T, s *subject) {
	j := newJob("load")
	c := s.claim(t, j)
	_, err := s.act(t, storage.VerbDrop, j)
	wantErr(t, "drop of a running job", err, storage.ErrNotEnded)
	_, err = s.act(t, storage.VerbRetry, j)
	wantErr(t, "retry of a running job", err, storage.ErrNotEnded)
	equal(t, "attempts", s.wantJob(t, j, storage.JobRunning).Attempt, 1)
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDone}))
	row, err := s.act(t, storage.VerbRetry, j)
	wantErr(t, "retry of a done job", err, storage.ErrFinal)
	equal(t, "state of a job that refused", row.State, storage.JobDone)
	_, err = s.act(t, storage.VerbCancel, j)
	wantErr(t, "cancel of a done job", err, storage.ErrFinal)
	var codes []string
	for _, a := range s.trail(t, storage.AuditFilter{Job: j.ID}) {
		equal(t, "state after a refusal", a.Is, a.Was)
		codes = append(codes, string(a.Verb)+" "+a.Code)
	}
	slices.Sort(codes)
	equal(t, "entries", codes, []string{"cancel final", "drop not_ended", "retry final", "retry not_ended"})
}

func failedActs(t T, s *subject) {
	j := s.dead(t, "failed")
	l := s.Ledger()
	_, err := s.act(t, storage.VerbRetry, newJob("save"))
	wantErr(t, "retry of a job that is not there", err, storage.ErrNotFound)
	_, err = s.act(t, "dance", j)
	wantErr(t, "another verb", err, storage.ErrVerb)
	for _, v := range []storage.Verb{storage.VerbRetry, storage.VerbDrop} {
		_, err = l.Act(cancelled(t), storage.Act{Verb: v, Job: j.ID})
		wantCancelled(t, map[string]error{string(v): err})
	}
	s.wantJob(t, j, storage.JobDead)
	equal(t, "number of entries", len(s.trail(t, storage.AuditFilter{})), 0)
}

func trailOutlives(t T, s *subject) {
	j := s.dead(t, "failed")
	_, err := s.act(t, storage.VerbDrop, j)
	ok(t, "drop", err)
	again := j
	again.State = ""
	s.insert(t, again)
	_, err = s.act(t, storage.VerbCancel, again)
	ok(t, "cancel", err)
	n, err := s.Ledger().Prune(t.Context(), time.Now().Add(time.Hour), storage.JobCancelled)
	ok(t, "prune", err)
	equal(t, "number of pruned jobs", n, 1)
	equal(t, "number of entries", len(s.trail(t, storage.AuditFilter{Job: j.ID})), 2)
}

func trailFilters(t T, s *subject) {
	a, b := s.dead(t, "x"), s.dead(t, "y")
	for _, act := range []storage.Act{
		{Verb: storage.VerbRetry, Job: a.ID, By: "alice"}, {Verb: storage.VerbCancel, Job: a.ID, By: "bob"}, {Verb: storage.VerbDrop, Job: b.ID, By: "bob"},
	} {
		_, err := s.Ledger().Act(t.Context(), act)
		ok(t, string(act.Verb), err)
	}
	all := s.trail(t, storage.AuditFilter{})
	equal(t, "number of entries", len(all), 3)
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for _, f := range []storage.AuditFilter{
		{Job: a.ID},
		{Verb: storage.VerbDrop},
		{By: "bob"},
		{By: "carol"},
		{Since: past},
		{Until: future},
		{Since: future},
		{Until: past},
		{Job: a.ID, By: "bob"},
		{Since: all[1].At},
		{Until: all[1].At},
	} {
		want := slices.DeleteFunc(slices.Clone(all), func(a storage.Audit) bool { return !f.Selects(a) })
		got := s.trail(t, f)
		equal(t, "number of selected entries", len(got), len(want))
		for i := range got {
			equal(t, "id of a selected entry", got[i].ID, want[i].ID)
		}
	}
	equal(t, "number of entries with a limit", len(s.trail(t, storage.AuditFilter{Limit: 2})), 2)
}

func trailPruned(t T, s *subject) {
	j := s.dead(t, "failed")
	_, err := s.act(t, storage.VerbRetry, j)
	ok(t, "retry", err)
	n, err := s.Ledger().PruneAudits(t.Context(), time.Now().Add(-time.Hour))
	ok(t, "prune", err)
	equal(t, "number of pruned entries", n, 0)
	equal(t, "number of entries", len(s.trail(t, storage.AuditFilter{})), 1)
	n, err = s.Ledger().PruneAudits(t.Context(), time.Now().Add(time.Hour))
	ok(t, "prune", err)
	equal(t, "number of pruned entries", n, 1)
	equal(t, "number of entries", len(s.trail(t, storage.AuditFilter{})), 0)
}

// racingActs: of those who retry one job at the same time one does, and as many entries
// say so.
func racingActs(t T, s *subject) {
	j := s.dead(t, "failed")
	var racing sync.WaitGroup
	var done atomic.Int64
	for range 4 {
		racing.Go(func() {
			if _, err := s.Ledger().Act(t.Context(), storage.Act{Verb: storage.VerbRetry, Job: j.ID, By: "alice"}); err == nil {
				done.Add(1)
			}
		})
	}
	racing.Wait()
	equal(t, "number of retries that were done", done.Load(), 1)
	written := 0
	for _, a := range s.trail(t, storage.AuditFilter{Job: j.ID}) {
		if a.Code == "" {
			written++
		}
	}
	equal(t, "number of retries that the trail knows", written, 1)
	equal(t, "number of entries", len(s.trail(t, storage.AuditFilter{})), 4)
}

func listByEnd(t T, s *subject) {
	a, b, queued := ended(newJob("save"), `{}`), newJob("save"), newJob("save")
	b.State, b.ErrorCode, b.Finished = storage.JobDead, "x", noon.Add(time.Hour)
	a.Finished = noon
	queued.Created = noon.Add(2 * time.Hour)
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{a, b}))
	s.insert(t, queued)
	for _, tc := range []struct {
		f    storage.JobFilter
		want int
	}{
		{storage.JobFilter{Code: "x"}, 1},
		{storage.JobFilter{Code: "y"}, 0},
		{storage.JobFilter{Since: noon}, 3},
		{storage.JobFilter{Since: noon.Add(time.Second)}, 2},
		{storage.JobFilter{Until: noon}, 0},
		{storage.JobFilter{Until: noon.Add(time.Second)}, 1},
		{storage.JobFilter{Since: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour)}, 1},
		{storage.JobFilter{Since: noon.Add(2 * time.Hour), States: []storage.JobState{storage.JobQueued}}, 1},
	} {
		n := 0
		for _, err := range s.Ledger().List(t.Context(), tc.f) {
			ok(t, "list", err)
			n++
		}
		equal(t, "number of jobs of a filter", n, tc.want)
	}
}
