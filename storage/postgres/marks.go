package postgres

import (
	"context"
	"encoding/binary"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// findMarks finds marks: $1 is the store and $2 the keys.
const findMarks = `SELECT key, major, minor, at FROM specstar_marks WHERE store = $1::integer AND key = ANY($2::uuid[])`

// marksOf returns those of the marks that are there.
func (f *Factory) marksOf(ctx context.Context, q queryer, keys []uuid.UUID) (map[uuid.UUID]storage.Mark, error) {
	marks := make(map[uuid.UUID]storage.Mark, len(keys))
	if len(keys) == 0 {
		return marks, nil
	}
	raw := make([][16]byte, len(keys))
	for i, key := range sortedIDs(keys) {
		raw[i] = key
	}
	_, err := scanRows(ctx, q, findMarks, []any{f.identity.number, raw}, func(rows pgx.Rows) (struct{}, error) {
		var m storage.Mark
		err := scanMark(rows, &m)
		marks[m.Key] = m
		return struct{}{}, err
	}, func(struct{}) bool { return true })
	return marks, err
}

// scanMark reads a row of findMarks. Scan takes longer than all else here, so what came
// in the binary format is read as it is.
func scanMark(rows pgx.Rows, m *storage.Mark) error {
	raw, binaries := rows.RawValues(), 0
	for _, f := range rows.FieldDescriptions() {
		binaries += int(f.Format)
	}
	if binaries != 4 || len(raw[0]) != 16 || len(raw[1]) != 8 || len(raw[2]) != 8 || len(raw[3]) != 8 {
		return rows.Scan((*[16]byte)(&m.Key), &m.Major, &m.Minor, &m.Time)
	}
	m.Key = uuid.UUID(raw[0])
	m.Major, m.Minor = int64(binary.BigEndian.Uint64(raw[1])), int64(binary.BigEndian.Uint64(raw[2]))
	m.Time = time.UnixMicro(int64(binary.BigEndian.Uint64(raw[3])) + epoch).UTC()
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

// raiseMarks raises marks: one that is not above what is there changes nothing.
const raiseMarks = `INSERT INTO specstar_marks AS m (store, key, major, minor, at)
	SELECT $1::integer, u.key, u.major, u.minor, u.at FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[]) AS u (key, major, minor, at)
	ON CONFLICT (key, store) DO UPDATE SET major = excluded.major, minor = excluded.minor, at = excluded.at
	WHERE m.major < excluded.major OR m.major = excluded.major AND m.minor < excluded.minor`

// raise raises marks by key, so that whoever waits for one of them waits for nobody
// who waits. The metas of their resources are locked, or new: nobody else has raised
// them since they were read. That they were not read, and are not below, is told by
// their number: then the unit is computed again.
func (t *tx) raise(v *view, list []storage.Mark) error {
	if len(list) == 0 {
		return nil
	}
	marks := storage.Highest(list)
	keys, majors := newArray(pgtype.UUIDOID, len(marks), 16), newArray(pgtype.Int8OID, len(marks), 8)
	minors, times := newArray(pgtype.Int8OID, len(marks), 8), newArray(pgtype.TimestamptzOID, len(marks), 8)
	var above int64
	for i := range marks {
		m := &marks[i]
		keys.appendBytes(m.Key[:])
		majors.appendInt8(m.Major)
		minors.appendInt8(m.Minor)
		times.appendInt8(m.Time.UnixMicro() - epoch)
		if has, ok := v.marks[m.Key]; !ok || m.Compare(has) > 0 {
			above++
		}
	}
	n, err := t.execBinary(raiseMarks, storeParam(t.f.identity.number), keys.param(), majors.param(), minors.param(), times.param())
	if err == nil && n < above {
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
