package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// Stage stores the revisions of a chunk without index entries, so that no
// reader finds them, and remembers the rest in the chunk's row.
func (u unit) Stage(ctx context.Context, s storage.Staged) error {
	if err := s.Check(); err != nil {
		return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
	}
	names := map[string]tables{}
	writes := map[string]storage.ModelWrites{}
	for model, w := range s.Models {
		t, err := u.f.known(ctx, model)
		if err != nil {
			return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
		}
		names[model], writes[model] = t, order.ByID(w)
	}
	models, err := stagedModels(writes, u.f.encoding())
	if err != nil {
		return fmt.Errorf("stage chunk %d: %w", s.Chunk.No, err)
	}
	if u.f.beside != nil {
		return u.f.beside.stage(ctx, s, models, writes)
	}
	infos := encodedInfos(models, writes, u.f.encoding())
	return u.f.do(ctx, "stage a chunk in", func(t *tx) error {
		j := jobs{t: t, store: u.f.identity.number}
		if done, err := j.chunk(s.Chunk); done || err != nil {
			return err
		}
		for _, m := range models {
			if err := t.stageRevisions(names[m.Name], infos[m.Name], writes[m.Name].Revisions, m.Entries); err != nil {
				return err
			}
		}
		return j.addChunk(s.Chunk.Claim.Job, s.Chunk.No, s.Outcome, staged.Rows.Append(nil, models))
	})
}

// stagedModels encodes the metas and index entries of a chunk, models by name.
// The rows of the entries are not known yet.
func stagedModels(models map[string]storage.ModelWrites, enc resource.Encoding) ([]staged.Model, error) {
	out := make([]staged.Model, 0, len(models))
	for _, name := range slices.Sorted(maps.Keys(models)) {
		w := models[name]
		m := staged.Model{Name: name, Blobs: w.Blobs}
		for _, meta := range w.Metas {
			if err := meta.Check(); err != nil {
				return nil, err
			}
			m.Metas = append(m.Metas, meta.Append(enc, nil))
		}
		for _, r := range w.Revisions {
			if err := r.Info.Check(); err != nil {
				return nil, err
			}
			m.Entries = append(m.Entries, staged.Entry{Key: r.Info.Key()})
		}
		out = append(out, m)
	}
	return out, nil
}

// encodedInfos encodes the infos of a chunk's revisions, by model. Others may
// write meanwhile.
func encodedInfos(models []staged.Model, writes map[string]storage.ModelWrites, enc resource.Encoding) map[string][][]byte {
	infos := make(map[string][][]byte, len(models))
	for _, m := range models {
		for _, r := range writes[m.Name].Revisions {
			infos[m.Name] = append(infos[m.Name], r.Info.Append(enc, nil))
		}
	}
	return infos
}

// stageRevisions stores revisions and notes their rows in the entries.
func (t *tx) stageRevisions(names tables, infos [][]byte, revisions []resource.Revision, entries []staged.Entry) error {
	w, err := newDataWriter(t, names)
	if err != nil {
		return err
	}
	for i := range revisions {
		if err := t.check(); err != nil {
			return err
		}
		if entries[i].Row, err = w.add(infos[i], revisions[i].Data); err != nil {
			return err
		}
	}
	return nil
}

// Unstage forgets what a job staged, with the rows of its staged chunks, and
// frees the revisions that nothing else needs. With the last chunk the plan goes.
func (u unit) Unstage(ctx context.Context, c storage.Claim) error {
	const doing = "forget staged chunks in"
	return u.f.apart(ctx, doing, func() error {
		err := u.f.do(ctx, doing, func(t *tx) error {
			j := jobs{t: t, store: u.f.identity.number}
			if may, err := j.mayUnstage(c); !may || err != nil {
				return err
			}
			return u.f.unstage(j, c.Job)
		})
		if err != nil || u.f.beside == nil {
			return err
		}
		return u.f.beside.recover(ctx)
	})
}

// mayUnstage reports whether what a job staged may be forgotten: by its worker, or once
// it has ended when the claim has no token.
func (j jobs) mayUnstage(c storage.Claim) (bool, error) {
	if c.Token != uuid.Nil {
		_, err := j.claimed(c)
		return err == nil, err
	}
	row, found, err := j.find(c.Job)
	return err == nil && (!found || row.State.Final()), err
}

// unstage is Unstage inside a transaction.
func (f *Factory) unstage(j jobs, job uuid.UUID) error {
	numbers, err := j.stagedChunks(job)
	if err != nil {
		return err
	}
	for _, no := range numbers {
		models, err := j.staged(job, no)
		if err != nil {
			return err
		}
		for _, m := range models {
			if err := f.freeStaged(j, m); err != nil {
				return err
			}
		}
	}
	_, err = j.t.exec(`DELETE FROM specstar_chunks WHERE store = ? AND job = ? AND staged IS NOT NULL`, j.store, job[:])
	if err != nil {
		return err
	}
	return j.unplan(job)
}

func (f *Factory) freeStaged(j jobs, m staged.Model) error {
	if f.beside != nil {
		return j.t.forget(m)
	}
	names, err := f.tables(j.t.ctx, m.Name)
	if err != nil {
		return err
	}
	for _, e := range m.Entries {
		if err := j.t.freeData(names, e.Row); err != nil {
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
func (j jobs) staged(job uuid.UUID, no int) ([]staged.Model, error) {
	b, err := j.stagedBytes(job, no)
	if err != nil {
		return nil, err
	}
	models, err := staged.Rows.Read(b)
	if err != nil {
		return nil, fmt.Errorf("chunk %d of job %s: %w", no, job, err)
	}
	return models, nil
}

// stagedBytes returns the remembered form of one chunk.
func (j jobs) stagedBytes(job uuid.UUID, no int) (b []byte, err error) {
	err = j.t.each(`SELECT staged FROM specstar_chunks WHERE store = ? AND job = ? AND no = ?`, []any{j.store, job[:], no},
		func(rows *sql.Rows) error { return rows.Scan(&b) })
	return b, err
}
