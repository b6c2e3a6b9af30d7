package check

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func jobChecks() []check {
	return []check{
		{"G15/inserted_job_is_read", insertedJobIsRead},
		{"G15/insert_adds_what_is_missing", insertAddsMissing},
		{"G15/other_content_under_an_id_is_refused", otherContent},
		{"G15/job_is_found_by_text", jobFoundByText},
		{"G5/jobs_come_newest_first", jobsNewestFirst},
		{"G15/list_filters", listFilters},
		{"G15/list_in_pages", listPages},
		{"G15/count_by_state", countByState},
		{"G8/absent_job_is_not_found", absentJob},
		{"G15/probe_leaves_nothing", probeLeavesNothing},
	}
}

// insert inserts jobs that must be new.
func (s *subject) insert(t T, jobs ...storage.Job) {
	t.Helper()
	inserted, err := s.Ledger().Insert(t.Context(), jobs)
	ok(t, "insert", err)
	equal(t, "number of answers", len(inserted), len(jobs))
	for _, in := range inserted {
		equal(t, "whether a job was inserted", in, true)
	}
}

func insertedJobIsRead(t T, s *subject) {
	j := newJob("load")
	j.Text, j.Parent, j.Queue, j.Subject = "my load é", uuid.New(), uuid.New(), "specstar.ns.jobs.bulk.load"
	j.Done, j.Total = 3, 1<<40
	j.EnvelopeHash = []byte{0, 1, 255}
	j.NotBefore, j.Unique = noon, "key é"
	s.insert(t, j)
	got, err := s.Ledger().Get(t.Context(), j.ID)
	ok(t, "get", err)
	if !got.Created.Equal(j.Created) {
		t.Fatalf("the job was created %v, want %v", got.Created, j.Created)
	}
	got.Created, j.Created = time.Time{}, time.Time{}
	equal(t, "whether it waits until the same time", got.NotBefore.Equal(j.NotBefore), true)
	got.NotBefore = j.NotBefore
	got.Outcome = nil // none may be read as empty
	equal(t, "the job", got, j)

	bare := storage.Job{ID: uuid.New(), Kind: "save"}
	s.insert(t, bare)
	got = s.wantJob(t, bare, storage.JobQueued)
	equal(t, "attempts", got.Attempt, 0)
	if got.Created.IsZero() || !got.Started.IsZero() || !got.Finished.IsZero() || !got.LeaseUntil.IsZero() {
		t.Fatalf("the times of a new job are %v, %v, %v, %v", got.Created, got.Started, got.Finished, got.LeaseUntil)
	}
}

func insertAddsMissing(t T, s *subject) {
	a, b := newJob("save"), newJob("save")
	s.insert(t, a)
	again := a
	again.User = "mallory"
	inserted, err := s.Ledger().Insert(t.Context(), []storage.Job{b, again})
	ok(t, "insert", err)
	equal(t, "answers", inserted, []bool{true, false})
	equal(t, "the user of the first row", s.wantJob(t, a, storage.JobQueued).User, "alice")
	again.EnvelopeHash = nil
	inserted, err = s.Ledger().Insert(t.Context(), []storage.Job{again})
	ok(t, "insert without a hash", err)
	equal(t, "answers", inserted, []bool{false})
}

func otherContent(t T, s *subject) {
	a, b := newJob("save"), newJob("save")
	s.insert(t, a)
	other := a
	other.EnvelopeHash = []byte("another hash")
	_, err := s.Ledger().Insert(t.Context(), []storage.Job{b, other})
	if _, is := errors.AsType[*storage.JobDiffersError](err); !is {
		t.Fatalf("insert of other content gave the error %v, want a JobDiffersError", err)
	}
	_, err = s.Ledger().Get(t.Context(), b.ID)
	wantErr(t, "get of a job beside the refused one", err, storage.ErrNotFound)
	equal(t, "the hash kept", string(s.wantJob(t, a, storage.JobQueued).EnvelopeHash), string(a.EnvelopeHash))
}

func jobFoundByText(t T, s *subject) {
	named, plain := newJob("save"), newJob("save")
	named.Text = "import-2026-03-01"
	s.insert(t, named, plain)
	for text, want := range map[string]uuid.UUID{named.Text: named.ID, plain.ID.String(): plain.ID} {
		got, err := s.Ledger().Find(t.Context(), text)
		ok(t, "find "+text, err)
		equal(t, "the job found", got.ID, want)
	}
	_, err := s.Ledger().Find(t.Context(), "import")
	wantErr(t, "find of an unknown text", err, storage.ErrNotFound)
}

func jobsNewestFirst(t T, s *subject) {
	var want []uuid.UUID
	for i := range 6 {
		j := newJob("save")
		j.Created = noon.Add(time.Duration((i*5)%6) * time.Second)
		s.insert(t, j)
	}
	var last time.Time
	for _, j := range collect(t, "list", s.Ledger().List(t.Context(), storage.JobFilter{})) {
		if len(want) > 0 && !j.Created.Before(last) {
			t.Fatalf("a job of %v comes after one of %v", j.Created, last)
		}
		last = j.Created
		want = append(want, j.ID)
	}
	equal(t, "number of jobs", len(want), 6)
	var got []uuid.UUID
	for _, j := range collect(t, "list", s.Ledger().List(t.Context(), storage.JobFilter{Limit: 4})) {
		got = append(got, j.ID)
	}
	equal(t, "the limited list", got, want[:4])
}

