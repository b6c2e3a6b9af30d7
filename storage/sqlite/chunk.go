package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// chunk reports whether a chunk is done; storage.ErrFenced when it may not be.
func (j jobs) chunk(c storage.ChunkRef) (done bool, err error) {
	if len(c.Plan) == 0 {
		_, err = j.claimed(c.Claim)
	} else {
		err = j.mayDo(c)
	}
	if err != nil {
		return false, err
	}
	return j.chunkDone(c.Claim.Job, c.No)
}

// mayDo looks whether a chunk may be done by its plan. Nothing comes between that and
// the commit: the file has one writer.
func (j jobs) mayDo(c storage.ChunkRef) error {
	row, found, err := j.find(c.Claim.Job)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("job %s: %w", c.Claim.Job, storage.ErrFenced)
	}
	var has storage.Plan
	if has.Digest, err = j.planDigest(c.Claim.Job); err != nil {
		return err
	}
	return row.MayDo(c.Plan, has)
}

// chunkDone reports whether a chunk's row is there.
func (j jobs) chunkDone(job uuid.UUID, no int) (done bool, err error) {
	err = j.t.each(`SELECT 1 FROM specstar_chunks WHERE store = ? AND job = ? AND no = ?`, []any{j.store, job[:], no},
		func(*sql.Rows) error { done = true; return nil })
	return done, err
}

// addChunk inserts the row of a chunk; staged is nil for one that has taken effect.
func (j jobs) addChunk(job uuid.UUID, no int, outcome, staged []byte) error {
	_, err := j.t.exec(`INSERT INTO specstar_chunks (store, job, no, outcome, staged) VALUES (?, ?, ?, ?, ?)`,
		j.store, job[:], no, bytesOrNull(outcome), bytesOrNull(staged))
	return err
}

// Chunks returns the chunks of a job that are done, by number.
func (l ledger) Chunks(ctx context.Context, job uuid.UUID) ([]storage.Chunk, error) {
	var chunks []storage.Chunk
	for c, err := range stream(ctx, l.f, l.f.reads, "read chunks in", `SELECT no, outcome FROM specstar_chunks WHERE store = ? AND job = ? ORDER BY no`,
		[]any{l.f.identity.number, job[:]}, func(rows *sql.Rows) (c storage.Chunk, err error) { return c, rows.Scan(&c.No, &c.Outcome) }) {
		if err != nil {
			return nil, err
		}
		chunks = append(chunks, c)
	}
	return chunks, nil
}

// countChunks reads no rows: numbers are in the key.
const countChunks = `SELECT count(*) FROM specstar_chunks WHERE store = ? AND job = ?`

// CountChunks returns how many chunks of a job are done.
func (l ledger) CountChunks(ctx context.Context, job uuid.UUID) (n int, err error) {
	for n, err = range stream(ctx, l.f, l.f.reads, "count chunks in", countChunks, []any{l.f.identity.number, job[:]},
		func(rows *sql.Rows) (n int, err error) { return n, rows.Scan(&n) }) {
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}
