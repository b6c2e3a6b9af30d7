package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Stage stores the revisions of a chunk without index entries, so that no
// reader finds them, and remembers the rest in the chunk's row.
func (u unit) Stage(ctx context.Context, s storage.Staged) error {
	names := map[string]tables{}
	writes := map[string]storage.ModelWrites{}
	for model, w := range s.Models {
		t, err := u.f.tables(ctx, model)
		if err != nil {
			return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
		}
		names[model], writes[model] = t, byID(w)
	}
	models, err := stagedModels(writes, u.f.encoding())
	if err != nil {
		return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
	}
	return u.f.do(ctx, "stage a chunk in", func(t *tx) error {
		j := jobs{t: t, store: u.f.identity.number}
		if _, err := j.claimed(s.Chunk.Claim); err != nil {
			return err
		}
		if done, err := j.chunkDone(s.Chunk.Claim.Job, s.Chunk.No); done || err != nil {
			return err
		}
		for _, m := range models {
			if err := t.stageRevisions(names[m.model], u.f.encoding(), writes[m.model].Revisions, m.entries); err != nil {
				return err
			}
		}
		return j.addChunk(s.Chunk.Claim.Job, s.Chunk.No, s.Outcome, appendStaged(nil, models))
	})
}

// stageRevisions stores revisions under their uids. Where a uid holds other
// bytes, the entry keeps its own until publish, which decides.
func (t *tx) stageRevisions(names tables, enc resource.Encoding, revisions []resource.Revision, entries []stagedEntry) error {
	query := names.insertData()
	for i, r := range revisions {
		if err := t.check(); err != nil {
			return err
		}
		info := r.Info.Append(enc, nil)
		n, err := t.exec(query, r.Info.UID[:], notNil(r.Data), info)
		if err != nil {
			return err
		}
		if n == 1 {
			continue
		}
		same, err := t.sameData(names, r.Info.UID, info, r.Data)
		if err != nil {
			return err
		}
		if !same {
			entries[i].Info, entries[i].Data = info, notNil(r.Data)
		}
	}
	return nil
}

// sameData reports whether a uid holds exactly this info and payload.
func (t *tx) sameData(names tables, uid uuid.UUID, info, data []byte) (same bool, err error) {
	err = t.each(`SELECT info, data FROM `+names.data+` WHERE uid = ?`, []any{uid[:]}, func(rows *sql.Rows) error {
		var i, d sql.RawBytes
		if err := rows.Scan(&i, &d); err != nil {
			return err
		}
		same = bytes.Equal(i, info) && bytes.Equal(d, data)
		return nil
	})
	return same, err
}

// Unstage forgets what a job staged, with the rows of its staged chunks, and
// frees the revisions that nothing else needs.
func (u unit) Unstage(ctx context.Context, job uuid.UUID) error {
	return u.f.do(ctx, "forget staged chunks in", func(t *tx) error {
		return u.f.unstage(jobs{t: t, store: u.f.identity.number}, job)
	})
}

// unstage is Unstage inside a transaction.
func (f *Factory) unstage(j jobs, job uuid.UUID) error {
	numbers, err := j.stagedChunks(job)
	if err != nil || len(numbers) == 0 {
		return err
	}
	kept, err := j.stagedByOthers(job)
	if err != nil {
		return err
	}
	for _, no := range numbers {
		models, err := j.staged(job, no)
		if err != nil {
			return err
		}
		for _, m := range models {
			if err := f.freeStaged(j, m, kept); err != nil {
				return err
			}
		}
	}
	_, err = j.t.exec(`DELETE FROM specstar_chunks WHERE store = ? AND job = ? AND staged IS NOT NULL`, j.store, job[:])
	return err
}

func (f *Factory) freeStaged(j jobs, m stagedModel, kept map[uuid.UUID]bool) error {
	names, err := f.tables(j.t.ctx, m.model)
	if err != nil {
		return err
	}
	w := indexWriter{t: j.t, names: names}
	for _, e := range m.entries {
		if kept[e.uid] || e.Info != nil {
			continue
		}
		if err := w.free(e.key.Resource, e.uid[:]); err != nil {
			return err
		}
	}
	return nil
}

// stagedChunks returns the numbers of a job's staged chunks, ascending.
func (j jobs) stagedChunks(job uuid.UUID) (numbers []int, err error) {
	err = j.t.each(`SELECT no FROM specstar_chunks WHERE store = ? AND job = ? AND staged IS NOT NULL ORDER BY no`, []any{j.store, job[:]},
		func(rows *sql.Rows) error {
			var no int
			err := rows.Scan(&no)
			numbers = append(numbers, no)
			return err
		})
	return numbers, err
}

// staged returns what one chunk staged.
func (j jobs) staged(job uuid.UUID, no int) (models []stagedModel, err error) {
	err = j.t.each(`SELECT staged FROM specstar_chunks WHERE store = ? AND job = ? AND no = ?`, []any{j.store, job[:], no},
		func(rows *sql.Rows) error {
			var b []byte
			if err := rows.Scan(&b); err != nil {
				return err
			}
			models, err = readStaged(b)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("chunk %d of job %s: %w", no, job, err)
	}
	return models, nil
}

// stagedByOthers returns the uids that other jobs have staged: two loads of one
// archive share them. Nearly always nothing else is staged.
func (j jobs) stagedByOthers(job uuid.UUID) (map[uuid.UUID]bool, error) {
	uids := map[uuid.UUID]bool{}
	err := j.t.each(`SELECT staged FROM specstar_chunks WHERE store = ? AND job <> ? AND staged IS NOT NULL`, []any{j.store, job[:]},
		func(rows *sql.Rows) error {
			var b sql.RawBytes
			if err := rows.Scan(&b); err != nil {
				return err
			}
			models, err := readStaged(b)
			for _, m := range models {
				for _, e := range m.entries {
					uids[e.uid] = true
				}
			}
			return err
		})
	return uids, err
}
