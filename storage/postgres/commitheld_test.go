package postgres

import (
	"context"
	"errors"
	"testing"
	"time"
)

// rename queues an update of a key of second, which is to change one row.
func rename(t *tx, from, to string) error {
	return t.execLater(`UPDATE second SET k = $2::text WHERE k = $1::text`, 1, [][]byte{[]byte(from), []byte(to)})
}

// What is sent together with COMMIT is there or has left nothing, whatever fails, and the
// connection goes on.
func TestRowsAreSentWithCommit(t *testing.T) {
	f := openTables(t)
	sql(t, f, `INSERT INTO second VALUES ('old')`)
	sql(t, f, `INSERT INTO first VALUES ('there')`)
	for name, tc := range map[string]struct {
		from string
		keys []string // of first, sent last
		as   func(error) bool
	}{
		"fewer rows changed":        {"none", []string{"a"}, func(err error) bool { return errors.Is(err, errRaced) }},
		"a key twice":               {"old", []string{"a", "a"}, func(err error) bool { return sqlState(err) == uniqueViolation }},
		"both":                      {"none", []string{"a", "a"}, func(err error) bool { return errors.Is(err, errRaced) }},
		"a key that is there":       {"old", []string{"there"}, func(err error) bool { return sqlState(err) == uniqueViolation }},
		"nothing is sent that ends": {"old", nil, func(err error) bool { return errors.Is(err, errBlameless) }},
	} {
		err := f.try(t.Context(), 0, func(t *tx) error {
			if err := rename(t, tc.from, "new"); err != nil {
				return err
			}
			if tc.keys != nil {
				t.queued = append(t.queued, copyOfKeys("first", tc.keys...))
			}
			if err := t.flushAndCommit(); err != nil || t.committed {
				return err
			}
			return errBlameless
		})
		if !tc.as(err) {
			t.Errorf("%s: %v", name, err)
		}
		f.wantRows(t, 1, 1)
	}
	err := f.write(t.Context(), "rename in", func(t *tx) error {
		t.queued = append(t.queued, copyOfKeys("first", "a", "b"))
		return errors.Join(rename(t, "old", "new"), t.flushAndCommit()) // ends without rows
	})
	if err != nil {
		t.Error(err)
	}
	err = f.write(t.Context(), "rename in", func(t *tx) error {
		if err := rename(t, "new", "newer"); err != nil {
			return err
		}
		t.queued = append(t.queued, copyOfKeys("first", "c"))
		return t.flushAndCommit()
	})
	if err != nil {
		t.Error(err)
	}
	f.wantRows(t, 4, 1)
	if n := f.pool.Stat().NewConnsCount(); n > 2 {
		t.Errorf("%d connections were made", n)
	}
}

// Who wants no more while the last rows wait for a lock gets nothing written, soon.
func TestRowsThatAreSentWithCommitAreCut(t *testing.T) {
	f := openTables(t)
	sql(t, f, `INSERT INTO second VALUES ('old')`)
	holder, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(t.Context(), `INSERT INTO first VALUES ('a')`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	err = f.write(ctx, "rename in", func(t *tx) error {
		if err := rename(t, "old", "new"); err != nil {
			return err
		}
		t.queued = append(t.queued, copyOfKeys("first", "a"))
		return t.flushAndCommit()
	})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Second {
		t.Errorf("after %s: %v", took, err)
	}
	if err := holder.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.wantRows(t, 0, 1)
	if n := number(t, f, `SELECT count(*)::int FROM second WHERE k = 'old'`); n != 1 {
		t.Error("the key was changed")
	}
}
