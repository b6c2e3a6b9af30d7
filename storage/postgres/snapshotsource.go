package postgres

import (
	"context"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// snapshotSource reads revisions from tables on connections of a snapshot, see byKey.
type snapshotSource struct{ innerSource }

var _ joinedSource = snapshotSource{}

// joined gives entries with what they lead to. The index of entries has the order, and
// each content is looked up as its entry comes: the server sorts and keeps nothing.
func (s snapshotSource) joined(ctx context.Context, t tables, ids []resource.ID, between bool, fn func(k resource.RevisionKey, info, data []byte) error) error {
	where, keys := `i.resource_id = ANY($1)`, []any{texts(ids)}
	if between {
		where, keys = `i.resource_id >= $1 AND i.resource_id <= $2`, []any{string(ids[0]), string(ids[len(ids)-1])}
	}
	query := `SELECT i.resource_id, i.revision_id, i.schema_version, d.info, d.data FROM ` + t.index + ` AS i LEFT JOIN ` + t.data + ` AS d ON d.uid = i.uid
		WHERE ` + where + ` ORDER BY i.resource_id COLLATE "C"`
	var k resource.RevisionKey
	return s.eachByKey(ctx, query, keys, func(row [][]byte) error {
		if string(row[0]) != string(k.Resource) {
			k.Resource = resource.ID(row[0])
		}
		k.Revision = resource.RevisionID(row[1])
		k.SchemaVersion = scannedVersion(row[2])
		return fn(k, row[3], row[4])
	})
}

// scannedVersion reads the column of a schema version.
func scannedVersion(column []byte) opt.Value[string] {
	if column == nil || string(column) == noVersion {
		return opt.Value[string]{}
	}
	return opt.Of(string(column))
}
