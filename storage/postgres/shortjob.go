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

// attemptJobs inserts jobs at their first attempt, or counts one of those that have
// not ended.
var attemptJobs = insertJobs(jobColumns, map[string]string{"started": serverTime}, map[string]string{"created": serverTime},
	sameJob+`DO UPDATE SET attempt = j.attempt + 1, started = excluded.started, not_before = NULL WHERE j.state IN ('queued', 'running')`)

// Attempt counts one attempt of each short job, inserting rows that are not there.
func (l ledger) Attempt(ctx context.Context, list []storage.Job) ([]storage.Job, error) {
	if len(list) == 0 {
		return []storage.Job{}, ctx.Err()
	}
	first := inOrder(list)
	for i := range first {
		first[i].State, first[i].Attempt, first[i].Started = storage.JobQueued, 1, time.Time{}
		first[i].NotBefore, first[i].Unique = time.Time{}, ""
	}
	var counted map[uuid.UUID]storage.Job
	err := l.do(ctx, func(j jobs) (err error) {
		if _, err = j.t.execBinary(attemptJobs, jobParams(jobColumns, j.store(), first)...); err != nil {
			return err
		}
		counted, err = j.rows(first)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make([]storage.Job, len(list))
	seen := make(map[uuid.UUID]bool, len(first))
	for i := range list {
		row := counted[list[i].ID]
		if seen[row.ID] { // memory of its own
			row = cloneJob(row)
		}
		out[i], seen[row.ID] = row, true
	}
	return out, nil
}

// rows returns the rows of jobs, which are locked.
func (j jobs) rows(list []storage.Job) (map[uuid.UUID]storage.Job, error) {
	ids := make([][16]byte, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	rows := make(map[uuid.UUID]storage.Job, len(list))
	err := j.t.each(`SELECT `+jobNames+` FROM specstar_jobs WHERE store + 0 = $1 AND id = ANY($2)`, []any{j.store(), ids}, func(r pgx.Rows) error {
		row, err := scanJob(r)
		rows[row.ID] = row
		return err
	})
	return rows, err
}

// Statements of changeRows.
const (
	// The condition on the state is such that no index serves it: however many jobs
	// are open, these few are found by their ids.
	refundJobs = `UPDATE specstar_jobs SET attempt = greatest(attempt - 1, 0)
		WHERE store + 0 = $1::integer AND id = ANY($2::uuid[]) AND state || '' IN ('queued', 'running')`
	publishedJobs = `UPDATE specstar_jobs AS j SET queue = $3::uuid, epoch = p.epoch, sequence = p.sequence, not_before = NULL, origin = ` + firstPlace + `
		FROM unnest($2::uuid[], $4::bigint[], $5::bigint[], $6::timestamptz[]) AS p (id, epoch, sequence, not_before)
		WHERE j.store + 0 = $1::integer AND j.id = ANY($2::uuid[]) AND j.id = p.id AND (j.not_before IS NULL OR j.not_before = p.not_before)`

	// firstPlace is the origin of the job j before its message is at another place, as
	// storage.Origin.Bytes encodes it.
	firstPlace = `coalesce(j.origin, CASE WHEN j.epoch <> 0 AND j.sequence <> 0 THEN
		uuid_send(coalesce(j.queue, '00000000-0000-0000-0000-000000000000')) || int8send(j.epoch) || int8send(j.sequence) END)`
)

// changeRows runs a statement over the rows of jobs, which are locked in the order
// of their ids: $1 is the store and $2 the ids.
func (l ledger) changeRows(ctx context.Context, ids []uuid.UUID, query string, more ...[]byte) error {
	if len(ids) == 0 {
		return ctx.Err()
	}
	sorted := sortedIDs(ids)
	return l.do(ctx, func(j jobs) error {
		if len(sorted) > 1 {
			if err := j.lock(sorted); err != nil {
				return err
			}
		}
		_, err := j.t.execBinary(query, append([][]byte{storeParam(j.store()), idArray(sorted)}, more...)...)
		return err
	})
}

// Refund takes one attempt of each job back.
func (l ledger) Refund(ctx context.Context, ids []uuid.UUID) error {
	return l.changeRows(ctx, ids, refundJobs)
}

// Published records that queue holds the messages of the jobs, and where.
func (l ledger) Published(ctx context.Context, queue uuid.UUID, places []storage.Place) error {
	var param []byte
	if queue != uuid.Nil {
		param = queue[:]
	}
	ids := make([]uuid.UUID, len(places))
	last := make(map[uuid.UUID]storage.Place, len(places))
	for i, p := range places {
		ids[i], last[p.Job] = p.Job, p
	}
	ids = sortedIDs(ids) // the order of the arrays is that of changeRows
	epochs, sequences := newArray(pgtype.Int8OID, len(ids), 8), newArray(pgtype.Int8OID, len(ids), 8)
	times := newArray(pgtype.TimestamptzOID, len(ids), 8)
	for _, id := range ids {
		epochs.appendInt8(last[id].Epoch)
		sequences.appendInt8(int64(last[id].Sequence))
		times.appendTime(last[id].NotBefore)
	}
	return l.changeRows(ctx, ids, publishedJobs, param, epochs.param(), sequences.param(), times.param())
}

// Settle writes final rows of jobs that have no other effect.
func (l ledger) Settle(ctx context.Context, list []storage.Job) error {
	for i := range list {
		if err := list[i].State.CheckFinal(); err != nil {
			return fmt.Errorf("settle job %s: %w", list[i].ID, err)
		}
	}
	if len(list) == 0 {
		return ctx.Err()
	}
	return l.do(ctx, func(j jobs) error {
		_, err := j.settle(list)
		return err
	})
}
