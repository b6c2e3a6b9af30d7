package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// garbage is what garbage collection needs of all stores of the file, which
// share its blobs.
type garbage struct{ f *Factory }

var _ storage.Garbage = garbage{}

// modelTables are the tables of one model of any store of the file.
type modelTables struct {
	store int64
	tables
}

// allTables returns the tables of every model of the file.
func (g garbage) allTables(ctx context.Context, q queryer) ([]modelTables, error) {
	var all []modelTables
	for m, err := range stream(ctx, g.f, q, "list models of", `SELECT store, name, table_name FROM specstar_models ORDER BY store, name`, nil,
		func(rows *sql.Rows) (m modelTables, err error) {
			var model, base string
			err = rows.Scan(&m.store, &model, &base)
			m.tables = tablesNamed(model, base)
			return m, err
		}) {
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// Payloads returns every row of the data tables, whether the index leads to it or not.
func (g garbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	if g.f.beside != nil {
		return g.f.beside.payloads(ctx)
	}
	return func(yield func(storage.Payload, error) bool) {
		all, err := g.allTables(ctx, g.f.reads)
		if err != nil {
			yield(storage.Payload{}, err)
			return
		}
		for _, m := range all {
			if !g.payloads(ctx, m.tables, yield) {
				return
			}
		}
	}
}

// payloads yields the payloads of one model and reports whether to go on.
func (g garbage) payloads(ctx context.Context, t tables, yield func(storage.Payload, error) bool) bool {
	scan := func(rows *sql.Rows) (storage.Payload, error) {
		var row int64
		var info, data sql.RawBytes
		if err := rows.Scan(&row, &info, &data); err != nil {
			return storage.Payload{}, err
		}
		p := storage.Payload{Model: t.model, Name: fmt.Sprintf("row %d of %s", row, t.data), Data: data}
		if i, ok := g.decodeInfo(info); ok {
			p.Name, p.Resource = string(i.RevisionID), i.ResourceID
		}
		return p, nil
	}
	for p, err := range stream(ctx, g.f, g.f.reads, "read payloads of model "+t.model+" in", `SELECT id, info, data FROM `+t.data, nil, scan) {
		if !yield(p, err) || err != nil {
			return false
		}
	}
	return true
}

// decodeInfo decodes an info of any store of the file: they may differ in their
// encoding. A damaged one names nothing, which is no reason to stop.
func (g garbage) decodeInfo(b []byte) (resource.RevisionInfo, bool) {
	for _, e := range []resource.Encoding{g.f.encoding(), resource.Msgpack, resource.JSON} {
		if i, err := resource.DecodeRevisionInfo(e, b); err == nil {
			return i, true
		}
	}
	return resource.RevisionInfo{}, false
}

// Unfinished returns the jobs of all stores of the file that are not done.
func (g garbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return ledger(g).read(ctx, `SELECT `+jobColumns+` FROM specstar_jobs WHERE state <> 'done'`)
}

// Condemn writes blobs down that are about to be removed, with the models that
// remember them, and makes these forget.
func (g garbage) Condemn(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs,
		`INSERT INTO specstar_garbage (file_id, store, model) SELECT value, 0, '' FROM json_each(?) WHERE true ON CONFLICT DO NOTHING`,
		`INSERT INTO specstar_garbage (file_id, store, model) SELECT b.file_id, b.store, b.model FROM `+rememberedBy+` WHERE true ON CONFLICT DO NOTHING`,
		`DELETE FROM specstar_model_blobs WHERE (store, model, file_id) IN (SELECT b.store, b.model, b.file_id FROM `+rememberedBy+`)`)
}

// rememberedBy joins a JSON array of blobs with the models that remember them.
const rememberedBy = `json_each(?) AS j CROSS JOIN specstar_models AS m
	CROSS JOIN specstar_model_blobs AS b ON b.store = m.store AND b.model = m.name AND b.file_id = j.value`

// Acquit gives condemned blobs back to the models that remembered them.
func (g garbage) Acquit(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs,
		`INSERT INTO specstar_model_blobs (store, model, file_id) SELECT g.store, g.model, g.file_id
			FROM specstar_garbage AS g WHERE g.file_id IN (SELECT value FROM json_each(?)) AND g.model <> '' ON CONFLICT DO NOTHING`,
		forgetCondemned)
}

const forgetCondemned = `DELETE FROM specstar_garbage WHERE file_id IN (SELECT value FROM json_each(?))`

// Forget takes blobs off the list that were removed.
func (g garbage) Forget(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs, forgetCondemned)
}

// change runs statements over the blobs in one transaction.
func (g garbage) change(ctx context.Context, fileIDs []string, statements ...string) error {
	if len(fileIDs) == 0 {
		return nil
	}
	return g.f.do(ctx, "collect garbage in", func(t *tx) error {
		for _, s := range statements {
			if _, err := t.exec(s, jsonIDs(fileIDs)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Condemned returns the blobs that are written down, by ascending id. A file of
// the first layout has no place for them.
func (g garbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	if g.f.layout < 2 {
		return func(func(string, error) bool) {}
	}
	return stream(ctx, g.f, g.f.reads, "list condemned blobs of", `SELECT DISTINCT file_id FROM specstar_garbage ORDER BY file_id`, nil,
		func(rows *sql.Rows) (string, error) {
			var id string
			return id, rows.Scan(&id)
		})
}
