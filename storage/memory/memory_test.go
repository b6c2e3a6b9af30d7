package memory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestGuarantees(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open:  func(context.Context, string) (storage.Factory, error) { return memory.New(), nil },
		Lacks: []check.Need{check.Durable},
	})
}

func TestLeasesFollowTheClock(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := memory.NewWithClock(func() time.Time { return now }).Ledger()
	j := storage.Job{ID: uuid.New(), Kind: "load"}
	_, first, err := l.Claim(t.Context(), j, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute - time.Microsecond)
	if _, _, err := l.Claim(t.Context(), j, time.Minute); !errors.Is(err, storage.ErrLeased) {
		t.Fatalf("claim within the lease: %v, want ErrLeased", err)
	}
	now = now.Add(time.Microsecond)
	row, second, err := l.Claim(t.Context(), j, time.Minute)
	if err != nil || row.Attempt != 2 || !row.Started.Equal(now) || !row.LeaseUntil.Equal(now.Add(time.Minute)) {
		t.Fatalf("claim at the end of the lease: %+v, %v", row, err)
	}
	if _, err := l.Renew(t.Context(), first, time.Minute, storage.Progress{}); !errors.Is(err, storage.ErrFenced) {
		t.Fatalf("renew by the first claim: %v, want ErrFenced", err)
	}
	now = now.Add(time.Hour)
	if err := l.Finish(t.Context(), second, storage.Final{State: storage.JobDone}); err != nil {
		t.Fatal(err)
	}
	if row, err := l.Get(t.Context(), j.ID); err != nil || !row.Finished.Equal(now) {
		t.Fatalf("the job ended %v, %v; want %v", row.Finished, err, now)
	}
}

func TestClosedStoreAnswersWithAnError(t *testing.T) {
	f := memory.New()
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := stores.Metas.Get(t.Context(), "p1"); err == nil || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get after close: %v", err)
	}
	if err := stores.Metas.Delete(t.Context(), []resource.ID{"p1"}); err == nil {
		t.Error("a closed store was written to")
	}
	if _, err := f.Snapshot(t.Context()); err == nil {
		t.Error("a closed store gave a snapshot")
	}
}
