package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// innerSource reads revisions from tables.
type innerSource struct {
	f *Factory
	q queryer
}

// byKeys joins arrays of keys with the revisions that are stored under them.
func byKeys(t tables, columns string) string {
	return `SELECT k.o, ` + columns + ` FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (id, revision, version, o)
		JOIN ` + t.index + ` AS i ON i.resource_id = k.id AND i.revision_id = k.revision AND i.schema_version = k.version
		JOIN ` + t.data + ` AS d ON d.uid = i.uid`
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

// entries returns the index entries of resources.
func (s innerSource) entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error) {
	var all []indexEntry
	_, err := scanRows(ctx, s.q, `SELECT `+indexColumns+` FROM `+t.index+` WHERE resource_id = ANY($1)`, []any{texts(ids)}, scanEntry, func(e indexEntry) bool {
		all = append(all, e)
		return true
	})
	return all, err
}

// contents returns what is stored under uids.
func (s innerSource) contents(ctx context.Context, t tables, uids []string, payloads bool) (map[string]content, error) {
	columns := `uid, info, NULL::bytea`
	if payloads {
		columns = `uid, info, data`
	}
	found := make(map[string]content, len(uids))
	_, err := scanRows(ctx, s.q, `SELECT `+columns+` FROM `+t.data+` WHERE uid = ANY($1)`, []any{uids}, func(rows pgx.Rows) (c content, err error) {
		return c, rows.Scan(&c.uid, &c.info, &c.data)
	}, func(c content) bool {
		found[c.uid] = c
		return true
	})
	return found, err
}

// compareKeys orders the revisions of one resource.
func compareKeys(a, b resource.RevisionKey) int { return order.Keys(a, b) }
