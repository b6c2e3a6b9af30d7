package check

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func durabilityChecks() []check {
	return []check{
		{"G1/resources_are_there_after_reopening", resourcesSurvive},
		{"G1/jobs_are_there_after_reopening", jobsSurvive},
		{"G1/staged_load_goes_on_after_reopening", stagedSurvives},
		{"G19/store_id_stays_after_reopening", storeIDSurvives},
		{"G26/condemned_blobs_are_there_after_reopening", condemnedSurvive},
	}
}

func storeIDSurvives(t T, s *subject) {
	id := s.ID()
	s.reopen(t)
	equal(t, "id of the store opened again", s.ID(), id)
}

func resourcesSurvive(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1", "p2")
	ok(t, "save", stores.Metas.SaveMany(t.Context(), []resource.Meta{newMeta("p3", 1)}))
	ok(t, "save", stores.Revisions.SaveMany(t.Context(), []resource.Revision{newRevision("p1", 10)}))
	ok(t, "delete", stores.Metas.Delete(t.Context(), []resource.ID{"p2"}))
	var file string
	s.withBlobs(t, func(b storage.BlobStore) {
		info, err := b.Put(t.Context(), strings.NewReader("content"), storage.PutOptions{})
		ok(t, "put", err)
		file = info.FileID
	})
	s.reopen(t)
	infos, err := s.Models(t.Context())
	ok(t, "models", err)
	equal(t, "number of models", len(infos), 1)
	stores, err = s.Build(t.Context(), model)
	ok(t, "build", err)
	wantIDs(t, stores.Metas, "p1", "p3")
	wantRevisions(t, stores.Revisions, "p1", "p1:1", "p1:10")
	got, err := stores.Revisions.Get(t.Context(), newInfo("p1", 10).Key())
	ok(t, "get", err)
	sameRevision(t, "the revision", got, newRevision("p1", 10))
	s.withBlobs(t, func(b storage.BlobStore) { equal(t, "the blob", string(readBlob(t, b, file)), "content") })
}

func jobsSurvive(t T, s *subject) {
	s.use(t)
	queued, done, running := newJob("save"), newJob("save"), newJob("load")
	queued.Queue = uuid.New()
	s.insert(t, queued)
	_, err := s.deliver(t, done, refsTo("p1")[0])
	ok(t, "deliver", err)
	c := s.claim(t, running)
	s.reopen(t)
	equal(t, "queue", s.wantJob(t, queued, storage.JobQueued).Queue, queued.Queue)
	effect, err := s.deliver(t, done, refsTo("p1")[0])
	ok(t, "deliver again", err)
	equal(t, "whether a done job had an effect again", effect, false)
	_, _, err = s.Ledger().Claim(t.Context(), running, time.Hour)
	wantErr(t, "claim of a leased job", err, storage.ErrLeased)
	ok(t, "finish by the claim", s.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDone}))
}

func stagedSurvives(t T, s *subject) {
	s.use(t)
	c := s.claim(t, newJob("load"))
	ok(t, "stage", s.stage(t, c, 0, "p1"))
	s.reopen(t)
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	s.wantNothing(t, stores, "p1")
	ok(t, "stage", s.stage(t, c, 0, "p9"))
	ok(t, "stage", s.stage(t, c, 1, "p2"))
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1", "p2")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
}
