package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// pendingTable has what a write over several files is about to do, or has committed
// and not done yet. Whoever writes next finishes it:
//
//   - intent: contents and entries that are being made for a unit of work that has not
//     committed, or contents of chunks that are staged no more. They are removed.
//   - unit: the effects of a unit of work that has committed, with its jobs, in the
//     transaction that wrote the row. They are brought to the files.
//   - publish: a load that has committed; its staged chunks are brought to the files.
const pendingTable = `CREATE TABLE IF NOT EXISTS specstar_pending (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL) STRICT`

const (
	kindIntent  = "intent"
	kindUnit    = "unit"
	kindPublish = "publish"
)

// metaChange replaces one meta.
type metaChange struct {
	ID resource.ID
	// Old are the bytes that are replaced, nil for none; New those that are there
	// afterwards.
	Old, New []byte
}

// effect is what a unit of work does to the files of one model.
type effect struct {
	Model  string
	Metas  []metaChange
	Points []storage.Entry
	Purged outer.Purged
}

// intent is what is being made for one model: the uids are of contents that were not
// there before.
type intent struct {
	Model   string
	Entries []storage.Entry
	UIDs    []string
}

// note runs a transaction that a crash of the machine may undo: what it says is of no
// use then.
func (b *beside) note(ctx context.Context, doing string, fn func(*tx) error) error {
	return b.f.write.run(ctx, doing, fn, `PRAGMA synchronous = normal`)
}

// commit runs a transaction that is on the disk when it returns.
func (b *beside) commit(ctx context.Context, doing string, fn func(*tx) error) error {
	return b.f.write.run(ctx, doing, fn, `PRAGMA synchronous = full`)
}

