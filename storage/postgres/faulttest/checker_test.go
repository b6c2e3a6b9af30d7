package faulttest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// history is what a store holds in the end.
type history struct {
	Resources, Revisions int
	Effects              map[uuid.UUID]int // of each job
	Problems             []error           // a few of them
}

// problem notes something that must not be.
func (h *history) problem(format string, args ...any) {
	if len(h.Problems) < 10 {
		h.Problems = append(h.Problems, fmt.Errorf(format, args...))
	}
}

// readHistory reads everything and checks that the revisions of each resource are
// 1 to n, each with the one before as parent, and that the meta counts them.
func readHistory(ctx context.Context, f storage.Factory) (*history, error) {
	stores, err := f.Build(ctx, model)
	if err != nil {
		return nil, err
	}
	h := &history{Effects: map[uuid.UUID]int{}}
	metas := map[resource.ID]resource.Meta{}
	var ids []resource.ID
	for m, err := range stores.Metas.All(ctx) {
		if err != nil {
			return nil, err
		}
		metas[m.ResourceID] = m
		ids = append(ids, m.ResourceID)
	}
	slices.Sort(ids)
	h.Resources = len(ids)
	last := map[resource.ID]int{}
	for r, err := range stores.Revisions.DumpAll(ctx, slices.Values(ids)) {
		if err != nil {
			return nil, err
		}
		h.revision(r, last)
	}
	for _, id := range ids {
		if m := metas[id]; m.TotalRevisionCount != last[id] || m.CurrentRevisionID != id.Revision(last[id]) {
			h.problem("%s: the meta counts %d, its current revision is %s, and there are %d", id, m.TotalRevisionCount, m.CurrentRevisionID, last[id])
		}
	}
	return h, nil
}

// revision looks at the next revision of a resource.
func (h *history) revision(r resource.Revision, last map[resource.ID]int) {
	id := r.Info.ResourceID
	last[id]++
	h.Revisions++
	parent, _ := r.Info.ParentRevisionID.Get()
	want := resource.RevisionID("")
	if last[id] > 1 {
		want = id.Revision(last[id] - 1)
	}
	if r.Info.RevisionID != id.Revision(last[id]) || parent != want {
		h.problem("%s: revision %d is %s with the parent %q", id, last[id], r.Info.RevisionID, parent)
	}
	var payload struct{ Job uuid.UUID }
	if err := json.Unmarshal(r.Data, &payload); err != nil {
		h.problem("%s: %v", r.Info.RevisionID, err)
	}
	h.Effects[payload.Job]++
}

// chains returns how often each job is found on the way from the current revisions to
// the first ones.
func chains(ctx context.Context, f storage.Factory) (map[uuid.UUID]int, error) {
	stores, err := f.Build(ctx, model)
	if err != nil {
		return nil, err
	}
	effects := map[uuid.UUID]int{}
	for m, err := range stores.Metas.All(ctx) {
		if err != nil {
			return nil, err
		}
		found := map[resource.RevisionID]resource.Revision{}
		for r, err := range stores.Revisions.DumpAll(ctx, slices.Values([]resource.ID{m.ResourceID})) {
			if err != nil {
				return nil, err
			}
			found[r.Info.RevisionID] = r
		}
		for at := m.CurrentRevisionID; at != ""; {
			r, ok := found[at]
			if !ok {
				return nil, fmt.Errorf("revision %s is not there", at)
			}
			var payload struct{ Job uuid.UUID }
			if err := json.Unmarshal(r.Data, &payload); err != nil {
				return nil, err
			}
			effects[payload.Job]++
			at, _ = r.Info.ParentRevisionID.Get()
		}
	}
	return effects, nil
}

// check compares the effects with the ledger and with the jobs that were
// acknowledged as done: each has its effect exactly once.
func (h *history) check(ctx context.Context, f storage.Factory, acknowledged map[uuid.UUID]bool) error {
	for id := range acknowledged {
		if h.Effects[id] == 0 {
			h.problem("job %s was acknowledged and has no effect", id)
		}
	}
	done := 0
	for j, err := range f.Ledger().List(ctx, storage.JobFilter{States: []storage.JobState{storage.JobDone}}) {
		if err != nil {
			return err
		}
		done++
		if n := h.Effects[j.ID]; n != 1 {
			h.problem("job %s is done and has %d effects", j.ID, n)
		}
	}
	if done != len(h.Effects) {
		h.problem("%d jobs are done and %d have effects", done, len(h.Effects))
	}
	return errors.Join(h.Problems...)
}

// counters are those that the server keeps of a database.
type counters struct{ Deadlocks, Rollbacks int }

// countersOf reads them when all other sessions have ended: they count last.
func countersOf(t *testing.T, dsn string) (c counters) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	others := 1
	for deadline := time.Now().Add(20 * time.Second); others > 0; time.Sleep(20 * time.Millisecond) {
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`).Scan(&others)
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d sessions have not ended", others)
		}
	}
	err = conn.QueryRow(t.Context(), `SELECT deadlocks, xact_rollback FROM pg_stat_database WHERE datname = current_database()`).Scan(&c.Deadlocks, &c.Rollbacks)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
