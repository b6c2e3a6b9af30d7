package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// stage is Stage where metas and revisions are outside: contents are put without an
// entry.
func (b *beside) stage(ctx context.Context, s storage.Staged, models []staged.Model, writes map[string]storage.ModelWrites) error {
	const doing = "stage a chunk in"
	return b.alone(ctx, doing, func() error {
		done, err := b.chunkDone(ctx, &s.Chunk)
		if done || err != nil {
			return err
		}
		for i := range models {
			if err == nil {
				err = b.stageModel(ctx, &models[i], writes[models[i].Name].Revisions)
			}
		}
		if err == nil {
			err = b.commit(ctx, doing, func(t *tx) error {
				j := b.jobs(t)
				if done, err := j.chunk(s.Chunk); done || err != nil {
					return errors.Join(err, errWhen(done, errRaced))
				}
				if err := t.dropPending(kindIntent); err != nil {
					return err
				}
				return j.addChunk(s.Chunk.Claim.Job, s.Chunk.No, s.Outcome, staged.Rows.Append(nil, models))
			})
		}
		if err != nil {
			return withUndone(err, b.forget(context.WithoutCancel(ctx)))
		}
		return nil
	})
}

func errWhen(is bool, err error) error {
	if is {
		return err
	}
	return nil
}

func (b *beside) stageModel(ctx context.Context, m *staged.Model, revisions []resource.Revision) error {
	w := b.stager(m.Name)
	if err := w.Put(ctx, revisions, func(resource.RevisionKey) bool { return true }); err != nil {
		return err
	}
	m.Entries = nil
	for _, e := range w.Claims() {
		m.Entries = append(m.Entries, staged.Entry{Key: e.Key, UID: e.UID})
	}
	return nil
}

// forget has the contents of a staged model removed when the transaction has committed,
// by whoever writes next: without them the chunk would still count as done.
func (t *tx) forget(m staged.Model) error {
	i := intent{Model: m.Name, UIDs: make([]string, len(m.Entries))}
	for n, e := range m.Entries {
		i.UIDs[n] = e.UID
	}
	return t.addPending(kindIntent, i)
}

// chunkStaged is a chunk that is staged.
type chunkStaged struct {
	no     int
	models []staged.Model
}

// stagedChunks returns what a job has staged, chunk after chunk.
func (b *beside) stagedChunks(ctx context.Context, job uuid.UUID) iter.Seq2[chunkStaged, error] {
	return func(yield func(chunkStaged, error) bool) {
		for after := -1; ; {
			var c chunkStaged
			found := false
			for chunk, err := range stream(ctx, b.f, b.f.reads, "read staged chunks in",
				`SELECT no, staged FROM specstar_chunks WHERE store = ? AND job = ? AND staged IS NOT NULL AND no > ? ORDER BY no LIMIT 1`,
				[]any{b.f.identity.number, job[:], after}, func(rows *sql.Rows) (chunk []byte, err error) { return chunk, rows.Scan(&c.no, &chunk) }) {
				if err == nil {
					c.models, err = staged.Rows.Read(chunk)
				}
				if err != nil {
					yield(c, fmt.Errorf("chunk %d of job %s: %w", c.no, job, err))
					return
				}
				found = true
			}
			if !found || !yield(c, nil) {
				return
			}
			after = c.no
		}
	}
}

// publish is Publish where metas and revisions are outside: when no staged resource is
// there, the ledger commits that the load is done, and then its chunks are brought to
// the files, each in a short transaction.
func (b *beside) publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	const doing = "publish a load in"
	return b.alone(ctx, doing, func() error {
		if err := b.f.do(ctx, doing, func(t *tx) error { _, err := b.jobs(t).claimed(c); return err }); err != nil {
			return err
		}
		blobs, err := b.duplicates(ctx, c.Job)
		if err != nil {
			return err
		}
		err = b.commit(ctx, doing, func(t *tx) error {
			j := b.jobs(t)
			if _, err := j.claimed(c); err != nil {
				return err
			}
			for _, model := range slices.Sorted(maps.Keys(blobs)) {
				if err := j.rememberBlobs(model, blobs[model]); err != nil {
					return err
				}
			}
			if err := t.addPending(kindPublish, c.Job); err != nil {
				return err
			}
			return j.finish(c, final, b.f.now())
		})
		if err != nil {
			return err
		}
		_ = b.bring(context.WithoutCancel(ctx), c.Job) // it is done: who reads or writes next brings the rest
		return nil
	})
}

// duplicates returns a *storage.DuplicateError when resources that are staged exist, or
// are staged twice; else the blobs that the models are to remember.
func (b *beside) duplicates(ctx context.Context, job uuid.UUID) (map[string][]string, error) {
	blobs := map[string][]string{}
	seen := map[storage.Ref]bool{}
	found := map[string][]resource.ID{}
	count := 0
	for c, err := range b.stagedChunks(ctx, job) {
		if err != nil {
			return nil, err
		}
		for _, m := range c.models {
			blobs[m.Name] = append(blobs[m.Name], m.Blobs...)
			metas, err := b.modelMetas(ctx, m.Name)
			if err != nil {
				return nil, err
			}
			_, ids, err := metasByID(m)
			if err != nil {
				return nil, err
			}
			stored, err := metas.Find(ctx, ids)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				r := storage.Ref{Model: m.Name, ID: id}
				if _, there := stored[id]; there || seen[r] {
					found[m.Name] = append(found[m.Name], id)
					count++
				}
				seen[r] = true
			}
		}
	}
	for _, model := range slices.Sorted(maps.Keys(found)) {
		ids := found[model]
		slices.Sort(ids)
		return nil, &storage.DuplicateError{Model: model, IDs: ids[:min(storage.MaxDuplicateIDs, len(ids))], Count: count}
	}
	return blobs, nil
}
