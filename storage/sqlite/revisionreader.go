package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// revisionReader reads the revisions of one model through q.
type revisionReader struct {
	f *Factory
	q queryer
	t tables
	// idle are connections for dumps, each for one at a time; nil when q is used.
	idle chan queryer
}

func (r revisionReader) doing() string { return "read revisions of model " + r.t.model + " in" }

// Info returns the info stored under key.
func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	for i, err := range stream(ctx, r.f, r.q, r.doing(), r.t.selectKey("d.info"), keyArgs(key), r.info) {
		return i, err
	}
	return resource.RevisionInfo{}, noRevision(r.t, key)
}

// Get returns the revision stored under key.
func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	for v, err := range stream(ctx, r.f, r.q, r.doing(), r.t.selectKey("d.info, d.data"), keyArgs(key), r.revision) {
		return v, err
	}
	return resource.Revision{}, noRevision(r.t, key)
}

// GetMany returns the revisions of those keys under which one is stored, by one statement.
func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	found := make(map[resource.RevisionKey]resource.Revision, len(keys))
	args := make([][]any, len(keys))
	for i, k := range keys {
		args[i] = keyArgs(k)
	}
	list, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.doing(), r.f.path, err)
	}
	scan := func(rows *sql.Rows) (at int, err error) {
		var info, data []byte
		if err := rows.Scan(&at, &info, &data); err != nil {
			return at, err
		}
		i, err := resource.DecodeRevisionInfo(r.f.encoding(), info)
		if err != nil {
			return at, fmt.Errorf("revision %s: %w", keys[at].Revision, err)
		}
		found[keys[at]] = resource.Revision{Info: i, Data: data}
		return at, nil
	}
	for _, err := range stream(ctx, r.f, r.q, r.doing(), r.t.selectKeys(), []any{string(list)}, scan) {
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// List returns the infos of a resource's revisions.
func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return stream(ctx, r.f, r.q, r.doing(), r.t.selectInfos(), []any{string(id)}, r.info)
}

// dumpBatch is how many resources one query of DumpAll reads.
const dumpBatch = 500

// DumpAll returns the revisions of the given resources, in their order.
func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		batch := make([]resource.ID, 0, dumpBatch)
		for id := range ids {
			if batch = append(batch, id); len(batch) < dumpBatch {
				continue
			}
			if !r.dump(ctx, batch, yield) {
				return
			}
			batch = batch[:0]
		}
		if len(batch) > 0 {
			r.dump(ctx, batch, yield)
		}
	}
}

// Count returns how many revisions are stored.
func (r revisionReader) Count(ctx context.Context) (n int64, err error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	err = r.q.QueryRowContext(ctx, `SELECT count(*) FROM `+r.t.index).Scan(&n)
	return n, r.f.explain("count revisions of model "+r.t.model+" in", err)
}

// dump yields the revisions of a batch and reports whether to go on.
func (r revisionReader) dump(ctx context.Context, ids []resource.ID, yield func(resource.Revision, error) bool) bool {
	q := r.q
	if r.idle != nil {
		q = <-r.idle
		defer func() { r.idle <- q }()
	}
	for v, err := range stream(ctx, r.f, q, r.doing(), r.t.selectBatch(), []any{jsonIDs(ids)}, r.dumped) {
		if !yield(v, err) || err != nil {
			return false
		}
	}
	return true
}

func (r revisionReader) info(rows *sql.Rows) (resource.RevisionInfo, error) {
	var info sql.RawBytes
	if err := rows.Scan(&info); err != nil {
		return resource.RevisionInfo{}, err
	}
	return resource.DecodeRevisionInfo(r.f.encoding(), info)
}

func (r revisionReader) revision(rows *sql.Rows) (resource.Revision, error) {
	var info sql.RawBytes
	var data []byte
	if err := rows.Scan(&info, &data); err != nil {
		return resource.Revision{}, err
	}
	i, err := resource.DecodeRevisionInfo(r.f.encoding(), info)
	return resource.Revision{Info: i, Data: data}, err
}

// dumped scans a row of selectBatch. A dump must not leave out silently what the
// index says is there, nor show one revision as another.
func (r revisionReader) dumped(rows *sql.Rows) (resource.Revision, error) {
	var info, id sql.RawBytes
	var data []byte
	if err := rows.Scan(&id, &info, &data); err != nil {
		return resource.Revision{}, err
	}
	if info == nil {
		return resource.Revision{}, fmt.Errorf("the content of revision %s is missing", id)
	}
	i, err := resource.DecodeRevisionInfo(r.f.encoding(), info)
	switch {
	case err != nil:
		err = fmt.Errorf("revision %s: %w", id, err)
	case string(i.RevisionID) != string(id):
		err = fmt.Errorf("revision %s is stored with the info of %s", id, i.RevisionID)
	}
	return resource.Revision{Info: i, Data: data}, err
}

// selectKey selects columns of one revision by keyArgs.
func (t tables) selectKey(columns string) string {
	return `SELECT ` + columns + ` FROM ` + t.index + ` AS i JOIN ` + t.data + ` AS d ON d.id = i.data_id
		WHERE i.resource_id = ? AND i.number = ? AND i.revision_id = ? AND i.schema_version = ?`
}

func keyArgs(k resource.RevisionKey) []any {
	return []any{string(k.Resource), numberOf(k.Revision), string(k.Revision), versionText(k.SchemaVersion)}
}

// selectKeys selects the revisions of a JSON array of keyArgs, with their places in it.
func (t tables) selectKeys() string {
	return `SELECT k.key, d.info, d.data FROM json_each(?) AS k
		CROSS JOIN ` + t.index + ` AS i ON i.resource_id = k.value ->> 0 AND i.number = k.value ->> 1
			AND i.revision_id = k.value ->> 2 AND i.schema_version = k.value ->> 3
		CROSS JOIN ` + t.data + ` AS d ON d.id = i.data_id`
}

// selectInfos selects the infos of a resource in the order of its index.
func (t tables) selectInfos() string {
	return `SELECT d.info FROM ` + t.index + ` AS i CROSS JOIN ` + t.data + ` AS d ON d.id = i.data_id
		WHERE i.resource_id = ? ORDER BY i.number, i.revision_id, i.schema_version`
}

// selectBatch selects the revisions of a JSON array of ids. CROSS JOIN fixes
// the nesting of the loops and so the order, array position and then primary
// key of the index; an ORDER BY would sort the payloads of the whole batch.
func (t tables) selectBatch() string {
	return `SELECT i.revision_id, d.info, d.data FROM json_each(?) AS j
		CROSS JOIN ` + t.index + ` AS i ON i.resource_id = j.value
		LEFT JOIN ` + t.data + ` AS d ON d.id = i.data_id`
}

func noRevision(t tables, k resource.RevisionKey) error {
	version := ""
	if v, ok := k.SchemaVersion.Get(); ok {
		version = fmt.Sprintf(" at schema version %q", v)
	}
	return fmt.Errorf("revision %s%s of model %s: %w", k.Revision, version, t.model, storage.ErrNotFound)
}
