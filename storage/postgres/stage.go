package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// stagedWrites are the writes of a chunk to one model, and how they are remembered.
type stagedWrites struct {
	names     tables
	revisions []resource.Revision
	staged    staged.Model
}

// prepareStaged encodes what a chunk remembers: rows of metas as they will be
// copied, models by name. Where contents go is not known yet.
func (u unit) prepareStaged(ctx context.Context, s storage.Staged) ([]stagedWrites, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	var all []stagedWrites
	for _, model := range slices.Sorted(maps.Keys(s.Models)) {
		names, err := u.f.tables(ctx, model)
		if err != nil {
			return nil, err
		}
		w := order.ByID(s.Models[model])
		rows, err := u.f.encodeMetas(names, w.Metas)
		if err != nil {
			return nil, err
		}
		one := stagedWrites{names: names, revisions: w.Revisions, staged: staged.Model{Name: model, Blobs: w.Blobs}}
		for _, r := range rows {
			one.staged.Metas = append(one.staged.Metas, r.row)
		}
		for i := range w.Revisions {
			if err := checkRevision(names, &w.Revisions[i].Info); err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// Stage stores the payloads of a chunk without index entries, so that no reader
// finds them, and remembers the rest in the chunk's row. Each payload is the
// chunk's own: a uid that is taken is not shared.
func (u unit) Stage(ctx context.Context, s storage.Staged) error {
	all, err := u.prepareStaged(ctx, s)
	if err != nil {
		return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
	}
	if u.f.medium != nil {
		return u.stageOuter(ctx, s, all)
	}
	return u.f.write(ctx, "stage a chunk in", func(t *tx) error {
		done, err := t.startUnit(storage.Batch{Chunk: &s.Chunk})
		if done || err != nil {
			return err
		}
		for i := range all {
			if err := t.stageData(&all[i]); err != nil {
				return err
			}
		}
		return t.addStaged(s, all)
	})
}

// addStaged writes the row of a staged chunk.
func (t *tx) addStaged(s storage.Staged, all []stagedWrites) error {
	t.proven = true // a chunk that is staged stays
	models := make([]staged.Model, len(all))
	for i := range all {
		models[i] = all[i].staged
	}
	return jobs{t: t}.addChunk(s.Chunk, s.Outcome, staged.UIDs.Append(nil, models), nil)
}

// stageData inserts the payloads of one model and notes their uids.
func (t *tx) stageData(w *stagedWrites) error {
	taken, empty := map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	if t.attempt > 0 {
		var err error
		if taken, empty, err = t.takenUIDs(w); err != nil {
			return err
		}
	}
	var list, replace []placed
	w.staged.Entries = make([]staged.Entry, len(w.revisions))
	for i := range w.revisions {
		r := placed{Revision: &w.revisions[i], uid: w.revisions[i].Info.UID}
		if taken[r.uid] {
			r.uid = uuid.New()
		}
		taken[r.uid] = true
		if empty[r.uid] {
			replace = append(replace, r)
		} else {
			list = append(list, r)
		}
		w.staged.Entries[i] = staged.Entry{Key: r.key(), UID: r.uid.String()}
	}
	if err := t.replaceData(w.names, replace); err != nil {
		return err
	}
	return t.copyData(w.names, list)
}

// takenUIDs returns which uids of the revisions have a content, and which had one.
func (t *tx) takenUIDs(w *stagedWrites) (taken, empty map[uuid.UUID]bool, err error) {
	uids := make([]string, len(w.revisions))
	for i := range w.revisions {
		uids[i] = w.revisions[i].Info.UID.String()
	}
	taken, empty = map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
	err = t.each(`SELECT uid, info = '' FROM `+w.names.data+` WHERE uid = ANY($1) ORDER BY uid COLLATE "C" FOR UPDATE`, []any{uids}, func(rows pgx.Rows) error {
		var uid string
		var hollow bool
		if err := rows.Scan(&uid, &hollow); err != nil {
			return err
		}
		id, err := uuid.Parse(uid)
		taken[id], empty[id] = !hollow, hollow
		return err
	})
	return taken, empty, err
}

// stagedChunks locks the rows of a job's staged chunks and returns their numbers,
// ascending.
func (t *tx) stagedChunks(job uuid.UUID) (numbers []int, err error) {
	err = t.each(`SELECT no FROM specstar_chunks WHERE store = $1 AND job = $2 AND staged IS NOT NULL ORDER BY no FOR UPDATE`,
		[]any{t.f.identity.number, job}, func(rows pgx.Rows) error {
			var no int
			err := rows.Scan(&no)
			numbers = append(numbers, no)
			return err
		})
	return numbers, err
}

// eachStaged calls fn with what the chunks of a job staged for each model, chunk after
// chunk.
func (t *tx) eachStaged(job uuid.UUID, numbers []int, fn func(tables, staged.Model) error) error {
	for _, no := range numbers {
		models, err := t.staged(job, no)
		if err != nil {
			return err
		}
		for _, m := range models {
			names, err := t.f.tables(t.ctx, m.Name)
			if err != nil {
				return err
			}
			if err := fn(names, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// staged returns what one chunk staged.
func (t *tx) staged(job uuid.UUID, no int) ([]staged.Model, error) {
	var b []byte
	err := t.each(`SELECT staged FROM specstar_chunks WHERE store = $1 AND job = $2 AND no = $3`, []any{t.f.identity.number, job, no},
		func(rows pgx.Rows) error { return rows.Scan(&b) })
	if err != nil {
		return nil, err
	}
	models, err := staged.UIDs.Read(b)
	if err != nil {
		return nil, fmt.Errorf("chunk %d of job %s: %w", no, job, err)
	}
	return models, nil
}
