package sqlite

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// jobColumns are the columns of a job, in the order of jobRow.args and scanJob.
const jobColumns = endedColumns + `, epoch, sequence` + waitingColumns

// waitingColumns are those that layout 4 brought.
const waitingColumns = `, not_before, unique_key`

// bareColumns are the same without what may be large.
var bareColumns = strings.NewReplacer(" envelope,", " NULL,", " outcome,", " NULL,").Replace(jobColumns)

// endedColumns are those of a row that is first written when the job ends: its
// message is gone then, and where it was is its origin.
const endedColumns = `store, id, text, kind, model, lane, user, parent, state, attempt, envelope, envelope_hash, queue, subject,
	done, total, outcome, error_code, error_message, cancel, created, started, finished, lease_until, token, origin`

const (
	insertJob = `INSERT INTO specstar_jobs (` + jobColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`
	selectJob = `SELECT ` + jobColumns + ` FROM specstar_jobs WHERE store = ? AND id = ?`

	// settleJob inserts a final row, or ends the one that is there and keeps what
	// is known of its submission; one that has ended stays.
	settleJob = `INSERT INTO specstar_jobs (` + endedColumns + `) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (store, id) DO UPDATE SET state = excluded.state, attempt = max(attempt, excluded.attempt, started <> 0),
			done = iif(excluded.total > 0, excluded.done, done), total = iif(excluded.total > 0, excluded.total, total),
			envelope = coalesce(envelope, excluded.envelope), outcome = excluded.outcome,
			error_code = excluded.error_code, error_message = excluded.error_message,
			finished = excluded.finished, lease_until = 0, token = NULL, origin = coalesce(origin, excluded.origin)
		WHERE state IN ('queued', 'running')`
)

// jobRow is a job with the token of its claim, uuid.Nil for none.
type jobRow struct {
	storage.Job
	token uuid.UUID
}

// newJobRow returns the row for a job that is not in the ledger.
func newJobRow(j storage.Job, now time.Time) jobRow {
	j.State = cmp.Or(j.State, storage.JobQueued)
	if j.Created.IsZero() {
		j.Created = now
	}
	return jobRow{Job: j}
}

// args are the column values of the row.
func (r *jobRow) args(store int64) []any {
	text := r.Text
	if text == r.ID.String() {
		text = ""
	}
	return []any{
		store, r.ID[:], text, r.Kind, r.Model, r.Lane, r.User, idOrNull(r.Parent), string(r.State), r.Attempt,
		bytesOrNull(r.Envelope), bytesOrNull(r.EnvelopeHash), idOrNull(r.Queue), r.Subject, r.Done, r.Total,
		bytesOrNull(r.Outcome), r.ErrorCode, r.ErrorMessage, r.Cancel,
		micros(r.Created), micros(r.Started), micros(r.Finished), micros(r.LeaseUntil), idOrNull(r.token),
		bytesOrNull(r.Origin.Bytes()), r.Epoch, int64(r.Sequence), micros(r.NotBefore), r.Unique,
	}
}

// scanJob reads a row of jobColumns.
func scanJob(rows *sql.Rows) (jobRow, error) {
	var r jobRow
	var store, created, started, finished, lease, notBefore int64
	var id, parent, queue, token, origin sql.RawBytes
	err := rows.Scan(&store, &id, &r.Text, &r.Kind, &r.Model, &r.Lane, &r.User, &parent, &r.State, &r.Attempt,
		&r.Envelope, &r.EnvelopeHash, &queue, &r.Subject, &r.Done, &r.Total,
		&r.Outcome, &r.ErrorCode, &r.ErrorMessage, &r.Cancel, &created, &started, &finished, &lease, &token,
		&origin, &r.Epoch, &r.Sequence, &notBefore, &r.Unique)
	if err != nil {
		return jobRow{}, err
	}
	copy(r.ID[:], id)
	copy(r.Parent[:], parent)
	copy(r.Queue[:], queue)
	copy(r.token[:], token)
	r.Origin = storage.OriginOf(origin)
	r.Text = cmp.Or(r.Text, r.ID.String())
	r.Created, r.Started = timeOf(created), timeOf(started)
	r.Finished, r.LeaseUntil, r.NotBefore = timeOf(finished), timeOf(lease), timeOf(notBefore)
	return r, nil
}

// micros is how the ledger writes times: 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

func idOrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return id[:]
}

func bytesOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// jobs reads and writes job rows inside a transaction.
type jobs struct {
	t     *tx
	store int64
}

// find returns the row of a job and whether there is one.
func (j jobs) find(id uuid.UUID) (row jobRow, found bool, err error) {
	err = j.t.each(selectJob, []any{j.store, id[:]}, func(rows *sql.Rows) error {
		found = true
		row, err = scanJob(rows)
		return err
	})
	return row, found, err
}

// get is find, with ErrNotFound for a job that is not there.
func (j jobs) get(id uuid.UUID) (jobRow, error) {
	row, found, err := j.find(id)
	if err == nil && !found {
		err = fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
	}
	return row, err
}

// claimed returns the row of a job whose claim still holds.
func (j jobs) claimed(c storage.Claim) (jobRow, error) {
	row, found, err := j.find(c.Job)
	if err == nil && (!found || row.State != storage.JobRunning || c.Token == uuid.Nil || row.token != c.Token) {
		err = fmt.Errorf("job %s: %w", c.Job, storage.ErrFenced)
	}
	return row, err
}

// add inserts the row of a job that has none.
func (j jobs) add(r jobRow) error {
	_, err := j.t.exec(insertJob, r.args(j.store)...)
	return err
}

// updateJob changes all of a row but what its submission said.
const updateJob = `UPDATE specstar_jobs SET state = ?, attempt = ?, queue = ?, epoch = ?, sequence = ?, not_before = ?, done = ?, total = ?, outcome = ?,
	error_code = ?, error_message = ?, cancel = ?, started = ?, finished = ?, lease_until = ?, token = ?, origin = ? WHERE store = ? AND id = ?`

// save writes what may have changed of a row that is there.
func (j jobs) save(r jobRow) error {
	_, err := j.t.exec(updateJob, string(r.State), r.Attempt, idOrNull(r.Queue), r.Epoch, int64(r.Sequence), micros(r.NotBefore), r.Done, r.Total, bytesOrNull(r.Outcome),
		r.ErrorCode, r.ErrorMessage, r.Cancel, micros(r.Started), micros(r.Finished), micros(r.LeaseUntil), idOrNull(r.token),
		bytesOrNull(r.Origin.Bytes()), j.store, r.ID[:])
	return err
}

// end makes the row final.
func (r *jobRow) end(f storage.Final, now time.Time) {
	r.End(f, now)
	r.free()
}

// free takes the claim away.
func (r *jobRow) free() { r.token, r.LeaseUntil = uuid.Nil, time.Time{} }

// settle writes the final row of j, unless it has ended already.
func (j jobs) settle(job storage.Job, now time.Time) error {
	r := newJobRow(job, now)
	if r.Finished.IsZero() {
		r.Finished = now
	}
	r.free()
	args := r.args(j.store)
	_, err := j.t.exec(settleJob, args[:len(args)-4]...) // those of endedColumns
	return err
}

// remove forgets a job with its chunks and its plan.
func (j jobs) remove(id uuid.UUID) error {
	_, chunks := j.t.exec(`DELETE FROM specstar_chunks WHERE store = ? AND job = ?`, j.store, id[:])
	_, plan := j.t.exec(`DELETE FROM specstar_plans WHERE store = ? AND job = ?`, j.store, id[:])
	_, row := j.t.exec(`DELETE FROM specstar_jobs WHERE store = ? AND id = ?`, j.store, id[:])
	return errors.Join(chunks, plan, row)
}
