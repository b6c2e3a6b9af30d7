package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// garbage is what garbage collection needs of the store, which has blobs of its own.
type garbage struct{ f *Factory }

var _ storage.Garbage = garbage{}

// everyModel returns the tables of every model of the store: also of those that the
// original has made meanwhile.
func (g garbage) everyModel(ctx context.Context) ([]tables, error) {
	known, err := g.f.registered(ctx)
	if err != nil {
		return nil, err
	}
	found, err := g.f.discover(ctx)
	if err != nil {
		return nil, err
	}
	var all []tables
	for _, m := range slices.Concat(known, found) {
		all = append(all, tablesNamed(m.Name, m.base))
	}
	return all, nil
}

// Payloads returns every row of the data tables, or every content of the medium,
// whether a key leads to it or not.
func (g garbage) Payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	if g.f.medium != nil {
		return g.outerPayloads(ctx)
	}
	return func(yield func(storage.Payload, error) bool) {
		all, err := g.everyModel(ctx)
		if err != nil {
			yield(storage.Payload{}, err)
			return
		}
		for _, t := range all {
			for p, err := range g.payloads(ctx, t) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

// payloads returns the payloads of one model.
func (g garbage) payloads(ctx context.Context, t tables) iter.Seq2[storage.Payload, error] {
	return stream(ctx, g.f, pooled{g.f}, "read payloads of model "+t.model+" in", `SELECT uid, info, data FROM `+t.data+` WHERE info <> ''`, nil, func(rows pgx.Rows) (storage.Payload, error) {
		var uid string
		var info, data pgtype.DriverBytes
		if err := rows.Scan(&uid, &info, &data); err != nil {
			return storage.Payload{}, err
		}
		return payloadOf(t.model, uid, info, data), nil
	})
}

// payloadOf describes a payload. A damaged info names nothing, which is no reason to
// stop.
func payloadOf(model, uid string, info, data []byte) storage.Payload {
	p := storage.Payload{Model: model, Name: fmt.Sprintf("content %s", uid), Data: data}
	if i, err := decodeInfo(info); err == nil {
		p.Name, p.Resource = string(i.RevisionID), i.ResourceID
	}
	return p
}

// Unfinished returns the jobs that are not done.
func (g garbage) Unfinished(ctx context.Context) iter.Seq2[storage.Job, error] {
	return ledger(g).read(ctx, `SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND state <> 'done'`, g.f.identity.number)
}

// Condemn writes blobs down that are about to be removed, with the models that
// remember them, and makes these forget.
func (g garbage) Condemn(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs,
		`INSERT INTO specstar_garbage (store, file_id, model) SELECT $1, id, '' FROM unnest($2::text[]) AS id ON CONFLICT DO NOTHING`,
		`WITH forgotten AS (
			DELETE FROM specstar_model_blobs AS b USING specstar_models AS m, unnest($2::text[]) AS id
			WHERE m.store = $1 AND b.store = $1 AND b.model = m.name AND b.file_id = id RETURNING b.model, b.file_id
		) INSERT INTO specstar_garbage (store, file_id, model) SELECT $1, file_id, model FROM forgotten ON CONFLICT DO NOTHING`)
}

// Acquit gives condemned blobs back to the models that remembered them.
func (g garbage) Acquit(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs,
		`INSERT INTO specstar_model_blobs (store, model, file_id) SELECT store, model, file_id
			FROM specstar_garbage WHERE store = $1 AND file_id = ANY($2) AND model <> '' ORDER BY model, file_id ON CONFLICT DO NOTHING`,
		forgetCondemned)
}

const forgetCondemned = `DELETE FROM specstar_garbage WHERE store = $1 AND file_id = ANY($2)`

// Forget takes blobs off the list that were removed.
func (g garbage) Forget(ctx context.Context, fileIDs []string) error {
	return g.change(ctx, fileIDs, forgetCondemned)
}

// change runs statements over the blobs, sorted, in one transaction.
func (g garbage) change(ctx context.Context, fileIDs []string, statements ...string) error {
	if len(fileIDs) == 0 {
		return nil
	}
	ids := slices.Clone(fileIDs)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return g.f.write(ctx, "collect garbage in", func(t *tx) error {
		for _, s := range statements {
			if _, err := t.exec(s, g.f.identity.number, ids); err != nil {
				return err
			}
		}
		return nil
	})
}

// Condemned returns the blobs that are written down, by ascending id.
func (g garbage) Condemned(ctx context.Context) iter.Seq2[string, error] {
	return queryBlobs(ctx, blobs(g), "list condemned blobs of", `SELECT DISTINCT file_id FROM specstar_garbage WHERE store = $1 ORDER BY file_id`, scanText[string])
}
