package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// jobs reads and writes job rows inside a transaction.
type jobs struct{ t *tx }

// store is the number of the store, the first key of every row.
func (j jobs) store() int32 { return j.t.f.identity.number }

// now is the time of the server: the only clock of leases.
func (j jobs) now() (now time.Time, err error) {
	err = j.t.conn.QueryRow(j.t.ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now.UTC(), err
}

// Statements over many jobs: $1 is the store and $2 the ids. The sum keeps the
// planner from reading all jobs of a store by one of its indexes: a table without
// statistics looks small, and the plan outlives that.
const (
	findEnded = `SELECT id FROM specstar_jobs WHERE store + 0 = $1::integer AND id = ANY($2::uuid[]) AND state NOT IN ('queued', 'running')`
	lockJobs  = `SELECT FROM specstar_jobs WHERE store + 0 = $1::integer AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE`
)

// endedJobs returns those of the jobs that have ended. It takes no locks.
func (f *Factory) endedJobs(ctx context.Context, q queryer, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	ended := map[uuid.UUID]bool{}
	if len(ids) == 0 {
		return ended, nil
	}
	keys := make([][16]byte, len(ids))
	for i, id := range ids {
		keys[i] = id
	}
	_, err := scanRows(ctx, q, findEnded, []any{f.identity.number, keys}, func(rows pgx.Rows) (id pgtype.UUID, err error) {
		return id, rows.Scan(&id)
	}, func(id pgtype.UUID) bool {
		ended[id.Bytes] = true
		return true
	})
	return ended, err
}

// settleJobs inserts final rows, or ends those that are there and keeps what is
// known of their submission; one that has ended stays.
var settleJobs = insertJobs(endedColumns, nil, map[string]string{"created": serverTime, "finished": serverTime}, sameJob+`DO UPDATE SET
	state = excluded.state,
	attempt = greatest(j.attempt, excluded.attempt, CASE WHEN j.started IS NULL THEN 0 ELSE 1 END),
	done = CASE WHEN excluded.total > 0 THEN excluded.done ELSE j.done END,
	total = CASE WHEN excluded.total > 0 THEN excluded.total ELSE j.total END,
	envelope = coalesce(j.envelope, excluded.envelope), outcome = excluded.outcome,
	error_code = excluded.error_code, error_message = excluded.error_message,
	finished = excluded.finished, lease_until = NULL, token = NULL, origin = coalesce(j.origin, excluded.origin)
	WHERE j.state IN ('queued', 'running')`)

// settle writes the final rows of jobs in one statement, sorted by id, and returns
// how many were written: a job that had ended keeps its row. One that is listed
// again counts with the first.
func (j jobs) settle(list []storage.Job) (int, error) {
	if len(list) == 0 {
		return 0, nil
	}
	rows := inOrder(list)
	for i := range rows {
		rows[i].LeaseUntil = time.Time{}
	}
	n, err := j.t.execBinary(settleJobs, jobParams(endedColumns, j.store(), rows)...)
	return int(n) + len(list) - len(rows), err
}

// holding selects the row of a job whose claim still holds: $1 is the store, $2 the
// job and $3 the token, which is never NULL.
const holding = `store = $1 AND id = $2 AND state = 'running' AND token = $3`

// holds returns the parameters of holding, and others behind them.
func (j jobs) holds(c storage.Claim, more ...any) []any {
	return append([]any{j.store(), [16]byte(c.Job), idOrNull(c.Token)}, more...)
}

// fenced is the error of a claim that does not hold.
func fenced(c storage.Claim) error { return fmt.Errorf("job %s: %w", c.Job, storage.ErrFenced) }

// claimed reports with storage.ErrFenced that a claim does not hold. It takes no
// locks: hold decides.
func (j jobs) claimed(c storage.Claim) error {
	return j.find(c, `SELECT FROM specstar_jobs WHERE `+holding)
}

// hold is claimed with the row locked for share until the transaction ends, so that
// nobody takes the claim before it. It is called last: the heartbeat waits for it.
func (j jobs) hold(c storage.Claim) error {
	return j.find(c, `SELECT FROM specstar_jobs WHERE `+holding+` FOR SHARE`)
}

func (j jobs) find(c storage.Claim, query string) error {
	found := false
	err := j.t.each(query, j.holds(c), func(pgx.Rows) error { found = true; return nil })
	if err == nil && !found {
		err = fenced(c)
	}
	return err
}

// finish ends a claimed job; storage.ErrFenced when the claim is lost. The rules are
// those of storage.Job.End.
func (j jobs) finish(c storage.Claim, f storage.Final) error {
	n, err := j.t.exec(`UPDATE specstar_jobs SET state = $4, outcome = $5, error_code = $6, error_message = $7, finished = clock_timestamp(),
		attempt = CASE WHEN started IS NULL THEN attempt ELSE greatest(attempt, 1) END,
		done = CASE WHEN $8 THEN $9 ELSE done END, total = CASE WHEN $8 THEN $10 ELSE total END,
		lease_until = NULL, token = NULL WHERE `+holding,
		j.holds(c, string(f.State), bytesOrNull(f.Outcome), clean(f.ErrorCode), clean(f.ErrorMessage),
			f.Progress != (storage.Progress{}), f.Progress.Done, f.Progress.Total)...)
	if err == nil && n == 0 {
		err = fenced(c)
	}
	return err
}

// lock locks the rows of jobs, sorted by id, for what changes several at once.
func (j jobs) lock(ids []uuid.UUID) error {
	_, err := j.t.eachBinary(lockJobs, [][]byte{storeParam(j.store()), idArray(ids)}, func([][]byte) {})
	return err
}

// get locks the row of a job; storage.ErrNotFound.
func (j jobs) get(id uuid.UUID) (job storage.Job, err error) {
	found := false
	err = j.t.each(`SELECT `+jobNames+` FROM specstar_jobs WHERE store = $1 AND id = $2 FOR UPDATE`, []any{j.store(), [16]byte(id)},
		func(rows pgx.Rows) (err error) {
			found = true
			job, err = scanJob(rows)
			return err
		})
	if err == nil && !found {
		err = fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
	}
	return job, err
}

// remove forgets ended jobs, which are locked, with their chunks and plans and returns
// how many there were.
func (j jobs) remove(ids []uuid.UUID) (int64, error) {
	params := [][]byte{storeParam(j.store()), idArray(ids)}
	for _, table := range []string{"specstar_chunks", "specstar_plans"} {
		if _, err := j.t.execBinary(`DELETE FROM `+table+` WHERE store = $1::integer AND job = ANY($2::uuid[])`, params...); err != nil {
			return 0, err
		}
	}
	return j.t.execBinary(`DELETE FROM specstar_jobs WHERE store + 0 = $1::integer AND id = ANY($2::uuid[])`, params...)
}
