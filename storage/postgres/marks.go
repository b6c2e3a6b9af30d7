package postgres

import (
	"context"
	"encoding/binary"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// findMarks finds marks: $1 is the store and $2 the keys.
const findMarks = `SELECT key, major, minor, at, ctid, xmin FROM specstar_marks WHERE store = $1::integer AND key = ANY($2::uuid[])`

// markRow is a mark that was read, and the version of its row.
type markRow struct {
	storage.Mark
	row version
}

// marksOf returns those of the marks that are there.
func (f *Factory) marksOf(ctx context.Context, q queryer, keys []uuid.UUID) (map[uuid.UUID]markRow, error) {
	marks := make(map[uuid.UUID]markRow, len(keys))
	if len(keys) == 0 {
		return marks, nil
	}
	raw := make([][16]byte, len(keys))
	for i, key := range sortedIDs(keys) {
		raw[i] = key
	}
	_, err := scanRows(ctx, q, findMarks, []any{f.identity.number, raw}, func(rows pgx.Rows) (struct{}, error) {
		var m markRow
		err := scanMark(rows, &m)
		marks[m.Key] = m
		return struct{}{}, err
	}, func(struct{}) bool { return true })
	return marks, err
}

// scanMark reads a row of findMarks. Scan takes longer than all else here, so what came
// in the binary format is read as it is, see scanVersion.
func scanMark(rows pgx.Rows, m *markRow) error {
	raw, binaries := rows.RawValues(), 0
	for _, f := range rows.FieldDescriptions() {
		binaries += int(f.Format)
	}
	if binaries != 6 || len(raw[0]) != 16 || len(raw[1]) != 8 || len(raw[2]) != 8 || len(raw[3]) != 8 || len(raw[4]) != 6 || len(raw[5]) != 4 {
		return rows.Scan((*[16]byte)(&m.Key), &m.Major, &m.Minor, &m.Time, &m.row.at, &m.row.by)
	}
	m.Key = uuid.UUID(raw[0])
	m.Major, m.Minor = int64(binary.BigEndian.Uint64(raw[1])), int64(binary.BigEndian.Uint64(raw[2]))
	m.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[3])) + epoch).UTC()
	m.row = versionOfRaw(raw[4], raw[5])
	return nil
}

// sameMarks fails when a mark is another by now than v has seen. The metas are locked.
func (t *tx) sameMarks(v *view, keys []uuid.UUID) error {
	if len(keys) == 0 || v.marks == nil {
		return nil
	}
	now, err := t.f.marksOf(t.ctx, t, keys)
	if err == nil && !maps.Equal(now, v.marks) {
		err = errRaced
	}
	return err
}

// oldMarks finds marks behind a key, and dropMarks removes those of them that still
// are old. No index serves the first: it is read without a lock, by the keys.
const (
	oldMarks  = `SELECT key FROM specstar_marks WHERE store = $1 AND key > $2 AND at < $3 ORDER BY key LIMIT $4`
	dropMarks = `DELETE FROM specstar_marks WHERE store = $1 AND at < $3 AND key IN (
		SELECT key FROM specstar_marks WHERE store = $1 AND key = ANY($2) ORDER BY key FOR UPDATE)`
)

// PruneMarks removes old marks, some in each transaction.
func (l ledger) PruneMarks(ctx context.Context, before time.Time) (total int64, err error) {
	if l.foreign() {
		return 0, ctx.Err()
	}
	for last := (uuid.UUID{}); ; {
		keys, err := collect(ctx, l.f, pooled{l.f}, "read the marks of", oldMarks, []any{l.store(), [16]byte(last), before, pruned},
			func(rows pgx.Rows) (key [16]byte, err error) { return key, rows.Scan(&key) })
		if err != nil || len(keys) == 0 {
			return total, err
		}
		var n int64
		err = l.do(ctx, func(j jobs) (err error) {
			n, err = j.t.exec(dropMarks, j.store(), keys, before)
			return err
		})
		if err != nil {
			return total, err
		}
		if total += n; len(keys) < pruned {
			return total, nil
		}
		last = keys[len(keys)-1]
	}
}
