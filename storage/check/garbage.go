package check

import (
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func garbageChecks() []check {
	return []check{
		{"G26/payloads_are_all_that_is_stored", payloadsAreAll},
		{"G26/unfinished_jobs_are_all_but_done", unfinishedJobs},
		{"G26/condemned_blobs_are_written_down", condemnedAreWrittenDown},
		{"G26/acquitted_blobs_are_remembered_again", acquittedAreRemembered},
		{"G26/forgotten_blobs_are_off_the_list", forgottenAreOff},
		{"G26/condemned_is_not_remembered_by_what_was", condemnedAnew},
		{"G27/sweep_finds_what_ended_jobs_staged", sweepStaged},
		{"G27/sweep_removes_orphans_on_request", sweepOrphans},
		{"G27/sweep_leaves_what_is_used", sweepLeavesUsed},
	}
}

// payloads returns the stored payloads, sorted.
func (s *subject) payloads(t T) []string {
	t.Helper()
	all := []string{}
	for p, err := range s.Garbage().Payloads(t.Context()) {
		ok(t, "payloads", err)
		all = append(all, p.Model+" "+p.Name+" "+string(p.Resource)+" "+string(p.Data))
	}
	slices.Sort(all)
	return all
}

// stored returns what payloads says of revisions.
func stored(revs ...resource.Revision) []string {
	all := []string{}
	for _, r := range revs {
		all = append(all, model+" "+string(r.Info.RevisionID)+" "+string(r.Info.ResourceID)+" "+string(r.Data))
	}
	slices.Sort(all)
	return all
}

func payloadsAreAll(t T, s *subject) {
	equal(t, "payloads of an empty store", s.payloads(t), []string{})
	stores := s.use(t)
	s.put(t, "p1", "p2")
	old, current, other := newRevision("p1", 1), newRevision("p1", 2), withSchema(newRevision("p1", 2), "2")
	ok(t, "save", stores.Revisions.SaveMany(t.Context(), []resource.Revision{current, other}))
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.stage(t, c, 0, "p3"))
	equal(t, "payloads", s.payloads(t), stored(old, current, other, newRevision("p2", 1), newRevision("p3", 1)))

	replaced := newRevision("p2", 1)
	replaced.Data = []byte(`{"now":"another"}`)
	ok(t, "replace", stores.Revisions.SaveMany(t.Context(), []resource.Revision{replaced}))
	ok(t, "delete a meta", stores.Metas.Delete(t.Context(), []resource.ID{"p2"}))
	ok(t, "purge", stores.Revisions.Purge(t.Context(), []resource.ID{"p1"}))
	ok(t, "publish", s.publish(t, c))
	equal(t, "payloads", s.payloads(t), stored(replaced, newRevision("p3", 1)))
}

func unfinishedJobs(t T, s *subject) {
	queued, done := newJob("save"), newJob("save")
	s.insert(t, queued)
	ok(t, "settle", s.Ledger().Settle(t.Context(), []storage.Job{ended(done, `{}`)}))
	running, dead := newJob("load"), newJob("load")
	s.claim(t, running)
	ok(t, "finish", s.Ledger().Finish(t.Context(), s.claim(t, dead), storage.Final{State: storage.JobDead}))
	states := map[string]storage.JobState{}
	for _, j := range collect(t, "unfinished", s.Garbage().Unfinished(t.Context())) {
		states[j.ID.String()] = j.State
		equal(t, "envelope", string(j.Envelope), `{"kind":"`+j.Kind+`"}`)
		equal(t, "time", j.Created, noon)
	}
	equal(t, "states", states, map[string]storage.JobState{
		queued.ID.String(): storage.JobQueued, running.ID.String(): storage.JobRunning, dead.ID.String(): storage.JobDead,
	})
}

