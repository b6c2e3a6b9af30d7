package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// marksIn returns those of the marks that are there.
func marksIn(t *tx, store int64, keys []uuid.UUID) (map[uuid.UUID]storage.Mark, error) {
	marks := make(map[uuid.UUID]storage.Mark, len(keys))
	if len(keys) == 0 {
		return marks, nil
	}
	err := t.each(`SELECT m.key, m.major, m.minor, m.at FROM json_each(?) AS j CROSS JOIN specstar_marks AS m ON m.store = ? AND m.key = unhex(j.value)`,
		[]any{jsonUIDs(keys), store}, func(rows *sql.Rows) error {
			var key sql.RawBytes
			var m storage.Mark
			var at int64
			if err := rows.Scan(&key, &m.Major, &m.Minor, &at); err != nil {
				return err
			}
			m.Key, m.Time = uuid.UUID(key), timeOf(at)
			marks[m.Key] = m
			return nil
		})
	return marks, err
}

// sameMarks reports whether the marks still are what compute saw.
func sameMarks(t *tx, store int64, keys []uuid.UUID, seen map[uuid.UUID]storage.Mark) (bool, error) {
	now, err := marksIn(t, store, keys)
	return maps.Equal(now, seen), err
}

// raiseMark is a statement for one mark: one that is not above what is there
// changes nothing.
const raiseMark = `INSERT INTO specstar_marks (store, key, major, minor, at) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT (store, key) DO UPDATE SET major = excluded.major, minor = excluded.minor, at = excluded.at
	WHERE (major, minor) < (excluded.major, excluded.minor)`

// raise raises marks.
func (j jobs) raise(marks []storage.Mark) error {
	for _, m := range marks {
		if _, err := j.t.exec(raiseMark, j.store, m.Key[:], m.Major, m.Minor, micros(m.Time)); err != nil {
			return err
		}
	}
	return nil
}

// oldMarks finds marks behind a key. It is read beside the writers, since no index
// serves it.
const oldMarks = `SELECT key FROM specstar_marks WHERE store = ? AND key > ? AND at < ? ORDER BY key LIMIT ?`

// PruneMarks removes old marks, some in each transaction.
func (l ledger) PruneMarks(ctx context.Context, before time.Time) (total int64, err error) {
	last := []byte{}
	for {
		var keys []uuid.UUID
		for key, err := range stream(ctx, l.f, l.f.reads, "read the marks of", oldMarks, []any{l.f.identity.number, last, micros(before), pruned},
			func(rows *sql.Rows) (key uuid.UUID, err error) {
				var raw sql.RawBytes
				if err = rows.Scan(&raw); err == nil {
					key = uuid.UUID(raw)
				}
				return key, err
			}) {
			if err != nil {
				return total, err
			}
			keys = append(keys, key)
		}
		if len(keys) == 0 {
			return total, nil
		}
		n, err := l.dropMarks(ctx, keys, before)
		if total += n; err != nil || len(keys) < pruned {
			return total, err
		}
		last = keys[len(keys)-1][:]
	}
}

// dropMarks removes those of the marks that are still old.
func (l ledger) dropMarks(ctx context.Context, keys []uuid.UUID, before time.Time) (n int64, err error) {
	err = l.do(ctx, func(j jobs) error {
		n, err = j.t.exec(`DELETE FROM specstar_marks WHERE store = ? AND key IN (SELECT unhex(value) FROM json_each(?)) AND at < ?`,
			j.store, jsonUIDs(keys), micros(before))
		return err
	})
	return n, err
}
