package faulttest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestConnectionLostInCommit loses every second COMMIT, or the answer to it: a save
// whose COMMIT arrived is done, once, and another has no effect and says so. What is new
// is sent together with its COMMIT.
func TestConnectionLostInCommit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		lost string
		op   manager.Op
	}{{"commit", manager.OpUpsert}, {"answer", manager.OpUpsert}, {"commit", manager.OpCreate}, {"answer", manager.OpCreate}} {
		lost := tc.lost
		t.Run(fmt.Sprint(lost, " of ", tc.op), func(t *testing.T) {
			direct := pgtest.Database(t)
			p, dsn := startProxy(t, direct)
			f := open(t, postgres.Config{DSN: dsn})
			m := declare(t, f)
			var n atomic.Int64
			every := func() bool { return n.Add(1)%2 == 1 }
			if lost == "commit" {
				p.OnCommit = every
			} else {
				p.OnCommitted = every
			}
			acknowledged := map[uuid.UUID]bool{}
			refused := 0
			for i := range either(40, 1000) {
				batch := []manager.SaveJob{job(fmt.Sprint(i), tc.op, id(i%3))}
				if tc.op == manager.OpCreate {
					batch[0] = job(fmt.Sprint(i), tc.op, id(i))
					batch[0].First = true
				}
				for attempt := 0; ; attempt++ {
					out, err := m.SaveJobs(t.Context(), batch)
					if err == nil {
						if out[0].Repeated {
							t.Fatalf("save %d was done although its error said otherwise", i)
						}
						break
					}
					if refused++; lost == "answer" || !errors.Is(err, storage.ErrUnavailable) || attempt > 0 {
						t.Fatalf("save %d, attempt %d: %v", i, attempt, err)
					}
				}
				acknowledged[batch[0].Row.ID] = true
			}
			h, err := readHistory(t.Context(), f)
			if err == nil {
				err = h.check(t.Context(), f, acknowledged)
			}
			if err != nil || h.Revisions != len(acknowledged) {
				t.Errorf("%d revisions of %d saves: %v", h.Revisions, len(acknowledged), err)
			}
			if p.Cuts.Load() == 0 || lost == "commit" && int64(refused) != p.Cuts.Load() {
				t.Errorf("%d connections were cut and %d saves refused", p.Cuts.Load(), refused)
			}
			t.Logf("%d saves, %d connections cut, %d tried again, %d effects", len(acknowledged), p.Cuts.Load(), refused, len(h.Effects))
		})
	}
}

// TestIdGivenAgainAfterACrash loses a COMMIT together with the server, which gives
// the id of that transaction to another one: its commit must not be taken for ours.
func TestIdGivenAgainAfterACrash(t *testing.T) {
	t.Parallel()
	s, err := pgtest.Start(t.Context(), pgtest.Options{Settings: map[string]string{
		"synchronous_commit": "on", "wal_writer_delay": "10s", "autovacuum": "off", "bgwriter_delay": "10s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(pgtest.Immediate); err != nil {
			t.Error(err)
		}
	})
	p, dsn := startProxy(t, s.DSN("postgres"))
	f := open(t, postgres.Config{DSN: dsn})
	m := declare(t, f)
	for _, ledger := range []bool{true, false} {
		t.Run(fmt.Sprintf("ledger=%t", ledger), func(t *testing.T) {
			name := fmt.Sprint("id given again ", ledger)
			key := id(1)
			if ledger {
				key = id(2)
			}
			arrived := make(chan struct{})
			p.OnCommit = func() bool {
				p.OnCommit = nil
				close(arrived)
				return false
			}
			p.Held.Lock()
			saved := make(chan error)
			go func() {
				if ledger {
					_, err := m.SaveJobs(t.Context(), []manager.SaveJob{job(name, manager.OpUpsert, key)})
					saved <- err
				} else {
					_, err := m.SaveMany(t.Context(), job(name, manager.OpUpsert, key).Operations)
					saved <- err
				}
			}()
			<-arrived
			conn := connect(t, s.DSN("postgres"))
			var running string
			if err := conn.QueryRow(t.Context(), `SELECT backend_xid::text FROM pg_stat_activity WHERE backend_xid IS NOT NULL`).Scan(&running); err != nil && !errors.Is(err, pgx.ErrNoRows) {
				t.Fatal(err)
			}
			if err := s.Restart(t.Context(), pgtest.Immediate); err != nil {
				t.Fatal(err)
			}
			conn = connect(t, s.DSN("postgres"))
			reused := false
			for range 50 {
				var now string
				if err := conn.QueryRow(t.Context(), `SELECT pg_current_xact_id()::text`).Scan(&now); err != nil {
					t.Fatal(err)
				}
				execute(t, conn, `CREATE TABLE again (); DROP TABLE again`)
				reused = reused || now == running
			}
			p.Held.Unlock()
			err := <-saved
			stores, berr := f.Build(t.Context(), model)
			if berr != nil {
				t.Fatal(berr)
			}
			_, gerr := stores.Metas.Get(t.Context(), key)
			if there := gerr == nil; err == nil && !there {
				t.Errorf("the save was acknowledged, and the resource is not there (transaction %s)", running)
			}
			if ledger && err != nil {
				t.Errorf("the ledger could have told: %v", err)
			}
			if !ledger && (err == nil || errors.Is(err, storage.ErrUnavailable)) {
				t.Errorf("nobody can tell, and the error is: %v", err)
			}
			if !reused {
				t.Error("no transaction was given the id again: the test shows nothing")
			}
		})
	}
}