// remember makes a model remember blobs.
func (s *subject) remember(t T, name string, blobs ...string) {
	t.Helper()
	err := s.update(t, storage.Batch{}, storage.Writes{Models: writesOf(name, storage.ModelWrites{Blobs: blobs})})
	ok(t, "remember blobs", err)
}

// wantBlobs fails t unless exactly these blobs are remembered and condemned.
func (s *subject) wantBlobs(t T, remembered map[string][]string, condemned ...string) {
	t.Helper()
	for name, want := range remembered {
		stores, err := s.Build(t.Context(), name)
		ok(t, "build", err)
		got := collect(t, "blobs", stores.Metas.Blobs(t.Context()))
		if !slices.Equal(got, want) {
			t.Fatalf("model %s remembers %q, want %q", name, got, want)
		}
	}
	got := collect(t, "condemned", s.Garbage().Condemned(t.Context()))
	if !slices.Equal(got, condemned) {
		t.Fatalf("the condemned blobs are %q, want %q", got, condemned)
	}
}

// remembering makes two models that remember blobs, and condemns some.
func (s *subject) remembering(t T) {
	t.Helper()
	s.useModel(t, "person")
	s.useModel(t, "order")
	s.remember(t, "person", "b1", "b2", "b3")
	s.remember(t, "order", "b2")
	s.wantBlobs(t, map[string][]string{"person": {"b1", "b2", "b3"}, "order": {"b2"}})
	for range 2 {
		ok(t, "condemn", s.Garbage().Condemn(t.Context(), []string{"b2", "b1", "nobody's"}))
	}
}

func condemnedAreWrittenDown(t T, s *subject) {
	s.remembering(t)
	want := map[string][]string{"person": {"b3"}, "order": nil}
	s.wantBlobs(t, want, "b1", "b2", "nobody's")
	wantCancelled(t, map[string]error{
		"condemn": s.Garbage().Condemn(cancelled(t), []string{"b3"}),
		"acquit":  s.Garbage().Acquit(cancelled(t), []string{"b1"}),
		"forget":  s.Garbage().Forget(cancelled(t), []string{"b1"}),
	})
	s.wantBlobs(t, want, "b1", "b2", "nobody's")
}

func acquittedAreRemembered(t T, s *subject) {
	s.remembering(t)
	ok(t, "acquit", s.Garbage().Acquit(t.Context(), []string{"b2", "never condemned"}))
	s.wantBlobs(t, map[string][]string{"person": {"b2", "b3"}, "order": {"b2"}}, "b1", "nobody's")
	ok(t, "acquit", s.Garbage().Acquit(t.Context(), []string{"b1", "b2", "nobody's"}))
	s.wantBlobs(t, map[string][]string{"person": {"b1", "b2", "b3"}, "order": {"b2"}})
}

func forgottenAreOff(t T, s *subject) {
	s.remembering(t)
	ok(t, "forget", s.Garbage().Forget(t.Context(), []string{"b1", "b2", "never condemned"}))
	s.wantBlobs(t, map[string][]string{"person": {"b3"}, "order": nil}, "nobody's")
	ok(t, "acquit too late", s.Garbage().Acquit(t.Context(), []string{"b1", "b2"}))
	s.wantBlobs(t, map[string][]string{"person": {"b3"}, "order": nil}, "nobody's")
}

// condemnedAnew lets a model remember a condemned blob: that holds whatever
// happens to what was written down.
func condemnedAnew(t T, s *subject) {
	s.remembering(t)
	s.remember(t, "order", "b1")
	s.wantBlobs(t, map[string][]string{"person": {"b3"}, "order": {"b1"}}, "b1", "b2", "nobody's")
	ok(t, "forget", s.Garbage().Forget(t.Context(), []string{"b1"}))
	s.wantBlobs(t, map[string][]string{"person": {"b3"}, "order": {"b1"}}, "b2", "nobody's")
	s.remember(t, "order", "b2")
	ok(t, "acquit", s.Garbage().Acquit(t.Context(), []string{"b2"}))
	s.wantBlobs(t, map[string][]string{"person": {"b2", "b3"}, "order": {"b1", "b2"}}, "nobody's")
}

