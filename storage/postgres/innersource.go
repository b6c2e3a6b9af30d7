package postgres

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// innerSource reads revisions from tables.
type innerSource struct {
	f *Factory
	q queryer
}

// byKeys joins arrays of keys with the revisions that are stored under them. Each key is
// looked up by itself: how many there are the server does not know, and it would read a
// whole table of some ten thousand rows instead, for each thousand keys anew. It does not
// look through OFFSET.
func byKeys(t tables, columns string) string {
	return `SELECT k.o, d.* FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (id, revision, version, o)
		CROSS JOIN LATERAL (SELECT ` + columns + ` FROM ` + t.index + ` AS i JOIN ` + t.data + ` AS d ON d.uid = i.uid
			WHERE i.resource_id = k.id AND i.revision_id = k.revision AND i.schema_version = k.version OFFSET 0) AS d`
}

func keyArgs(keys []resource.RevisionKey) []any {
	ids, revisions, versions := make([]string, len(keys)), make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		ids[i], revisions[i], versions[i] = string(k.Resource), string(k.Revision), versionText(k.SchemaVersion)
	}
	return []any{ids, revisions, versions}
}

func (s innerSource) infos(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.RevisionInfo, error) {
	found := make(map[resource.RevisionKey]resource.RevisionInfo, len(keys))
	_, err := scanRows(ctx, s.q, byKeys(t, `d.info`), keyArgs(keys), func(rows pgx.Rows) (struct{}, error) {
		var at int
		var info []byte
		if err := rows.Scan(&at, &info); err != nil {
			return struct{}{}, err
		}
		i, err := decodeInfo(info)
		found[keys[at-1]] = i
		return struct{}{}, err
	}, func(struct{}) bool { return true })
	return found, err
}

func (s innerSource) revisions(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	found := make(map[resource.RevisionKey]resource.Revision, len(keys))
	_, err := scanRows(ctx, s.q, byKeys(t, `d.info, d.data`), keyArgs(keys), func(rows pgx.Rows) (struct{}, error) {
		var at int
		var info, data []byte
		if err := rows.Scan(&at, &info, &data); err != nil {
			return struct{}{}, err
		}
		i, err := decodeInfo(info)
		found[keys[at-1]] = resource.Revision{Info: i, Data: data}
		return struct{}{}, err
	}, func(struct{}) bool { return true })
	return found, err
}

func (s innerSource) count(ctx context.Context, t tables) (n int64, err error) {
	_, err = scanRows(ctx, s.q, `SELECT count(*) FROM `+t.index, nil, func(rows pgx.Rows) (int64, error) { return n, rows.Scan(&n) }, func(int64) bool { return true })
	return n, err
}

// keyQueryer has connections of its own for looking rows up by arrays of keys.
type keyQueryer interface {
	queryKeys(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// eachByKey calls fn with the columns of each row of a query for keys: texts and bytes,
// which are good until the next row. An error of fn ends it.
func (s innerSource) eachByKey(ctx context.Context, query string, keys []any, fn func(row [][]byte) error) error {
	ask := s.q.Query
	if k, ok := s.q.(keyQueryer); ok {
		ask = k.queryKeys
	}
	ctx, stop := context.WithCancel(ctx)
	rows, err := ask(ctx, query, keys...)
	if err != nil {
		stop()
		return err
	}
	defer rows.Close()
	defer stop() // whoever ends early does not read the rest
	for rows.Next() {
		row := rows.RawValues()
		for i, f := range rows.FieldDescriptions() {
			if f.DataTypeOID == pgtype.ByteaOID && f.Format != pgx.BinaryFormatCode && row[i] != nil {
				if row[i], err = unhex(row[i]); err != nil {
					return err
				}
			}
		}
		if err := fn(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// unhex reads the text form of bytes.
func unhex(text []byte) ([]byte, error) {
	var b []byte
	err := pgtype.NewMap().Scan(pgtype.ByteaOID, pgx.TextFormatCode, text, &b)
	return b, err
}

// entries returns the index entries of resources.
func (s innerSource) entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error) {
	all := make([]indexEntry, 0, 2*len(ids))
	err := s.eachByKey(ctx, `SELECT `+indexColumns+` FROM `+t.index+` WHERE resource_id = ANY($1)`, []any{texts(ids)}, func(row [][]byte) error {
		all = append(all, entryOf(row))
		return nil
	})
	return all, err
}

// entryOf makes an entry of indexColumns, whose texts share their memory.
func entryOf(row [][]byte) (e indexEntry) {
	var room [256]byte
	b := room[:0]
	for _, column := range row {
		b = append(b, column...)
	}
	text := string(b)
	next := func(column []byte) (s string) {
		s, text = text[:len(column)], text[len(column):]
		return s
	}
	e.key.Resource, e.key.Revision = resource.ID(next(row[0])), resource.RevisionID(next(row[1]))
	version := next(row[2])
	if row[2] != nil {
		e.key.SchemaVersion = versionOf(&version)
	}
	e.uid = next(row[3])
	return e
}

// contents returns what is stored under uids.
func (s innerSource) contents(ctx context.Context, t tables, uids []string, payloads bool) (map[string]content, error) {
	columns := `uid, info, NULL::bytea`
	if payloads {
		columns = `uid, info, data`
	}
	found := make(map[string]content, len(uids))
	var room arena
	err := s.eachByKey(ctx, `SELECT `+columns+` FROM `+t.data+` WHERE uid = ANY($1)`, []any{uids}, func(row [][]byte) error {
		c := content{uid: string(row[0]), info: room.clone(row[1]), data: room.clone(row[2])}
		found[c.uid] = c
		return nil
	})
	return found, err
}

// arena is memory that many short copies share.
type arena struct{ free []byte }

// arenaBlock is how much of it is taken at once, in bytes.
const arenaBlock = 64 << 10

// clone returns a copy of b, nil for nil.
func (a *arena) clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	if len(b) > arenaBlock/4 {
		return bytes.Clone(b)
	}
	if len(b) > len(a.free) {
		a.free = make([]byte, arenaBlock)
	}
	c := a.free[:len(b):len(b)]
	a.free = a.free[len(b):]
	copy(c, b)
	return c
}

// compareKeys orders the revisions of one resource.
func compareKeys(a, b resource.RevisionKey) int { return order.Keys(a, b) }