func listFilters(t T, s *subject) {
	parent := newJob("load")
	parent.Model = ""
	child := newJob("chunk")
	child.Parent = parent.ID
	other := newJob("save")
	other.Model, other.State = "order", storage.JobDead
	s.insert(t, parent, child, other)
	for _, c := range []struct {
		what   string
		filter storage.JobFilter
		want   []uuid.UUID
	}{
		{"kind", storage.JobFilter{Kind: "chunk"}, []uuid.UUID{child.ID}},
		{"model", storage.JobFilter{Model: "order"}, []uuid.UUID{other.ID}},
		{"parent", storage.JobFilter{Parent: parent.ID}, []uuid.UUID{child.ID}},
		{"states", storage.JobFilter{States: []storage.JobState{storage.JobDead, storage.JobDone}}, []uuid.UUID{other.ID}},
		{"kind and state", storage.JobFilter{Kind: "save", States: []storage.JobState{storage.JobQueued}}, nil},
	} {
		var got []uuid.UUID
		for _, j := range collect(t, "list", s.Ledger().List(t.Context(), c.filter)) {
			got = append(got, j.ID)
		}
		equal(t, "the list filtered by "+c.what, got, c.want)
	}
}

func countByState(t T, s *subject) {
	dead := newJob("save")
	dead.State = storage.JobDead
	s.insert(t, newJob("save"), dead, newJob("load"))
	counts, err := s.Ledger().Count(t.Context())
	ok(t, "count", err)
	equal(t, "queued", counts[storage.JobQueued], 2)
	equal(t, "dead", counts[storage.JobDead], 1)
	equal(t, "running", counts[storage.JobRunning], 0)
	counts, err = s.Ledger().Count(t.Context(), storage.JobDead, storage.JobRunning)
	ok(t, "count of some states", err)
	equal(t, "the counts of some states", counts, map[storage.JobState]int64{storage.JobDead: 1})
	counts, err = s.Ledger().Count(t.Context(), storage.JobDone, storage.JobQueued)
	ok(t, "count of some states", err)
	equal(t, "queued", counts[storage.JobQueued], 2)
	equal(t, "dead, which was not asked for", counts[storage.JobDead], 0)
}

// listPages reads jobs in pages, some of which end between jobs made at one time.
func listPages(t T, s *subject) {
	for i := range 9 {
		j := newJob("save")
		j.Created = noon.Add(time.Duration(i/4) * time.Microsecond)
		s.insert(t, j)
	}
	for _, states := range [][]storage.JobState{nil, {storage.JobQueued}, {storage.JobQueued, storage.JobRunning}} {
		f := storage.JobFilter{States: states, Bare: true}
		all := collect(t, "list", s.Ledger().List(t.Context(), f))
		equal(t, "number of jobs", len(all), 9)
		var got []storage.Job
		for f.Limit = 2; len(got) <= len(all); {
			page := collect(t, "list", s.Ledger().List(t.Context(), f))
			if len(page) == 0 {
				break
			}
			last := page[len(page)-1]
			f.After = storage.JobCursor{Created: last.Created, ID: last.ID}
			got = append(got, page...)
		}
		equal(t, "number of jobs on pages", len(got), len(all))
		for i, j := range got {
			equal(t, "the id of a job on a page", j.ID, all[i].ID)
			if len(j.Envelope) != 0 || len(j.Outcome) != 0 || len(j.EnvelopeHash) == 0 {
				t.Fatalf("a bare job has an envelope of %d bytes and a hash of %d", len(j.Envelope), len(j.EnvelopeHash))
			}
		}
	}
}

func absentJob(t T, s *subject) {
	l, id := s.Ledger(), uuid.New()
	_, err := l.Get(t.Context(), id)
	wantErr(t, "get", err, storage.ErrNotFound)
	_, err = l.Cancel(t.Context(), id)
	wantErr(t, "cancel", err, storage.ErrNotFound)
	_, err = l.Retry(t.Context(), id)
	wantErr(t, "retry", err, storage.ErrNotFound)
	wantErr(t, "drop", l.Drop(t.Context(), id), storage.ErrNotFound)
	ok(t, "refund", l.Refund(t.Context(), []uuid.UUID{id}))
	ok(t, "published", l.Published(t.Context(), uuid.New(), []storage.Place{{Job: id, Epoch: 1, Sequence: 1}}))
	chunks, err := l.Chunks(t.Context(), id)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 0)
	claim := storage.Claim{Job: id, Token: uuid.New()}
	_, err = l.Renew(t.Context(), claim, time.Hour, storage.Progress{})
	wantErr(t, "renew", err, storage.ErrFenced)
	wantErr(t, "finish", l.Finish(t.Context(), claim, storage.Final{State: storage.JobDone}), storage.ErrFenced)
	wantErr(t, "release", l.Release(t.Context(), claim, false, "", ""), storage.ErrFenced)
}

func probeLeavesNothing(t T, s *subject) {
	kept := newJob("save")
	s.insert(t, kept)
	c := s.claim(t, newJob("load"))
	for range 3 {
		ok(t, "probe", s.Ledger().Probe(t.Context()))
	}
	equal(t, "number of jobs", len(collect(t, "list", s.Ledger().List(t.Context(), storage.JobFilter{}))), 2)
	counts, err := s.Ledger().Count(t.Context())
	ok(t, "count", err)
	equal(t, "states", len(counts), 2)
	s.wantJob(t, kept, storage.JobQueued)
	_, err = s.Ledger().Renew(t.Context(), c, time.Hour, storage.Progress{})
	ok(t, "renew", err)
}
