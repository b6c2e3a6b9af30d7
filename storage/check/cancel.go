package check

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// patience is how long a check waits for what should end at once: long, since the
// machine may be busy with other things.
const patience = 15 * time.Second

func cancelChecks() []check {
	return []check{
		{"G7/cancelled_reads_give_the_error", cancelledReads},
		{"G7/cancelled_writes_change_nothing", cancelledWrites},
		{"G7/cancelled_ledger_changes_nothing", cancelledLedger},
		{"G7/waiting_for_another_writer_can_be_cancelled", cancelledWaiting},
		{"G7/cancel_during_compute_writes_nothing", cancelDuringCompute},
	}
}

// cancelled returns a context that is.
func cancelled(t T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// wantCancelled fails t unless every error is that of the context.
func wantCancelled(t T, errs map[string]error) {
	t.Helper()
	for what, err := range errs {
		wantErr(t, what, err, context.Canceled)
	}
}

// second returns the error of a call with one result.
func second[V any](_ V, err error) error { return err }

func cancelledReads(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	ctx, m, r, l := cancelled(t), stores.Metas, stores.Revisions, s.Ledger()
	key := newInfo("p1", 1).Key()
	wantCancelled(t, map[string]error{
		"get":         second(m.Get(ctx, "p1")),
		"get many":    second(m.GetMany(ctx, []resource.ID{"p1"})),
		"count":       second(m.Count(ctx, qb.Query{})),
		"count by":    second(m.CountBy(ctx, qb.Query{}, qb.RevStatus().By(), 0)),
		"rows":        second(m.Rows(ctx, storage.Range{}, 10)),
		"unfilled":    second(m.Unfilled(ctx, storage.Range{}, 10)),
		"cuts":        second(m.Cuts(ctx, 10, false)),
		"stats":       second(m.Stats(ctx)),
		"revision":    second(r.Get(ctx, key)),
		"revisions":   second(r.GetMany(ctx, []resource.RevisionKey{key})),
		"count all":   second(r.Count(ctx)),
		"info":        second(r.Info(ctx, key)),
		"job":         second(l.Get(ctx, uuid.New())),
		"job count":   second(l.Count(ctx)),
		"chunks":      second(l.Chunks(ctx, uuid.New())),
		"chunk count": second(l.CountChunks(ctx, uuid.New())),
		"outline":     second(l.Outline(ctx, uuid.New())),
		"plan":        second(l.Plan(ctx, uuid.New())),
		"models":      second(s.Models(ctx)),
		"snapshot":    second(s.Snapshot(ctx)),
	})
}

func cancelledWrites(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	j := newJob("load")
	c := s.claim(t, j)
	ok(t, "stage", s.stage(t, c, 0, "p5"))
	ctx := cancelled(t)
	called := false
	update := s.Unit().Update(ctx, storage.Batch{Refs: refsTo("p2")}, func(storage.View) (storage.Writes, error) {
		called = true
		return storage.Writes{Models: writesOf(model, resources("p2"))}, nil
	})
	wantCancelled(t, map[string]error{
		"update":         update,
		"stage":          s.Unit().Stage(ctx, storage.Staged{Chunk: storage.ChunkRef{Claim: c, No: 1}, Models: writesOf(model, resources("p3"))}),
		"publish":        s.Unit().Publish(ctx, c, storage.Final{State: storage.JobDone}),
		"save metas":     stores.Metas.SaveMany(ctx, []resource.Meta{newMeta("p4", 1)}),
		"delete metas":   stores.Metas.Delete(ctx, []resource.ID{"p1"}),
		"save revisions": stores.Revisions.SaveMany(ctx, []resource.Revision{newRevision("p4", 1)}),
		"purge":          stores.Revisions.Purge(ctx, []resource.ID{"p1"}),
		"save model":     s.SaveModel(ctx, storage.ModelInfo{Name: "other", Encoding: resource.JSON}),
		"unstage":        s.Unit().Unstage(ctx, c),
	})
	equal(t, "whether compute was called", called, false)
	wantIDs(t, stores.Metas, "p1")
	wantRevisions(t, stores.Revisions, "p1", "p1:1")
	wantRevisions(t, stores.Revisions, "p4")
	infos, err := s.Models(t.Context())
	ok(t, "models", err)
	equal(t, "number of models", len(infos), 1)
	ok(t, "publish", s.publish(t, c))
	wantIDs(t, stores.Metas, "p1", "p5")
}

func cancelledLedger(t T, s *subject) {
	queued, running, fresh := newJob("save"), newJob("load"), newJob("save")
	s.insert(t, queued)
	c := s.claim(t, running)
	ctx, l := cancelled(t), s.Ledger()
	_, _, claimErr := l.Claim(ctx, queued, time.Hour)
	_, _, wakeErr := l.Wake(ctx, running.ID)
	wantCancelled(t, map[string]error{
		"insert":    second(l.Insert(ctx, []storage.Job{fresh})),
		"attempt":   second(l.Attempt(ctx, []storage.Job{queued})),
		"claim":     claimErr,
		"wake":      wakeErr,
		"suspend":   l.Suspend(ctx, c, time.Now(), nil, storage.Progress{}),
		"renew":     second(l.Renew(ctx, c, time.Hour, storage.Progress{Done: 1})),
		"finish":    l.Finish(ctx, c, storage.Final{State: storage.JobDone}),
		"release":   l.Release(ctx, c, false, "", ""),
		"park":      second(l.Park(ctx, []storage.Job{queued})),
		"due":       second(l.Due(ctx, 1)),
		"settle":    l.Settle(ctx, []storage.Job{ended(queued, `{}`)}),
		"refund":    l.Refund(ctx, []uuid.UUID{running.ID}),
		"cancel":    second(l.Cancel(ctx, queued.ID)),
		"takeover":  second(l.Takeover(ctx, running.Queue)),
		"probe":     l.Probe(ctx),
		"published": l.Published(ctx, uuid.New(), []storage.Place{{Job: queued.ID, Epoch: 1, Sequence: 1}}),
	})
	equal(t, "attempts of the queued job", s.wantJob(t, queued, storage.JobQueued).Attempt, 0)
	got := s.wantJob(t, running, storage.JobRunning)
	equal(t, "attempts of the running job", got.Attempt, 1)
	equal(t, "progress of the running job", got.Done, 0)
	_, err := l.Get(t.Context(), fresh.ID)
	wantErr(t, "get of a job whose insert was cancelled", err, storage.ErrNotFound)
	ok(t, "finish", l.Finish(t.Context(), c, storage.Final{State: storage.JobDone}))
}

func cancelDuringCompute(t T, s *subject) {
	stores := s.use(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Unit().Update(ctx, storage.Batch{Refs: refsTo("p1")}, func(storage.View) (storage.Writes, error) {
		cancel()
		return storage.Writes{Models: writesOf(model, resources("p1"))}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("a unit that was cancelled gave the error %v", err)
	}
	wantIDs(t, stores.Metas)
	wantRevisions(t, stores.Revisions, "p1")
	s.put(t, "p2")
	wantIDs(t, stores.Metas, "p2")
}

// cancelledWaiting begins a unit while another holds the same resource.
func cancelledWaiting(t T, s *subject) {
	stores := s.use(t)
	s.put(t, "p1")
	r := refsTo("p1")[0]
	b := storage.Batch{Refs: []storage.Ref{r}}
	inside, leave, first := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var once sync.Once
	go func() {
		first <- s.Unit().Update(t.Context(), b, func(v storage.View) (storage.Writes, error) {
			once.Do(func() {
				close(inside)
				<-leave
			})
			return increment(r)(v)
		})
	}()
	<-inside
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	waiting := make(chan error, 1)
	go func() { waiting <- s.Unit().Update(ctx, b, increment(r)) }()
	select {
	case err := <-waiting:
		close(leave)
		ok(t, "unit that was waited for", <-first)
		if err == nil { // it did not have to wait; the other one was computed again
			wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1), r.ID.Revision(2), r.ID.Revision(3))
			return
		}
		wantErr(t, "unit that waited", err, context.DeadlineExceeded)
	case <-wait(t):
		close(leave)
		ok(t, "unit that was waited for", errors.Join(<-first, <-waiting))
		t.Fatalf("a unit went on waiting after its context had ended")
	}
	wantRevisions(t, stores.Revisions, r.ID, r.ID.Revision(1), r.ID.Revision(2))
}

// wait returns a channel that gives something when patience or the time of the
// check is over. Who gives checks more time, for a slow store, gets more patience.
func wait(t T) <-chan struct{} {
	limit := patience
	if end, limited := t.Context().Deadline(); limited {
		limit = max(limit, time.Until(end)/4)
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	context.AfterFunc(ctx, cancel)
	return ctx.Done()
}
