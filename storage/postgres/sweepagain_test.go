package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

// What was found and has come to use since stays.
func TestSweepLooksAgain(t *testing.T) {
	f := openSwept(t, Config{NoForeignKey: true})
	makeSwept(t, f, 0, 4)
	sql(t, f, lostCopies)
	sql(t, f, `DELETE FROM person_meta WHERE resource_id = $1`, string(sweptID(3)))
	c := claimSwept(t, f)
	stageSwept(t, f, c, 0, 10, 1)
	endSwept(t, f, c)
	s := sweeper{f: f}
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := s.models[0]
	if len(m.lost) != 4 || len(m.orphans) != 1 || len(s.ended) != 1 {
		t.Fatalf("lost are %v, orphans %v, ended %v", m.lost, m.orphans, s.ended)
	}
	sql(t, f, `UPDATE person_resource_index SET uid = 'lost' || uid WHERE resource_id = $1`, string(sweptID(0)))
	sql(t, f, `UPDATE person_resource_data SET info = '\x80' WHERE uid = $1`, m.lost[0].uid)
	w, _ := sweptWrites(3, 1)
	stores, err := f.Build(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	if err := stores.Metas.SaveMany(t.Context(), w.Metas); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Ledger().Retry(t.Context(), c.Job); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.removeStaged(t.Context()), m.removeLost(t.Context(), f), m.removeOrphans(t.Context(), f)); err != nil {
		t.Fatal(err)
	}
	kept := 2
	if strings.Contains(m.lost[0].uid, uuid.NewSHA1(uuid.NameSpaceOID, []byte(sweptID(0))).String()) {
		kept = 1 // both changes hit one row
	}
	for query, want := range map[string]int{
		`SELECT count(*)::int FROM person_resource_data WHERE uid LIKE 'lost%'`:                                kept,
		`SELECT count(*)::int FROM person_resource_index WHERE resource_id = 'person:00000003'`:                1,
		`SELECT count(*)::int FROM specstar_chunks WHERE staged IS NOT NULL`:                                   1,
		`SELECT count(*)::int FROM person_resource_index AS i JOIN person_resource_data AS d ON d.uid = i.uid`: 4,
		`SELECT count(*)::int FROM person_meta`:                                                                4,
	} {
		if n := number(t, f, query); n != want {
			t.Errorf("%s gives %d, want %d", query, n, want)
		}
	}
}

// A unit of work that is just giving an orphan a meta is waited for, and keeps its
// revisions; one that does so later waits itself.
func TestSweepOfOrphansExcludesUnits(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 2)
	sql(t, f, `DELETE FROM person_meta`)
	s := sweeper{f: f}
	if err := s.look(t.Context()); err != nil {
		t.Fatal(err)
	}
	unit, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	insert := `INSERT INTO person_meta (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted) VALUES ($1, '\x80', now(), now(), '', '', false)`
	if _, err := unit.Exec(t.Context(), insert, string(sweptID(0))); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.models[0].removeOrphans(t.Context(), f) }()
	waitForLock(t, f)
	if err := unit.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n, m := number(t, f, dataCount), number(t, f, indexCount); n != 1 || m != 1 {
		t.Errorf("%d payloads and %d index entries are left, want those of the unit", n, m)
	}

	err = f.write(t.Context(), "hold", func(x *tx) error {
		return x.withoutMeta(s.models[0].tables, []resource.ID{sweptID(0), sweptID(1)}, func(ids []resource.ID) error {
			if len(ids) != 1 || ids[0] != sweptID(1) {
				t.Errorf("%v have no meta", ids)
			}
			go func() {
				_, err := f.pool.Exec(context.WithoutCancel(t.Context()), insert, string(sweptID(1)))
				done <- err
			}()
			waitForLock(t, f)
			return nil
		})
	})
	if err = errors.Join(err, <-done); err != nil {
		t.Error(err)
	}
	if n := number(t, f, metaCount); n != 2 {
		t.Errorf("%d metas are there, want 2", n)
	}
}

// waitForLock returns when a session of the database waits for another.
func waitForLock(t *testing.T, f *Factory) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; {
		if number(t, f, `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0 {
			return
		}
		if time.Now().After(end) {
			t.Error("nobody waits for a lock")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
