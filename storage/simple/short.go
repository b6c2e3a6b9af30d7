package simple

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Attempt counts one attempt of each short job and returns the rows as they then
// are.
func (t Jobs) Attempt(jobs []storage.Job, now time.Time) []storage.Job {
	counted := map[uuid.UUID]bool{}
	for _, j := range jobs {
		row, ok := t.Rows[j.ID]
		if !ok {
			j.State, j.Attempt, j.Unique = storage.JobQueued, 0, ""
			row = t.add(j, now)
		}
		if !row.State.Final() && !counted[j.ID] {
			row.Attempt++
			row.Started, row.NotBefore = now, time.Time{}
			t.Rows[j.ID] = row
		}
		counted[j.ID] = true
	}
	rows := make([]storage.Job, len(jobs))
	for i, j := range jobs {
		rows[i] = CopyJob(t.Rows[j.ID].Job)
	}
	return rows
}

// Refund takes one attempt of each job back.
func (t Jobs) Refund(ids []uuid.UUID) {
	for _, id := range ids {
		if row, ok := t.Rows[id]; ok && !row.State.Final() {
			row.refund()
			t.Rows[id] = row
		}
	}
}

// Settle writes final rows, unless they have ended already; also those of a unit
// of work, after storage.Batch.Check.
func (t Jobs) Settle(jobs []storage.Job, now time.Time) error {
	for _, j := range jobs {
		if err := j.State.CheckFinal(); err != nil {
			return fmt.Errorf("settle job %s: %w", j.ID, err)
		}
	}
	for _, j := range jobs {
		t.settle(j, now)
	}
	return nil
}

// settle makes the final row of j. A row that is there keeps what is known of its
// submission.
func (t Jobs) settle(j storage.Job, now time.Time) {
	row, ok := t.Rows[j.ID]
	if ok && row.State.Final() {
		return
	}
	if !ok {
		row = t.add(j, now)
	}
	row.Attempt = max(row.Attempt, j.Attempt)
	if j.Total > 0 {
		row.Done, row.Total = j.Done, j.Total
	}
	if len(row.Envelope) == 0 {
		row.Envelope = bytes.Clone(j.Envelope)
	}
	if !j.Finished.IsZero() {
		now = CopyJob(j).Finished
	}
	row.end(storage.Final{State: j.State, Outcome: j.Outcome, ErrorCode: j.ErrorCode, ErrorMessage: j.ErrorMessage}, now)
	t.Rows[j.ID] = row
}

// Ended reports whether a job has ended, for [storage.View].
func (t Jobs) Ended(id uuid.UUID) bool {
	row, ok := t.Rows[id]
	return ok && row.State.Final()
}
