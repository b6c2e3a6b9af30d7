package postgres

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// Of a job that is listed twice the first counts.
func TestRepeatedJobs(t *testing.T) {
	f := openTest(t)
	l := f.Ledger()
	a, b := settled(2)[0], settled(1)[0]
	other := a
	other.EnvelopeHash = []byte("other")
	if _, err := l.Insert(t.Context(), []storage.Job{b, a, other}); kindOf(err) != "differs" {
		t.Errorf("insert of a job with two contents gave %v", err)
	}
	if _, err := l.Get(t.Context(), b.ID); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get of the job beside it gave %v", err)
	}
	again := a
	again.EnvelopeHash, again.User = nil, "mallory"
	a.State = storage.JobQueued
	got, err := l.Insert(t.Context(), []storage.Job{a, again, a})
	if err != nil || len(got) != 3 || !got[0] || got[1] || got[2] {
		t.Errorf("insert of a repeated job gave %v, %v", got, err)
	}
	dead := a
	dead.State = storage.JobDead
	a.State = storage.JobDone
	err = f.write(t.Context(), "settle in", func(t1 *tx) error {
		n, err := jobs{t: t1}.settle([]storage.Job{a, dead, b, a})
		if n != 4 {
			t.Errorf("%d of 4 jobs were settled", n)
		}
		if n, err := (jobs{t: t1}).settle([]storage.Job{dead}); n != 0 || err != nil {
			t.Errorf("an ended job was settled %d times, %v", n, err)
		}
		ended, err2 := f.endedJobs(t.Context(), t1, []uuid.UUID{b.ID, uuid.New(), a.ID})
		if len(ended) != 2 || !ended[a.ID] || !ended[b.ID] {
			t.Errorf("%v have ended", ended)
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	if row, err := l.Get(t.Context(), a.ID); err != nil || row.State != storage.JobDone || row.User != "alice" {
		t.Errorf("the job is %v, %v", row, err)
	}
}

// Processes that insert the same jobs at once: one each.
func TestInsertsRace(t *testing.T) {
	const writers, count = 4, 300
	list := settled(count)
	dsn := pgtest.Database(t)
	var wg sync.WaitGroup
	answers := make([][]bool, writers)
	for i := range writers {
		f, err := Open(t.Context(), Config{DSN: dsn})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		mine := append(append([]storage.Job{}, list[i*50:]...), list[:i*50]...)
		wg.Go(func() {
			got, err := f.Ledger().Insert(t.Context(), mine)
			if err != nil {
				t.Error(err)
				return
			}
			answers[i] = append(got[count-i*50:], got[:count-i*50]...)
		})
	}
	wg.Wait()
	for n := range count {
		inserted := 0
		for i := range writers {
			if len(answers[i]) == count && answers[i][n] {
				inserted++
			}
		}
		if inserted != 1 {
			t.Fatalf("job %d was inserted by %d writers", n, inserted)
		}
	}
}

// TestInsertIn inserts jobs in a transaction of the caller's own.
func TestInsertIn(t *testing.T) {
	f := openTest(t)
	list := settled(3)
	other := list[0]
	other.EnvelopeHash = []byte("other")
	conn, err := pgx.ConnectConfig(t.Context(), f.pool.Config().ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, commits := range []bool{false, true} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{true, false} {
			got, err := f.InsertIn(t.Context(), tx, list[:2])
			if err != nil || len(got) != 2 || got[0] != want || got[1] != want {
				t.Errorf("call %d gave %v, %v", i, got, err)
			}
		}
		if _, err := f.InsertIn(t.Context(), tx, []storage.Job{list[2], other}); kindOf(err) != "differs" {
			t.Errorf("other content gave %v", err)
		}
		if _, err := f.Ledger().Get(t.Context(), list[0].ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a job is seen before the commit: %v", err)
		}
		if commits {
			err = tx.Commit(t.Context())
		} else {
			err = tx.Rollback(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []bool{commits, commits, false} {
			if _, err := f.Ledger().Get(t.Context(), list[i].ID); (err == nil) != want {
				t.Errorf("get of job %d gave %v", i, err)
			}
		}
	}
}

// A unique key that is taken leaves the caller's transaction as it was.
func TestUniqueKeyInATransactionOfTheCaller(t *testing.T) {
	f := openTest(t)
	first := storage.Job{ID: uuid.New(), Text: "first", Kind: "load", Unique: "key"}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{first}); err != nil {
		t.Fatal(err)
	}
	beside := storage.Job{ID: uuid.New(), Kind: "load"}
	err := pgx.BeginFunc(t.Context(), f.pool, func(tx pgx.Tx) error {
		_, err := f.InsertIn(t.Context(), tx, []storage.Job{{ID: uuid.New(), Kind: "load", Unique: "key"}})
		if exists, is := errors.AsType[*storage.JobExistsError](err); !is || exists.Job != first.ID || exists.ID != "first" {
			t.Errorf("the second job of the key: %v", err)
		}
		_, err = f.InsertIn(t.Context(), tx, []storage.Job{beside})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Ledger().Get(t.Context(), beside.ID); err != nil {
		t.Error(err)
	}
}
