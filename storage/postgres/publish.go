package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// Publish makes everything that was staged under the claimed job visible and ends
// the job, in one transaction. Metas are inserted: one that exists stops it, and
// then all are looked up to say which.
func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	if err := final.State.CheckFinal(); err != nil {
		return err
	}
	return u.f.write(ctx, "publish a load in", func(t *tx) error {
		j := jobs{t: t}
		if err := j.claimed(c); err != nil {
			return err
		}
		numbers, err := t.stagedChunks(c.Job)
		if err != nil {
			return err
		}
		if t.attempt > 0 {
			if err := t.findDuplicates(c.Job, numbers); err != nil {
				return err
			}
		}
		if err := t.publishChunks(c.Job, numbers); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE specstar_chunks SET staged = NULL WHERE store = $1 AND job = $2 AND staged IS NOT NULL`, t.f.identity.number, c.Job); err != nil {
			return err
		}
		return j.finish(c, final)
	})
}

// publishChunks publishes chunk after chunk. Entries of a medium are made when all
// metas are inserted: it cannot take them back.
func (t *tx) publishChunks(job uuid.UUID, numbers []int) error {
	passes := []func(tables, staged.Model) error{func(names tables, m staged.Model) error {
		if err := t.publishMetas(names, m); err != nil {
			return err
		}
		return t.publishEntries(names, m.Entries)
	}}
	if t.f.medium != nil {
		passes = []func(tables, staged.Model) error{
			t.publishMetas,
			func(names tables, m staged.Model) error { return t.f.publishOuter(t.ctx, names, m.Entries) },
		}
	}
	for _, pass := range passes {
		if err := t.eachStaged(job, numbers, pass); err != nil {
			return err
		}
	}
	return nil
}

// publishMetas inserts the metas of one model.
func (t *tx) publishMetas(names tables, m staged.Model) error {
	rows := make([]metaRow, len(m.Metas))
	for i, row := range m.Metas {
		rows[i] = rowOf(row)
	}
	if err := errors.Join(t.insertMetas(names, metaRows{fresh: rows}), t.flush()); err != nil {
		return err
	}
	return t.rememberBlobs(m.Name, m.Blobs)
}

// publishEntries makes staged contents found. Keys that are there, left by a
// resource whose meta was removed, are made to lead to the new contents.
func (t *tx) publishEntries(names tables, list []staged.Entry) error {
	entries := make([]indexEntry, len(list))
	for i, e := range list {
		entries[i] = indexEntry{key: e.Key, uid: e.UID}
	}
	if t.attempt == 0 {
		return t.copyIndex(names, entries)
	}
	ids := make([]resource.ID, len(entries))
	for i, e := range entries {
		ids[i] = e.key.Resource
	}
	known, err := innerSource{t.f, t}.entries(t.ctx, names, ids)
	if err != nil {
		return err
	}
	there := map[resource.RevisionKey]bool{}
	for _, e := range known {
		there[e.key] = true
	}
	var enter, repoint []indexEntry
	for _, e := range entries {
		if there[e.key] {
			repoint = append(repoint, e)
		} else {
			enter = append(enter, e)
		}
	}
	if err := t.copyIndex(names, enter); err != nil {
		return err
	}
	return t.repoint(names, repoint)
}

// findDuplicates returns a *storage.DuplicateError when resources that are staged
// exist, or are staged twice.
func (t *tx) findDuplicates(job uuid.UUID, numbers []int) error {
	seen := map[string]map[resource.ID]bool{}
	found := map[string][]resource.ID{}
	count := 0
	err := t.eachStaged(job, numbers, func(names tables, m staged.Model) error {
		if seen[m.Name] == nil {
			seen[m.Name] = map[resource.ID]bool{}
		}
		var ids []string
		for _, row := range m.Metas {
			id := rowOf(row).id
			if seen[m.Name][id] {
				found[m.Name] = append(found[m.Name], id)
				count++
			}
			seen[m.Name][id] = true
			ids = append(ids, string(id))
		}
		return t.each(`SELECT resource_id FROM `+names.meta+` WHERE resource_id = ANY($1)`, []any{ids}, func(rows pgx.Rows) error {
			id, err := scanText[resource.ID](rows)
			found[m.Name] = append(found[m.Name], id)
			count++
			return err
		})
	})
	if err != nil {
		return err
	}
	for _, model := range slices.Sorted(maps.Keys(found)) {
		ids := found[model]
		slices.Sort(ids)
		ids = slices.Compact(ids)
		return &storage.DuplicateError{Model: model, IDs: ids[:min(storage.MaxDuplicateIDs, len(ids))], Count: count}
	}
	return nil
}
