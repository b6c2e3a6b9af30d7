package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// fileReader reads the metas of a file, or of a copy of one.
type fileReader struct {
	b     *beside
	q     queryer
	model string
	copy  bool // nobody writes to it
}

var _ storage.MetaReader = fileReader{}

func (r fileReader) doing(action string) string { return action + " of model " + r.model + " in" }

// settle waits until what was committed can be read.
func (r fileReader) settle(ctx context.Context) error {
	if r.copy {
		return ctx.Err()
	}
	return r.b.settled(ctx)
}

// page reads rows at once: no lock is held when it returns.
func (r fileReader) page(ctx context.Context, query string, args ...any) (page [][]byte, err error) {
	for data, err := range stream(ctx, r.b.f, r.q, r.doing("read metas"), query, args, scanBytes) {
		if err != nil {
			return nil, err
		}
		page = append(page, data)
	}
	return page, nil
}

func scanBytes(rows *sql.Rows) (data []byte, err error) { return data, rows.Scan(&data) }

// sample returns some metas of a file.
func (b *beside) sample(ctx context.Context, m *metaFile, model string, n int) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		page, err := (fileReader{b: b, q: m.reads, model: model}).page(ctx, `SELECT data FROM resource_meta LIMIT ?`, n)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, data := range page {
			if !yield(data, nil) {
				return
			}
		}
	}
}

// Get returns the meta of id.
func (r fileReader) Get(ctx context.Context, id resource.ID) (resource.Meta, error) {
	found, err := r.GetMany(ctx, []resource.ID{id})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("resource %s of model %s: %w", id, r.model, storage.ErrNotFound)
	}
	if err != nil {
		return resource.Meta{}, err
	}
	return found[0], nil
}

// GetMany returns the metas of those ids that exist, by ascending id.
func (r fileReader) GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	page, err := r.page(ctx, `SELECT data FROM resource_meta WHERE resource_id IN (SELECT value FROM json_each(?)) ORDER BY resource_id`, jsonIDs(ids))
	if err != nil {
		return nil, err
	}
	return r.decode(page)
}

func (r fileReader) decode(page [][]byte) ([]resource.Meta, error) {
	metas := make([]resource.Meta, len(page))
	for i, data := range page {
		var err error
		if metas[i], err = decodeMeta(data); err != nil {
			return nil, fmt.Errorf("%s %s: %w", r.doing("read metas"), r.b.metaPath(r.model), err)
		}
	}
	return metas, nil
}

// metasPage is how many metas are in memory at a time.
const metasPage = 500

// All returns every meta by ascending id.
func (r fileReader) All(ctx context.Context) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		err := r.settle(ctx)
		after := resource.ID("")
		for err == nil {
			var page [][]byte
			page, err = r.page(ctx, `SELECT data FROM resource_meta WHERE resource_id > ? ORDER BY resource_id LIMIT ?`, string(after), metasPage)
			for _, data := range page {
				var m resource.Meta
				if err = r.going(ctx); err == nil {
					m, err = decodeMeta(data)
				}
				if err != nil {
					break
				}
				if !yield(m, nil) {
					return
				}
				after = m.ResourceID
			}
			if err == nil && len(page) < metasPage {
				return
			}
		}
		yield(resource.Meta{}, r.b.f.explain(r.doing("read metas"), err))
	}
}

// going returns why reading ends, nil when it does not.
func (r fileReader) going(ctx context.Context) error {
	if r.b.f.ended.Err() != nil {
		return errClosed
	}
	return ctx.Err()
}

// Search returns the metas that q selects, in q's order: every meta of the model is
// read, since the columns of the original hold times as floats and lack some fields.
func (r fileReader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return qb.Select(r.All(ctx), q)
}

// Count returns how many metas q's condition selects.
func (r fileReader) Count(ctx context.Context, q qb.Query) (n int64, err error) {
	for m, err := range r.All(ctx) {
		if err != nil {
			return 0, err
		}
		if qb.Match(m, q.Where) {
			n++
		}
	}
	return n, nil
}

// Unfilled returns a page of metas that lack rev_* fields, with the infos of their
// current revisions.
func (r fileReader) Unfilled(ctx context.Context, after resource.ID, limit int) ([]storage.Unfilled, error) {
	if err := r.settle(ctx); err != nil {
		return nil, err
	}
	where, err := r.unfilled(ctx)
	if err != nil {
		return nil, err
	}
	page, err := r.page(ctx, `SELECT data FROM resource_meta WHERE (`+where+`) AND resource_id > ? ORDER BY resource_id LIMIT ?`, string(after), limit)
	if err != nil {
		return nil, err
	}
	metas, err := r.decode(page)
	if err != nil {
		return nil, err
	}
	keys := make([]resource.RevisionKey, len(metas))
	for i, m := range metas {
		keys[i] = currentKey(m)
	}
	infos, err := r.b.reader(r.model).infos(ctx, keys)
	if err != nil {
		return nil, err
	}
	list := make([]storage.Unfilled, len(metas))
	for i, m := range metas {
		list[i] = storage.Unfilled{Meta: m, Stored: page[i]}
		if infos[i] == nil {
			continue
		}
		current, err := decodeInfo(infos[i])
		if err != nil {
			return nil, err
		}
		list[i].Current = opt.Of(current)
	}
	return list, nil
}

// unfilled is the condition of metas that lack a rev_* field. In a file of an older
// release that is only read the columns may be missing.
func (r fileReader) unfilled(ctx context.Context) (string, error) {
	var n int
	err := r.q.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('resource_meta') WHERE name LIKE 'rev\_%' ESCAPE '\'`).Scan(&n)
	if n < 5 {
		return "true", r.b.f.explain(r.doing("read metas"), err)
	}
	return unfilled, r.b.f.explain(r.doing("read metas"), err)
}

// Stats counts the model's rows.
func (r fileReader) Stats(ctx context.Context) (storage.Stats, error) {
	var s storage.Stats
	if err := r.settle(ctx); err != nil {
		return s, err
	}
	ctx, stop := r.b.f.reading(ctx)
	defer stop()
	where, err := r.unfilled(ctx)
	if err != nil {
		return s, err
	}
	err = r.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM resource_meta), (SELECT count(*) FROM resource_meta WHERE `+where+`)`).Scan(&s.Metas, &s.UnsetRev)
	if err != nil {
		return s, r.b.f.explain(r.doing("count rows"), cause(ctx, err))
	}
	s.Revisions, err = r.b.medium.Model(r.model).Count(ctx)
	return s, err
}

// Blobs returns the ids of the blobs remembered with the model, ascending.
func (r fileReader) Blobs(ctx context.Context) iter.Seq2[string, error] {
	return metaReader{f: r.b.f, q: r.b.f.reads, t: tables{model: r.model}}.Blobs(ctx)
}

// storedIn returns the bytes of those metas that are there, by id.
func (r fileReader) storedIn(ctx context.Context, ids []resource.ID) (map[resource.ID][]byte, error) {
	type row struct {
		id   resource.ID
		data []byte
	}
	found := make(map[resource.ID][]byte, len(ids))
	for batch := range slices.Chunk(ids, 10*metasPage) {
		for v, err := range stream(ctx, r.b.f, r.q, r.doing("read metas"), selectStored, []any{jsonIDs(batch)},
			func(rows *sql.Rows) (v row, err error) { return v, rows.Scan(&v.id, &v.data) }) {
			if err != nil {
				return nil, err
			}
			found[v.id] = v.data
		}
	}
	return found, nil
}
