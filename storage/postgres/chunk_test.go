package postgres

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

func chunkPlan() storage.Plan {
	return storage.Plan{Digest: bytes.Repeat([]byte{7}, storage.PlanDigestBytes), Chunks: 2, Total: 9, Body: []byte("body")}
}

// suspendedJob returns a job that is suspended with chunkPlan.
func suspendedJob(t *testing.T, f *Factory) uuid.UUID {
	t.Helper()
	job := storage.Job{ID: uuid.New(), Kind: "load"}
	_, c, err := f.Ledger().Claim(t.Context(), job, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := chunkPlan()
	if err := f.Ledger().Suspend(t.Context(), c, time.Now().Add(time.Hour), &p, storage.Progress{}); err != nil {
		t.Fatal(err)
	}
	return job.ID
}

func doChunk(ctx context.Context, f *Factory, job uuid.UUID, no int, during func()) error {
	c := storage.ChunkRef{Claim: storage.Claim{Job: job}, No: no, Plan: chunkPlan().Digest}
	return f.Unit().Update(ctx, storage.Batch{Chunk: &c}, func(storage.View) (storage.Writes, error) {
		during()
		return storage.Writes{Chunk: []byte(`{}`)}, nil
	})
}

// A chunk that is done by a plan waits for nobody who has locked the row of the job, and
// locks it for nobody.
func TestPlannedChunksTakeNoLockOnTheJob(t *testing.T) {
	f := openTest(t)
	job := suspendedJob(t, f)
	err := f.write(t.Context(), "lock a job in", func(t1 *tx) error {
		if _, err := (jobs{t: t1}).get(job); err != nil {
			return err
		}
		soon, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		return doChunk(soon, f, job, 0, func() {})
	})
	if err != nil {
		t.Fatalf("a chunk beside a locked row: %v", err)
	}
	err = doChunk(t.Context(), f, job, 1, func() {
		if _, _, err := f.Ledger().Wake(t.Context(), job); err != nil {
			t.Errorf("wake beside a chunk: %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := f.Ledger().CountChunks(t.Context(), job); n != 2 || err != nil {
		t.Errorf("%d chunks are done, %v", n, err)
	}
}

// A chunk is looked at again when its row is written: what happened to the job while it
// was done counts.
func TestPlannedChunkIsLookedAtBeforeItCommits(t *testing.T) {
	f := openTest(t)
	cancelled, replanned := suspendedJob(t, f), suspendedJob(t, f)
	for job, during := range map[uuid.UUID]func() error{
		cancelled: func() error {
			_, err := f.Ledger().Cancel(t.Context(), cancelled)
			return err
		},
		replanned: func() error {
			_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: replanned}, time.Minute)
			other := chunkPlan()
			other.Digest = bytes.Repeat([]byte{8}, storage.PlanDigestBytes)
			return errors.Join(err, f.Ledger().Suspend(t.Context(), c, time.Now().Add(time.Hour), &other, storage.Progress{}))
		},
	} {
		var failed error
		err := doChunk(t.Context(), f, job, 0, func() { failed = during() })
		if !errors.Is(err, storage.ErrFenced) || failed != nil {
			t.Errorf("the chunk gave %v (%v)", err, failed)
		}
		if n, err := f.Ledger().CountChunks(t.Context(), job); n != 0 || err != nil {
			t.Errorf("%d chunks are done, %v", n, err)
		}
	}
}

// The look at a chunk is by keys.
func TestLookAtAChunkUsesTheKeys(t *testing.T) {
	f := openTest(t)
	job := suspendedJob(t, f)
	err := f.write(t.Context(), "explain in", func(t1 *tx) error {
		got := plan(t, f, t1, lookAtChunk, f.identity.number, [16]byte(job), 1, chunkPlan().Digest)
		for _, index := range []string{"specstar_jobs_pkey", "specstar_plans_pkey", "specstar_chunks_pkey"} {
			if !strings.Contains(got, index) {
				t.Errorf("the plan is %s\nwant it to use %s", got, index)
			}
		}
		if strings.Contains(got, "LockRows") {
			t.Errorf("rows are locked: %s", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
