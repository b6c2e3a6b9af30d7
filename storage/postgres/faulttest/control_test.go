package faulttest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage/postgres"
)

// connect opens a session of the test's own.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// execute runs a statement.
func execute(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// eventually waits until a query of one boolean says yes.
func eventually(t *testing.T, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var yes bool
		if err := conn.QueryRow(t.Context(), sql, args...).Scan(&yes); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if yes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", sql)
		}
	}
}

// TestTheCheckerCatches breaks stores in the ways that the checker looks for.
func TestTheCheckerCatches(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]string{
		"a lost update":      `UPDATE item_meta SET data = (SELECT old FROM kept) WHERE resource_id = 'item:000001'`,
		"a lost effect":      `DELETE FROM item_resource_index WHERE resource_id = 'item:000002' AND revision_id = 'item:000002:3'`,
		"an effect twice":    `INSERT INTO item_resource_index SELECT resource_id, resource_id || ':4', schema_version, uid FROM item_resource_index WHERE revision_id = 'item:000003:3'`,
		"a job without rows": `DELETE FROM specstar_jobs WHERE id = (SELECT id FROM specstar_jobs LIMIT 1)`,
	} {
		t.Run(name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			f := open(t, postgres.Config{DSN: dsn})
			m, conn := declare(t, f), connect(t, dsn)
			acknowledged := map[uuid.UUID]bool{}
			for round := range 3 {
				var batch []manager.SaveJob
				for n := range 5 {
					batch = append(batch, job(fmt.Sprint(round, n), manager.OpUpsert, id(n)))
					acknowledged[batch[n].Row.ID] = true
				}
				if _, err := m.SaveJobs(t.Context(), batch); err != nil {
					t.Fatal(err)
				}
				if round == 1 {
					execute(t, conn, `CREATE TABLE kept AS SELECT data AS old FROM item_meta WHERE resource_id = 'item:000001'`)
				}
			}
			check := func() error {
				h, err := readHistory(t.Context(), f)
				if err != nil {
					return err
				}
				return h.check(t.Context(), f, acknowledged)
			}
			if err := check(); err != nil {
				t.Fatalf("before it is broken: %v", err)
			}
			execute(t, conn, broken)
			if err := check(); err == nil {
				t.Error("the checker did not notice")
			}
		})
	}
}

// TestAnUnsortedWriterDeadlocks is the control of the tests that find no deadlock:
// one that locks in descending order is met by a worker, which survives it.
func TestAnUnsortedWriterDeadlocks(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	m := declare(t, f)
	save := func(name string) error {
		_, err := m.SaveJobs(t.Context(), []manager.SaveJob{job(name+"2", manager.OpUpsert, id(2)), job(name+"1", manager.OpUpsert, id(1))})
		return err
	}
	if err := save("first"); err != nil {
		t.Fatal(err)
	}
	unsorted, watch := connect(t, dsn), connect(t, dsn)
	lock := `SELECT FROM item_meta WHERE resource_id = $1 FOR UPDATE`
	execute(t, unsorted, `BEGIN`)
	execute(t, unsorted, `SET LOCAL deadlock_timeout = '1h'`) // the worker finds the deadlock
	execute(t, unsorted, lock, id(2))
	saved := make(chan error)
	go func() { saved <- save("second") }()
	eventually(t, watch, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	execute(t, unsorted, lock, id(1))
	execute(t, unsorted, `COMMIT`)
	if err := <-saved; err != nil {
		t.Errorf("the worker did not survive a deadlock: %v", err)
	}
	h, err := readHistory(t.Context(), f)
	if err == nil {
		err = h.check(t.Context(), f, nil)
	}
	if err != nil || h.Revisions != 4 {
		t.Errorf("%d revisions: %v", h.Revisions, err)
	}
	for _, conn := range []*pgx.Conn{unsorted, watch} {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if n := countersOf(t, dsn).Deadlocks; n == 0 {
		t.Error("the server counts no deadlock")
	} else {
		t.Logf("%d deadlocks", n)
	}
}
