package check

import (
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func stageChecks() []check {
	return []check{
		{"G14/staged_is_invisible", stagedIsInvisible},
		{"G12/staged_chunk_is_not_staged_again", stagedOnce},
		{"G13/stage_needs_the_claim", stageNeedsClaim},
		{"G14/unstage_forgets_all", unstageForgets},
		{"G13/unstage_needs_the_claim_or_the_end", unstageNeedsClaim},
		{"G3/stage_is_whole", stageIsWhole},
	}
}

// stage stages complete resources as one chunk.
func (s *subject) stage(t T, c storage.Claim, no int, ids ...resource.ID) error {
	t.Helper()
	return s.Unit().Stage(t.Context(), storage.Staged{
		Chunk:   storage.ChunkRef{Claim: c, No: no},
		Models:  writesOf(model, resources(ids...)),
		Outcome: []byte(`{"staged":1}`),
	})
}

// publish publishes with the outcome that checks look for.
func (s *subject) publish(t T, c storage.Claim) error {
	t.Helper()
	return s.Unit().Publish(t.Context(), c, storage.Final{State: storage.JobDone, Outcome: []byte(`{"loaded":1}`)})
}

// wantNothing fails t when anything of the resources is to be seen.
func (s *subject) wantNothing(t T, stores storage.Stores, ids ...resource.ID) {
	t.Helper()
	for _, id := range ids {
		_, err := stores.Metas.Get(t.Context(), id)
		wantErr(t, "get of staged "+string(id), err, storage.ErrNotFound)
		wantRevisions(t, stores.Revisions, id)
		_, err = stores.Revisions.Get(t.Context(), newInfo(id, 1).Key())
		wantErr(t, "get of the staged revision of "+string(id), err, storage.ErrNotFound)
	}
}

func stagedIsInvisible(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p0")
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.stage(t, c, 0, "p1", "p2"))
	ok(t, "stage", s.stage(t, c, 1, "p3"))
	wantIDs(t, stores.Metas, "p0")
	s.wantNothing(t, stores, "p1", "p2", "p3")
	stats, err := stores.Metas.Stats(t.Context())
	ok(t, "stats", err)
	equal(t, "the stats", stats, storage.Stats{Metas: 1})
	equal(t, "number of revisions", countOf(t, stores), 1)
	err = s.Unit().Update(t.Context(), storage.Batch{Refs: refsTo("p1")}, func(v storage.View) (storage.Writes, error) {
		_, there := v.Meta(refsTo("p1")[0])
		equal(t, "whether a unit sees what is staged", there, false)
		return storage.Writes{}, nil
	})
	ok(t, "update", err)
	chunks, err := s.Ledger().Chunks(t.Context(), c.Job)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 2)
	equal(t, "chunk outcome", string(chunks[1].Outcome), `{"staged":1}`)
}

func stagedOnce(t T, s *subject) {
	stores := s.use(t)
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	ok(t, "stage the same chunk", s.stage(t, c, 0, "p1"))
	ok(t, "stage the chunk with other content", s.stage(t, c, 0, "p9"))
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1")
	s.wantNothing(t, stores, "p9")
}

func stageNeedsClaim(t T, s *subject) {
	stores := s.use(t)
	j := newJob("load")
	_, old, err := s.Ledger().Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	ok(t, "stage", s.stage(t, old, 0, "p1"))
	c := s.claim(t, j)
	wantErr(t, "stage under a lost claim", s.stage(t, old, 1, "p2"), storage.ErrFenced)
	wantErr(t, "publish under a lost claim", s.publish(t, old), storage.ErrFenced)
	s.wantNothing(t, stores, "p1", "p2")
	ok(t, "publish what the predecessor staged", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1")
}

func unstageForgets(t T, s *subject) {
	stores := s.use(t)
	j, other := newJob("load"), newJob("load")
	c, d := s.claim(t, j), s.claim(t, other)
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	ok(t, "stage", s.stage(t, c, 1, "p2"))
	ok(t, "stage for another job", s.stage(t, d, 0, "p7"))
	ok(t, "unstage", s.Unit().Unstage(t.Context(), c))
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks after unstage", len(chunks), 0)
	ok(t, "unstage again", s.Unit().Unstage(t.Context(), c))
	ok(t, "stage again", s.stage(t, c, 0, "p1"))
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1")
	s.wantNothing(t, stores, "p2", "p7")
	ok(t, "publish the other job", s.publish(t, d))
	wantIDs(t, stores.Metas, "p1", "p7")
}

// unstageNeedsClaim: whoever lost the claim, or takes a job that was tried again for one
// that has ended, must not forget what the present worker has staged.
func unstageNeedsClaim(t T, s *subject) {
	stores := s.use(t)
	j := newJob("load")
	_, old, err := s.Ledger().Claim(t.Context(), j, -time.Hour)
	ok(t, "claim", err)
	ended := storage.Claim{Job: j.ID}
	ok(t, "unstage what another one works on, as if it had ended", s.Unit().Unstage(t.Context(), ended))
	c := s.claim(t, j)
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	wantErr(t, "unstage under a lost claim", s.Unit().Unstage(t.Context(), old), storage.ErrFenced)
	ok(t, "unstage a running job as if it had ended", s.Unit().Unstage(t.Context(), ended))
	chunks, err := s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks of the running job", len(chunks), 1)
	ok(t, "finish", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobRefused, ErrorCode: "c"}))
	ok(t, "unstage after the end", s.Unit().Unstage(t.Context(), ended))
	chunks, err = s.Ledger().Chunks(t.Context(), j.ID)
	ok(t, "chunks", err)
	equal(t, "number of chunks after the end", len(chunks), 0)
	s.wantNothing(t, stores, "p1")
}

func stageIsWhole(t T, s *subject) {
	stores := s.use(t)
	c := s.claim(t, newJob("load"))
	if err := s.stage(t, c, 0, "p1", ""); err == nil {
		t.Fatalf("a meta without an id was staged")
	}
	chunks, err := s.Ledger().Chunks(t.Context(), c.Job)
	ok(t, "chunks", err)
	equal(t, "number of chunks", len(chunks), 0)
	ok(t, "stage", s.stage(t, c, 0, "p2"))
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p2")
}
