package storage

import (
	"bytes"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// The changes of a job's row that are the same in every store. A store adds what
// it keeps beside the row, such as the token of a claim.

// End makes the job final. One that was started counts at least one attempt,
// even if that was refunded: it ended the job all the same.
func (j *Job) End(f Final, now time.Time) {
	j.State, j.Outcome = f.State, bytes.Clone(f.Outcome)
	j.ErrorCode, j.ErrorMessage = f.ErrorCode, f.ErrorMessage
	j.Finished = now
	if !j.Started.IsZero() {
		j.Attempt = max(j.Attempt, 1)
	}
	if f.Progress != (Progress{}) {
		j.Done, j.Total = f.Progress.Done, f.Progress.Total
	}
}

// Suspended reports whether the job runs in parts that others do: it was begun, nobody
// has its claim and it goes on at its NotBefore at the latest.
func (j *Job) Suspended() bool {
	return j.State == JobRunning && j.LeaseUntil.IsZero() && !j.NotBefore.IsZero()
}

// Suspend gives a running job up until a time, zero for at once. The caller takes the
// claim's token away.
func (j *Job) Suspend(until time.Time, done Progress, now time.Time) {
	if until.IsZero() || j.Cancel && until.After(now) {
		until = now
	}
	j.NotBefore, j.LeaseUntil = until.Truncate(time.Microsecond), time.Time{}
	j.Attempt = max(j.Attempt-1, 0)
	j.Origin = j.First()
	j.Queue, j.Epoch, j.Sequence = uuid.Nil, 0, 0
	if done != (Progress{}) {
		j.Done, j.Total = done.Done, done.Total
	}
}

// Adopt gives a job that is claimed, and of which no queue is known, the queue and place
// of the message with which it came: that was published, and perhaps not recorded yet.
func (j *Job) Adopt(given Job) {
	if j.Queue == uuid.Nil {
		j.Queue, j.Epoch, j.Sequence = given.Queue, given.Epoch, given.Sequence
	}
}

// Wake makes a suspended job due, unless it is so already, and reports whether it is
// suspended.
func (j *Job) Wake(now time.Time) bool {
	if !j.Suspended() {
		return false
	}
	if j.NotBefore.After(now) {
		j.NotBefore = now.Truncate(time.Microsecond)
	}
	return true
}

// MayDo reports with ErrFenced that no chunk of the job may be done by the plan with the
// given digest: it has ended, was asked to stop or has another plan than that.
func (j *Job) MayDo(digest []byte, has Plan) error {
	if j.State.Final() || j.Cancel || !bytes.Equal(digest, has.Digest) {
		return fmt.Errorf("a chunk of job %s: %w", j.ID, ErrFenced)
	}
	return nil
}

// AskCancel ends a queued job, which has no claim, and asks a running one to
// stop; a suspended one goes on at once, to do so. ErrFinal.
func (j *Job) AskCancel(now time.Time) error {
	if j.State.Final() {
		return fmt.Errorf("cancel job %s: %w", j.ID, ErrFinal)
	}
	j.Cancel = true
	j.Wake(now)
	if j.State == JobQueued {
		j.End(Final{State: JobCancelled}, now)
	}
	return nil
}

// Park has a job that has no live lease wait until a time, without a message, and
// records why. It reports false, and changes nothing, when the job has ended or has
// another envelope hash than given.
func (j *Job) Park(given Job) bool {
	if j.State.Final() || len(j.EnvelopeHash) > 0 && len(given.EnvelopeHash) > 0 && !bytes.Equal(j.EnvelopeHash, given.EnvelopeHash) {
		return false
	}
	j.State, j.NotBefore = JobQueued, given.NotBefore
	if j.Origin = j.First(); !j.Origin.Known() {
		j.Origin = given.First()
	}
	j.Queue, j.Epoch, j.Sequence = uuid.Nil, 0, 0
	j.ErrorCode, j.ErrorMessage = given.ErrorCode, given.ErrorMessage
	if len(j.Envelope) == 0 {
		j.Envelope = bytes.Clone(given.Envelope)
	}
	return true
}

// Place records where a job's message is, unless the job waits for another time than
// the message was published for.
func (j *Job) Place(queue uuid.UUID, p Place) {
	if j.NotBefore.IsZero() || j.NotBefore.Equal(p.NotBefore) {
		j.Origin = j.First()
		j.Queue, j.Epoch, j.Sequence, j.NotBefore = queue, p.Epoch, p.Sequence, time.Time{}
	}
}

// Requeue puts a refused, dead or cancelled job back to queued, without a message
// and with no attempts. ErrFinal for a done job, another error for one that has
// not ended.
func (j *Job) Requeue() error {
	switch {
	case j.State == JobDone:
		return fmt.Errorf("retry job %s: %w", j.ID, ErrFinal)
	case !j.State.Final():
		return fmt.Errorf("retry job %s: it is %s: %w", j.ID, j.State, ErrNotEnded)
	}
	j.State, j.Attempt = JobQueued, 0
	j.Origin = j.First()
	j.Queue, j.Epoch, j.Sequence, j.NotBefore = uuid.Nil, 0, 0, time.Time{}
	j.Cancel, j.Outcome, j.ErrorCode, j.ErrorMessage = false, nil, "", ""
	j.Started, j.Finished = time.Time{}, time.Time{}
	return nil
}

// CheckDrop reports why the row of a job cannot be removed: ErrNotEnded.
func (j *Job) CheckDrop() error {
	if !j.State.Final() {
		return fmt.Errorf("drop job %s: it is %s: %w", j.ID, j.State, ErrNotEnded)
	}
	return nil
}

// When is the time by which filters find a job: when it ended, or was made when it has
// not.
func (j *Job) When() time.Time {
	if j.Finished.IsZero() {
		return j.Created
	}
	return j.Finished
}