// addPending adds a row.
func (t *tx) addPending(kind string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO specstar_pending (kind, body) VALUES (?, ?)`, kind, body)
	return err
}

// dropPending removes the rows of a kind.
func (t *tx) dropPending(kind string) error {
	_, err := t.exec(`DELETE FROM specstar_pending WHERE kind = ?`, kind)
	return err
}

// intend notes contents that are about to be put.
func (b *beside) intend(ctx context.Context, model string, entries []storage.Entry) error {
	uids := make([]string, len(entries))
	for i, e := range entries {
		uids[i] = e.UID
	}
	infos, err := b.medium.Model(model).Infos(ctx, uids)
	if err != nil {
		return err
	}
	i := intent{Model: model}
	for n, info := range infos {
		if info == nil {
			i.Entries, i.UIDs = append(i.Entries, entries[n]), append(i.UIDs, uids[n])
		}
	}
	if len(i.UIDs) == 0 {
		return nil
	}
	return b.note(ctx, "prepare a write in", func(t *tx) error { return t.addPending(kindIntent, i) })
}

// cleanUp finishes what a process left undone that died, unless somebody writes now.
func (b *beside) cleanUp(ctx context.Context) error {
	rows, err := b.pending(ctx)
	if len(rows) == 0 || err != nil {
		return err
	}
	_, err = b.aloneIf(ctx, "finish a write in", false, func() error { return nil })
	return err
}

// pendingRow is a row of what is undone.
type pendingRow struct {
	kind string
	body []byte
}

func (b *beside) pending(ctx context.Context) (rows []pendingRow, err error) {
	for r, err := range stream(ctx, b.f, b.f.reads, "read", `SELECT kind, body FROM specstar_pending ORDER BY number`, nil,
		func(rows *sql.Rows) (r pendingRow, err error) { return r, rows.Scan(&r.kind, &r.body) }) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// recover finishes what is undone. Nobody else writes.
func (b *beside) recover(ctx context.Context) error {
	rows, err := b.pending(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		switch r.kind {
		case kindIntent:
			var i intent
			if err = json.Unmarshal(r.body, &i); err == nil {
				err = b.takeBack(ctx, i)
			}
		case kindUnit:
			var effects []effect
			if err = json.Unmarshal(r.body, &effects); err == nil {
				err = b.apply(ctx, effects)
			}
		case kindPublish:
			var job uuid.UUID
			if err = json.Unmarshal(r.body, &job); err == nil {
				err = b.bring(ctx, job)
			}
		default:
			err = fmt.Errorf("it holds a write of a kind that this program does not know, %q: use a newer program", r.kind)
		}
		if err != nil {
			return fmt.Errorf("finish a write that was cut in %s: %w", b.f.dir, err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return b.note(ctx, "finish a write in", func(t *tx) error {
		_, err := t.exec(`DELETE FROM specstar_pending`)
		return err
	})
}

// takeBack removes what was made for a unit of work that did not commit.
func (b *beside) takeBack(ctx context.Context, i intent) error {
	m := b.medium.Model(i.Model)
	if err := outer.RemoveEntries(ctx, m, i.Entries); err != nil {
		return err
	}
	return m.RemoveContents(ctx, i.UIDs)
}

// apply brings effects to the files. What another program has changed since they were
// committed is left to it.
func (b *beside) apply(ctx context.Context, effects []effect) error {
	for _, e := range effects {
		file, err := b.openFile(ctx, e.Model, true)
		if err != nil {
			return err
		}
		t, err := file.lock(ctx)
		if err != nil {
			return err
		}
		err = b.applyLocked(t, &e)
		if err = file.finish(t, err); err == nil {
			err = e.Purged.Remove(ctx, b.medium.Model(e.Model))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finish commits unless there was an error.
func (m *metaFile) finish(t *tx, err error) error {
	if ended := m.end(t, err == nil); err == nil {
		err = ended
	}
	return err
}

func (b *beside) applyLocked(t *tx, e *effect) error {
	ids := make([]resource.ID, len(e.Metas))
	for i, c := range e.Metas {
		ids[i] = c.ID
	}
	stored, err := t.stored(ids)
	if err != nil {
		return err
	}
	done := map[resource.ID]bool{} // what is as it should be, or another's
	for _, c := range e.Metas {
		now, there := stored[c.ID]
		done[c.ID] = there != (c.Old != nil) || !bytes.Equal(now, c.Old)
	}
	metas := slices.DeleteFunc(slices.Clone(e.Metas), func(c metaChange) bool { return done[c.ID] })
	points := slices.DeleteFunc(slices.Clone(e.Points), func(p storage.Entry) bool { return done[p.Key.Resource] })
	if err := t.setFile(metas); err != nil {
		return err
	}
	if len(points) == 0 {
		return nil
	}
	return b.medium.Model(e.Model).Point(t.ctx, points)
}

// bring makes the chunks visible that a job has staged: of those resources that are
// not there.
func (b *beside) bring(ctx context.Context, job uuid.UUID) error {
	for c, err := range b.stagedChunks(ctx, job) {
		if err != nil {
			return err
		}
		for _, m := range c.models {
			if err := b.bringModel(ctx, m); err != nil {
				return fmt.Errorf("chunk %d of job %s: %w", c.no, job, err)
			}
		}
	}
	return b.note(ctx, "publish a load in", func(t *tx) error {
		_, err := t.exec(`UPDATE specstar_chunks SET staged = NULL WHERE store = ? AND job = ? AND staged IS NOT NULL`, b.f.identity.number, job[:])
		if err != nil {
			return err
		}
		return t.dropPending(kindPublish)
	})
}

func (b *beside) bringModel(ctx context.Context, m stagedModel) error {
	file, err := b.openFile(ctx, m.model, true)
	if err != nil {
		return err
	}
	fresh, entries, err := b.fresh(ctx, file, m)
	if err != nil {
		return err
	}
	if err := outer.Publish(ctx, b.medium.Model(m.model), entries); err != nil {
		return err
	}
	t, err := file.lock(ctx)
	if err != nil {
		return err
	}
	stored, err := t.stored(slices.Collect(maps.Keys(fresh)))
	var metas []metaChange
	for _, id := range slices.Sorted(maps.Keys(fresh)) {
		if _, there := stored[id]; !there {
			metas = append(metas, metaChange{ID: id, New: fresh[id]})
		}
	}
	if err == nil {
		err = t.setFile(metas)
	}
	return file.finish(t, err)
}

// fresh returns the staged metas of resources that are not there, and the entries of
// all but those that are.
func (b *beside) fresh(ctx context.Context, file *metaFile, m stagedModel) (map[resource.ID][]byte, []storage.Entry, error) {
	fresh, ids, err := m.byID()
	if err != nil {
		return nil, nil, err
	}
	stored, err := fileReader{b: b, q: file.reads, model: m.model}.storedIn(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var entries []storage.Entry
	for _, e := range m.entries {
		if _, there := stored[e.key.Resource]; !there {
			entries = append(entries, storage.Entry{Key: e.key, UID: e.uid})
		}
	}
	for id := range stored {
		delete(fresh, id)
	}
	return fresh, entries, nil
}

// byID returns the staged metas by id, and their ids.
func (m stagedModel) byID() (map[resource.ID][]byte, []resource.ID, error) {
	metas, ids := make(map[resource.ID][]byte, len(m.metas)), make([]resource.ID, len(m.metas))
	for i, data := range m.metas {
		meta, err := decodeMeta(data)
		if err != nil {
			return nil, nil, fmt.Errorf("model %s: staged meta: %w", m.model, err)
		}
		metas[meta.ResourceID], ids[i] = data, meta.ResourceID
	}
	return metas, ids, nil
}
