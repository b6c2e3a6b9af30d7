package postgres

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// planned selects the job of a chunk that is done by a plan, while it may be: $1 is the
// store, $2 the job, $3 the chunk's number and $4 the plan's digest. It takes no lock,
// which all chunks of the job would wait for. So the chunk is looked at once more by the
// statement that writes its row, the last but the commit. The sum keeps the planner to the
// ids, as in findEnded.
const planned = ` FROM specstar_jobs AS j, specstar_plans AS p
	WHERE j.store + 0 = $1::integer AND j.id = $2 AND j.state IN ('queued', 'running') AND NOT j.cancel
		AND p.store = $1 AND p.job = $2 AND p.digest = $4`

const (
	lookAtChunk = `SELECT EXISTS (SELECT FROM specstar_chunks WHERE store = $1 AND job = $2 AND no = $3)` + planned
	addPlanned  = `INSERT INTO specstar_chunks (store, job, no, outcome, staged) SELECT $1::integer, $2::uuid, $3::integer, $5::bytea, $6::bytea` + planned
)

// chunk reports whether a chunk is done; storage.ErrFenced when it may not be.
func (j jobs) chunk(c storage.ChunkRef) (done bool, err error) {
	if len(c.Plan) == 0 {
		if err := j.claimed(c.Claim); err != nil {
			return false, err
		}
		return j.chunkDone(c.Claim.Job, c.No)
	}
	may := false
	err = j.t.each(lookAtChunk, []any{j.store(), [16]byte(c.Claim.Job), c.No, c.Plan}, func(rows pgx.Rows) error {
		may = true
		return rows.Scan(&done)
	})
	if err == nil && !may {
		err = noChunk(c)
	}
	return done, err
}

// noChunk is the error of a chunk whose plan does not hold.
func noChunk(c storage.ChunkRef) error {
	return fmt.Errorf("chunk %d of job %s: %w", c.No, c.Claim.Job, storage.ErrFenced)
}

// chunkDone reports whether a chunk's row is there.
func (j jobs) chunkDone(job uuid.UUID, no int) (done bool, err error) {
	err = j.t.each(`SELECT FROM specstar_chunks WHERE store = $1 AND job = $2 AND no = $3`, []any{j.store(), [16]byte(job), no},
		func(pgx.Rows) error { done = true; return nil })
	return done, err
}

// addChunk inserts the row of a chunk, while it may be done; staged is nil for one that
// has taken effect. It is called last, see hold. final ends the job, nil does not.
func (j jobs) addChunk(c storage.ChunkRef, outcome, staged []byte, final *storage.Final) error {
	if len(c.Plan) > 0 {
		n, err := j.t.exec(addPlanned, j.store(), [16]byte(c.Claim.Job), c.No, c.Plan, bytesOrNull(outcome), bytesOrNull(staged))
		if err == nil && n == 0 {
			err = noChunk(c)
		}
		return err
	}
	_, err := j.t.exec(`INSERT INTO specstar_chunks (store, job, no, outcome, staged) VALUES ($1, $2, $3, $4, $5)`,
		j.store(), [16]byte(c.Claim.Job), c.No, bytesOrNull(outcome), bytesOrNull(staged))
	switch {
	case err != nil:
		return err
	case final != nil:
		return j.finish(c.Claim, *final)
	}
	return j.hold(c.Claim)
}
