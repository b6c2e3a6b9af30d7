package postgres

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// copyTwo queues two COPYs, the second of which would be in order.
func copyTwo(t *tx, keys ...string) {
	t.queued = append(t.queued, copyOfKeys("first", keys...), copyOfKeys("second", "x"))
}

// copyOfKeys copies into a table of openTables.
func copyOfKeys(table string, keys ...string) statement {
	return copyOf(table, "k", len(keys), func() *copyRows {
		c := newCopyRows(0)
		for _, k := range keys {
			c.row(1)
			c.text(k)
		}
		return c
	})
}

// openTables opens a store with two tables to copy into.
func openTables(t *testing.T) *Factory {
	t.Helper()
	f := openOf(t, pgtest.Database(t), false)
	if _, err := f.pool.Exec(t.Context(), `CREATE TABLE first (k text PRIMARY KEY); CREATE TABLE second (k text PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *Factory) countSecond(t *testing.T) (n int) {
	t.Helper()
	if err := f.pool.QueryRow(t.Context(), `SELECT count(*) FROM second`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Rows that take several commands, in messages that end anywhere, all arrive; a key that
// is there fails in whichever command it is.
func TestRowsOfSeveralCommands(t *testing.T) {
	f := openTables(t)
	const n = 2*rowsPerCopy + 1
	keys := make([]string, n)
	size := 0
	for i := range keys {
		keys[i] = strconv.Itoa(i) + strings.Repeat("k", i%700)
		size += len(keys[i])
	}
	if size < 2*chunk {
		t.Fatalf("%d bytes are too few to need several messages", size)
	}
	write := func(keys ...string) error {
		return f.write(t.Context(), "copy into", func(t *tx) error { copyTwo(t, keys...); return t.flush() })
	}
	if err := write(append(slices.Clone(keys), keys[n-1])...); sqlState(err) != uniqueViolation {
		t.Errorf("a key twice in the last command gave %v", err)
	}
	if err := write(append([]string{keys[0]}, keys...)...); sqlState(err) != uniqueViolation {
		t.Errorf("a key twice in the first command gave %v", err)
	}
	if err := write(keys...); err != nil {
		t.Fatal(err)
	}
	rows, err := f.pool.Query(t.Context(), `SELECT k FROM first`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	slices.Sort(got)
	slices.Sort(keys)
	if err != nil || !slices.Equal(got, keys) {
		t.Errorf("%d of %d rows are there: %v", len(got), n, err)
	}
	if n := f.countSecond(t); n != 1 {
		t.Errorf("%d rows behind them, want 1", n)
	}
}

// The first error of statements that were sent together is told, nothing of them
// stays, and the connection goes on.
func TestStatementsSentTogetherFailTogether(t *testing.T) {
	f := openTables(t)
	for name, tc := range map[string]struct {
		queue func(*tx) error
		as    func(error) bool
	}{
		"a key twice": {
			func(t *tx) error { copyTwo(t, "a", "a"); return nil },
			func(err error) bool { return sqlState(err) == uniqueViolation },
		},
		"fewer rows changed": {
			func(t *tx) error {
				defer copyTwo(t, "a")
				return t.execLater(`UPDATE second SET k = $1::text WHERE k = $1::text`, 1, [][]byte{[]byte("none")})
			},
			func(err error) bool { return errors.Is(err, errRaced) },
		},
	} {
		tx, release, err := f.start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := tc.queue(tx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := tx.flush(); !tc.as(err) {
			t.Errorf("%s: %v", name, err)
		}
		tx.rollback()
		if tx.conn.IsClosed() {
			t.Errorf("%s: the connection is closed", name)
		}
		release()
	}
	if n := f.countSecond(t); n != 0 {
		t.Errorf("%d rows stayed", n)
	}
	if err := f.write(t.Context(), "copy into", func(t *tx) error { copyTwo(t, "a", "b"); return t.flush() }); err != nil {
		t.Error(err)
	}
	if n := f.countSecond(t); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}

// A caller who wants no more does not wait for a lock, and the server is told.
func TestStatementsSentTogetherAreCut(t *testing.T) {
	f := openTables(t)
	holder, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = holder.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := holder.Exec(t.Context(), `LOCK TABLE first`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = f.write(ctx, "copy into", func(t *tx) error { copyTwo(t, "a"); return t.flush() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the write ended with %v", err)
	}
	waiting := func() (n int) {
		err := f.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks WHERE NOT granted`, pgx.QueryExecModeExec).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for end := time.Now().Add(10 * time.Second); waiting() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server still waits for the lock")
		}
	}
}
