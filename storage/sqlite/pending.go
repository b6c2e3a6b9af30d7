package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"

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

// effect is what a unit of work does to the files of one model.
type effect struct {
	Model  string
	Metas  []storage.MetaChange
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