func condemnedSurvive(t T, s *subject) {
	s.remembering(t)
	s.reopen(t)
	s.wantBlobs(t, map[string][]string{"person": {"b3"}, "order": nil}, "b1", "b2", "nobody's")
	ok(t, "acquit", s.Garbage().Acquit(t.Context(), []string{"b1", "b2"}))
	s.reopen(t)
	s.wantBlobs(t, map[string][]string{"person": {"b1", "b2", "b3"}, "order": {"b2"}}, "nobody's")
}

func (s *subject) sweep(t T, o storage.SweepOptions) storage.Sweep {
	t.Helper()
	found, err := s.Garbage().Sweep(t.Context(), o)
	ok(t, "sweep", err)
	return found
}

func sweepStaged(t T, s *subject) {
	stores := s.use(t)
	j, live := newJob("load"), newJob("load")
	c, d := s.claim(t, j), s.claim(t, live)
	ok(t, "stage", s.stage(t, c, 0, "p1", "p2"))
	ok(t, "stage", s.stage(t, c, 1, "p3"))
	ok(t, "stage for a job that runs", s.stage(t, d, 0, "p7"))
	equal(t, "chunks of running jobs", s.sweep(t, storage.SweepOptions{Remove: true}).Chunks.Count, 0)
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDead}))
	for _, remove := range []bool{false, true} {
		found := s.sweep(t, storage.SweepOptions{Remove: remove})
		equal(t, "chunks of ended jobs", found.Chunks.Count, 2)
		if found.Chunks.Bytes == 0 {
			t.Fatalf("the chunks of ended jobs take no bytes")
		}
	}
	equal(t, "what is left", s.sweep(t, storage.SweepOptions{Remove: true}), storage.Sweep{})
	equal(t, "payloads", s.payloads(t), stored(newRevision("p7", 1)))
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks that are done", len(chunks), 0)
	ok(t, "publish the job that runs", s.publish(t, d))
	wantIDs(t, stores.Metas, "p7")
}

func sweepOrphans(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2", "p3")
	ok(t, "save", stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision("p2", 2)}))
	ok(t, "delete metas", stores.Metas.Delete(t.Context(), []resource.ID{"p3", "p2"}))
	for _, o := range []storage.SweepOptions{{}, {Remove: true}, {Remove: true, Orphans: true}} {
		found := s.sweep(t, o)
		equal(t, "orphans", found.Orphans.Count, 3)
		equal(t, "their resources", found.Resources, refsTo("p2", "p3"))
		if found.Orphans.Bytes == 0 {
			t.Fatalf("the orphans take no bytes")
		}
	}
	equal(t, "what is left", s.sweep(t, storage.SweepOptions{}), storage.Sweep{})
	equal(t, "payloads", s.payloads(t), stored(newRevision("p1", 1)))
	wantRevisions(t, stores.Revisions, "p2")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
}

func sweepLeavesUsed(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2")
	deleted := newMeta("p2", 1)
	deleted.IsDeleted = true
	ok(t, "mark deleted", stores.Metas.SaveMany(t.Context(), []resource.Meta{deleted}))
	ok(t, "save", stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision("p1", 7), withSchema(newRevision("p1", 1), "2")}))
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.stage(t, c, 0, "p5"))
	_, lost, err := s.Ledger().Claim(t.Context(), newJob("load"), -time.Hour)
	ok(t, "claim", err)
	ok(t, "stage", s.stage(t, lost, 0, "p6"))
	before := s.payloads(t)
	equal(t, "what is found", s.sweep(t, storage.SweepOptions{Remove: true, Orphans: true}), storage.Sweep{})
	equal(t, "payloads", s.payloads(t), before)
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1", "p2", "p5")
}
