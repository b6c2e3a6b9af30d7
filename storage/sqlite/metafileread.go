package sqlite

import (
	"context"
	"database/sql"
	"iter"
	"slices"
	"strings"

	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// filePages reads the metas of a file, or of a copy of one, page by page: in the
// original's journal mode a reader keeps writers waiting.
type filePages struct {
	f     *Factory
	q     queryer
	model string
}

var _ storage.MetaPages = filePages{}

// metasPage is how many metas are in memory at a time.
const metasPage = 500

// page reads rows of id and data at once: no lock is held when it returns.
func (p filePages) page(ctx context.Context, query string, args ...any) (page []storage.StoredMeta, err error) {
	for m, err := range stream(ctx, p.f, p.q, "read metas of model "+p.model+" in", query, args, scanStored) {
		if noTable(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		page = append(page, m)
	}
	return page, nil
}

// noTable reports whether a file has no table of metas yet: whoever makes it is at it, or
// was killed then.
func noTable(err error) bool {
	return code(err) == lib.SQLITE_ERROR && strings.Contains(err.Error(), "no such table: resource_meta")
}

func scanStored(rows *sql.Rows) (m storage.StoredMeta, err error) {
	return m, rows.Scan(&m.ID, &m.Data)
}

// Sample returns up to n metas.
func (p filePages) Sample(ctx context.Context, n int) ([]storage.StoredMeta, error) {
	return p.page(ctx, `SELECT resource_id, data FROM resource_meta LIMIT ?`, n)
}

// Find returns the bytes of those metas that are there.
func (p filePages) Find(ctx context.Context, ids []resource.ID) (map[resource.ID][]byte, error) {
	found := make(map[resource.ID][]byte, len(ids))
	for batch := range slices.Chunk(ids, 10*metasPage) {
		page, err := p.page(ctx, selectStored, jsonIDs(batch))
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			found[m.ID] = m.Data
		}
	}
	return found, nil
}

// All returns every meta by ascending id.
func (p filePages) All(ctx context.Context) iter.Seq2[storage.StoredMeta, error] {
	return func(yield func(storage.StoredMeta, error) bool) {
		after := resource.ID("")
		for {
			page, err := p.page(ctx, `SELECT resource_id, data FROM resource_meta WHERE resource_id > ? ORDER BY resource_id LIMIT ?`, string(after), metasPage)
			if err != nil {
				yield(storage.StoredMeta{}, err)
				return
			}
			for _, m := range page {
				if !yield(m, nil) {
					return
				}
				after = m.ID
			}
			if len(page) < metasPage {
				return
			}
		}
	}
}

// Page returns the first metas of a range.
func (p filePages) Page(ctx context.Context, in storage.Range, limit int) ([]storage.StoredMeta, error) {
	return p.first(ctx, `true`, in, limit)
}

// first returns the first metas of a range that fulfil a condition.
func (p filePages) first(ctx context.Context, condition string, in storage.Range, limit int) ([]storage.StoredMeta, error) {
	query, args := firstOf(condition, in, limit)
	return p.page(ctx, query, args...)
}

func firstOf(condition string, in storage.Range, limit int) (query string, args []any) {
	where, args := within(`resource_id`, in)
	return `SELECT resource_id, data FROM resource_meta WHERE (` + condition + `) AND ` + where + ` ORDER BY resource_id LIMIT ?`, append(args, limit)
}

// Cuts returns every n-th id.
func (p filePages) Cuts(ctx context.Context, rows int) ([]resource.ID, error) {
	return collect(ctx, p.f, p.q, "cut metas of model "+p.model+" in", tables{meta: `resource_meta`}.cuts(false), []any{rows}, scanID)
}

// Unfilled returns the first metas of a range that lack a rev_* field.
func (p filePages) Unfilled(ctx context.Context, in storage.Range, limit int) ([]storage.StoredMeta, error) {
	where, err := p.soonest(ctx, limit)
	if err != nil {
		return nil, err
	}
	return p.first(ctx, where, in, limit)
}

// soonest is the condition of metas that lack a rev_* field as it finds a page of them
// soonest.
func (p filePages) soonest(ctx context.Context, limit int) (string, error) {
	where, err := p.unfilled(ctx)
	if err != nil {
		return "", err
	}
	many, err := p.more(ctx, where, fewPages*limit)
	if many {
		where = byKey(where)
	}
	return where, err
}

// fewPages is how many pages of rows are few: the original's indexes find and sort all of
// them for each page. Of more than that a page is met sooner by going through the ids.
const fewPages = 4

// more reports whether more than n metas fulfil a condition.
func (p filePages) more(ctx context.Context, condition string, n int) (bool, error) {
	ctx, stop := p.f.reading(ctx)
	defer stop()
	var found int
	err := p.q.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM resource_meta WHERE `+condition+` LIMIT ?)`, n+1).Scan(&found)
	if noTable(err) {
		return false, nil
	}
	return found > n, p.f.explain("read metas of model "+p.model+" in", cause(ctx, err))
}

// byKey is a condition of columns that no index of them serves.
func byKey(condition string) string { return strings.ReplaceAll(condition, "rev_", "+rev_") }

// unfilled is the condition of metas that lack a rev_* field. In a file of an older
// release that is only read the columns may be missing.
func (p filePages) unfilled(ctx context.Context) (string, error) {
	var n int
	err := p.q.QueryRowContext(ctx, `SELECT count(*) FROM pragma_table_info('resource_meta') WHERE name LIKE 'rev\_%' ESCAPE '\'`).Scan(&n)
	if n < 5 {
		return "true", p.f.explain("read metas of model "+p.model+" in", err)
	}
	return unfilled, p.f.explain("read metas of model "+p.model+" in", err)
}

// Count counts rows.
func (p filePages) Count(ctx context.Context) (metas, lacking int64, err error) {
	ctx, stop := p.f.reading(ctx)
	defer stop()
	where, err := p.soonest(ctx, metasPage)
	if err != nil {
		return 0, 0, err
	}
	err = p.q.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM resource_meta), (SELECT count(*) FROM resource_meta WHERE `+where+`)`).Scan(&metas, &lacking)
	if noTable(err) {
		return 0, 0, nil
	}
	return metas, lacking, p.f.explain("count rows of model "+p.model+" in", cause(ctx, err))
}
