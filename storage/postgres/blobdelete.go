package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// Delete removes a blob; an absent one is no error.
func (b blobs) Delete(ctx context.Context, fileID string) error {
	const doing = "delete a blob of"
	if checkBlobID(fileID) != nil {
		return b.writable(doing)
	}
	return b.f.write(ctx, doing, func(t *tx) error {
		row, err := t.blobRow(`DELETE FROM specstar_blobs WHERE store = $1 AND file_id = $2 RETURNING `+blobColumns, b.f.identity.number, fileID)
		if err != nil || row.info.FileID == "" {
			return err
		}
		return t.deleteParts(row.content) // a statement of its own, which sees parts that a Put has just replaced
	})
}

// DeleteOld removes those blobs that were last put or touched before a time, in one
// transaction. It locks the rows first: who puts or touches one of them waits and then
// finds none, or has come before and made it new.
func (b blobs) DeleteOld(ctx context.Context, fileIDs []string, before time.Time) (gone []bool, err error) {
	err = b.f.write(ctx, "delete old blobs of", func(t *tx) error {
		kept, err := t.deleteOldBlobs(fileIDs, before)
		gone = make([]bool, len(fileIDs))
		for i, id := range fileIDs {
			gone[i] = !kept[id]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

// deleteOldBlobs returns which of the blobs are too new.
func (t *tx) deleteOldBlobs(fileIDs []string, before time.Time) (kept map[string]bool, err error) {
	var usable []string
	for _, id := range fileIDs {
		if checkBlobID(id) == nil {
			usable = append(usable, id)
		}
	}
	if len(usable) == 0 {
		return nil, nil
	}
	kept = map[string]bool{}
	var old []string
	var contents []uuid.UUID
	err = t.each(`SELECT file_id, content, touched < $3 FROM specstar_blobs WHERE store = $1 AND file_id = ANY($2) ORDER BY file_id FOR UPDATE`,
		[]any{t.f.identity.number, usable, before}, func(rows pgx.Rows) error {
			var id string
			var content [16]byte
			var isOld bool
			if err := rows.Scan(&id, &content, &isOld); err != nil {
				return err
			}
			if isOld {
				old, contents = append(old, id), append(contents, content)
			} else {
				kept[id] = true
			}
			return nil
		})
	if err != nil || len(old) == 0 {
		return kept, err
	}
	if _, err := t.exec(`DELETE FROM specstar_blobs WHERE store = $1 AND file_id = ANY($2)`, t.f.identity.number, old); err != nil {
		return nil, err
	}
	return kept, t.deleteParts(contents...)
}

// lostParts are parts that no blob names. A Put writes both in one transaction, so
// only damage leaves such, and none of them is ever named again.
const lostParts = `FROM specstar_blob_parts AS p WHERE p.store = $1 AND p.made < $2
	AND NOT EXISTS (SELECT FROM specstar_blobs AS b WHERE b.store = p.store AND b.content = p.content)`

// Sweep counts, and with remove also removes, contents that no blob names and that
// were written before a time.
func (b blobs) Sweep(ctx context.Context, before time.Time, remove bool) (storage.Tally, error) {
	const doing = "look for lost contents of blobs in"
	if remove {
		if err := b.writable("clean up blobs in"); err != nil {
			return storage.Tally{}, err
		}
	}
	var found storage.Tally
	for t, err := range queryBlobs(ctx, b, doing, `SELECT count(DISTINCT p.content), coalesce(sum(octet_length(p.data)), 0)::bigint `+lostParts, func(rows pgx.Rows) (t storage.Tally, err error) {
		return t, rows.Scan(&t.Count, &t.Bytes)
	}, before) {
		if err != nil {
			return storage.Tally{}, err
		}
		found = t
	}
	for remove && found.Count > 0 {
		n, err := b.sweepSome(ctx, before)
		if err != nil || n == 0 {
			return found, err
		}
	}
	return found, nil
}

// sweepSome removes some lost contents and returns how many.
func (b blobs) sweepSome(ctx context.Context, before time.Time) (int, error) {
	lost, err := collect(ctx, b.f, pooled{b.f}, "look for lost contents of blobs in", `SELECT DISTINCT p.content `+lostParts+` LIMIT $3`,
		[]any{b.f.identity.number, before, sweepBatch}, func(rows pgx.Rows) (id uuid.UUID, err error) { return id, rows.Scan((*[16]byte)(&id)) })
	if err != nil || len(lost) == 0 {
		return 0, err
	}
	return len(lost), b.f.write(ctx, "clean up blobs in", func(t *tx) error { return t.deleteParts(lost...) })
}

// sweepBatch is how many rows or resources one transaction of a sweep removes.
const sweepBatch = 500
