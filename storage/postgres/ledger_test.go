package postgres

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage"
)

// A job ends although its texts are such that PostgreSQL cannot hold them.
func TestUnusualTextsOfJobs(t *testing.T) {
	l := openTest(t).Ledger()
	for _, text := range []string{"a\x00b", "c\xffd", strings.Repeat("long", 5000)} {
		j := storage.Job{
			ID: uuid.New(), Text: text, Kind: "save\x00", Model: "\xff", User: "al\x00ice", Subject: "\x00",
			State: storage.JobDead, ErrorCode: "bad\xff", ErrorMessage: "the text \x00\xc3 is wrong",
		}
		if err := l.Settle(t.Context(), []storage.Job{j}); err != nil {
			t.Fatal(err)
		}
		got, err := l.Find(t.Context(), text)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != j.ID || got.User != "al\uFFFDice" || got.ErrorMessage != "the text \uFFFD\uFFFD is wrong" {
			t.Errorf("job %q was found as %q of %q: %q", text, got.ID, got.User, got.ErrorMessage)
		}
	}
	if _, err := l.Find(t.Context(), "a\x00c"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("find of a text that is not there gave %v", err)
	}
	for j, err := range l.List(t.Context(), storage.JobFilter{Kind: "other\x00", Model: "\xff", States: []storage.JobState{"\x00"}}) {
		t.Errorf("the list has %v, %v", j, err)
	}
}

// addTestChunk adds the row of a chunk, whatever the job.
func addTestChunk(t *tx, job uuid.UUID, no int) error {
	_, err := t.exec(`INSERT INTO specstar_chunks (store, job, no) VALUES ($1, $2, $3)`, t.f.identity.number, [16]byte(job), no)
	return err
}

// Prune takes as many transactions as it needs, also when all were made at once.
func TestPruneInParts(t *testing.T) {
	f := openTest(t)
	l := f.Ledger()
	list := settled(2*pruned + 500)
	kept := settled(1)[0]
	kept.State = storage.JobDead
	for i := range list {
		list[i].Created, list[i].Finished = list[i%2].Created, list[i%2].Created
	}
	if err := l.Settle(t.Context(), append(list, kept)); err != nil {
		t.Fatal(err)
	}
	err := f.write(t.Context(), "add a chunk in", func(t1 *tx) error {
		return errors.Join(addTestChunk(t1, list[7].ID, 0), addTestChunk(t1, kept.ID, 3))
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int64{int64(len(list)), 0} {
		if n, err := l.Prune(t.Context(), time.Now(), storage.JobDone); n != want || err != nil {
			t.Errorf("%d jobs were pruned, %v, not %d", n, err, want)
		}
	}
	counts, err := l.Count(t.Context())
	if err != nil || len(counts) != 1 || counts[storage.JobDead] != 1 {
		t.Errorf("the counts are %v, %v", counts, err)
	}
	for id, want := range map[uuid.UUID]int{list[7].ID: 0, kept.ID: 1} {
		if chunks, err := l.Chunks(t.Context(), id); len(chunks) != want || err != nil {
			t.Errorf("job %s has the chunks %v, %v", id, chunks, err)
		}
	}
}

// Nobody takes a claim whose lease has expired while a unit of work commits.
func TestHoldMakesClaimsWait(t *testing.T) {
	f := openTest(t)
	job := storage.Job{ID: uuid.New(), Kind: "load"}
	_, c, err := f.Ledger().Claim(t.Context(), job, -time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	claimed := make(chan error, 1)
	err = f.write(t.Context(), "hold a claim in", func(t1 *tx) error {
		j := jobs{t: t1}
		if err := errors.Join(j.claimed(c), j.hold(c)); err != nil {
			return err
		}
		go func() {
			_, _, err := f.Ledger().Claim(t.Context(), job, time.Hour)
			claimed <- err
		}()
		for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
			err := f.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
				WHERE NOT l.granted AND a.datname = current_database()`).Scan(&waiting)
			if err != nil {
				return err
			}
		}
		select {
		case err := <-claimed:
			t.Errorf("the claim did not wait: %v", err)
		default:
		}
		return nil
	})
	if err = errors.Join(err, <-claimed); err != nil {
		t.Fatal(err)
	}
	err = f.write(t.Context(), "hold a claim in", func(t1 *tx) error {
		j := jobs{t: t1}
		for _, err := range []error{j.claimed(c), j.hold(c), j.finish(c, storage.Final{State: storage.JobDone}), j.hold(storage.Claim{Job: job.ID})} {
			if !errors.Is(err, storage.ErrFenced) {
				t.Errorf("a lost claim gave %v", err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Tables of others have no jobs beside them.
func TestForeignStoreHasNoJobs(t *testing.T) {
	dsn := pgtest.Database(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `CREATE TABLE person_meta (resource_id text PRIMARY KEY, data bytea NOT NULL, created_time timestamp,
		updated_time timestamp, created_by text, updated_by text, is_deleted boolean);
		CREATE TABLE person_resource_data (); CREATE TABLE person_resource_index ()`)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), Config{DSN: dsn, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	l := f.Ledger()
	for j, err := range l.List(t.Context(), storage.JobFilter{}) {
		t.Errorf("the list has %v, %v", j, err)
	}
	if counts, err := l.Count(t.Context()); len(counts) != 0 || err != nil {
		t.Errorf("the counts are %v, %v", counts, err)
	}
	if chunks, err := l.Chunks(t.Context(), uuid.New()); len(chunks) != 0 || err != nil {
		t.Errorf("the chunks are %v, %v", chunks, err)
	}
	if _, err := l.Get(t.Context(), uuid.New()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("get gave %v", err)
	}
	if _, err := l.Insert(t.Context(), settled(1)); !errors.Is(err, errReadOnly) {
		t.Errorf("insert gave %v", err)
	}
}
