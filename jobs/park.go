package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Park has jobs that are to be tried again wait in the ledger instead of in the queue,
// where those that sleep would take the places of others: their rows say until when and
// why, and a [Reconciler] publishes them then. It returns the verdicts with which the
// messages are to be answered: an acknowledgement for each job that waits. A verdict
// stays as it is when that is not known to be so: then the message has to come again.
func (x *Executor) Park(ctx context.Context, deliveries []Delivery, verdicts []Verdict) []Verdict {
	now := time.Now()
	tasks, rows := make([]*task, len(deliveries)), make([]storage.Job, len(deliveries))
	for i, d := range deliveries {
		v := verdicts[i]
		tasks[i] = x.open(d)
		tasks[i].verdict = v
		rows[i] = tasks[i].waiting(now.Add(v.After), v.Code, v.Err)
	}
	x.park(ctx, tasks, rows)
	x.announceEnded(ctx, tasks)
	answers := make([]Verdict, len(tasks))
	for i, t := range tasks {
		answers[i] = t.verdict
	}
	return answers
}

// announceEnded tells of those jobs of which the ledger says that they have ended. Who had
// them wait did not ask it: so it is with a save behind another one, whose former delivery
// was done and not acknowledged.
func (x *Executor) announceEnded(ctx context.Context, tasks []*task) {
	var saves []*task
	for _, t := range tasks {
		if t.env.Kind() == KindSave {
			saves = append(saves, t)
			continue
		}
		x.announce(ctx, t)
	}
	x.announceSaves(ctx, saves)
}

// waiting returns the row of a task that comes again at a time.
func (t *task) waiting(at time.Time, code string, err error) storage.Job {
	row := t.row
	row.Envelope, row.NotBefore = t.delivery.Body, at.UTC().Truncate(time.Microsecond)
	row.ErrorCode, row.ErrorMessage = code, message(err)
	return row
}

// park writes rows of jobs that wait and gives their tasks verdicts. Those that may not
// wait, since somebody works on them, keep theirs. The error is that of the ledger.
func (x *Executor) park(ctx context.Context, tasks []*task, rows []storage.Job) error {
	parked, err := x.Ledger.Park(context.WithoutCancel(ctx), rows)
	if err != nil {
		return err
	}
	for i, t := range tasks {
		row := parked[i]
		switch {
		case differ(row, t.row):
			x.differs(ctx, t)
		case row.State.Final():
			t.ended(row)
		case row.State == storage.JobQueued && row.NotBefore.Equal(rows[i].NotBefore):
			t.done(storage.JobQueued, false)
			t.verdict.NotBefore = row.NotBefore
		}
	}
	return nil
}

// postpone has a job wait whose time has not come. Usually it was not published before;
// but who only has a queue sends it at once. Either way its place among the saves of a
// resource is that of its time, not of its first message.
func (x *Executor) postpone(ctx context.Context, t *task) {
	t.again(ActionRetry, time.Until(t.env.NotBefore), "", nil)
	row := t.waiting(t.env.NotBefore, "", nil)
	row.Queue, row.Epoch, row.Sequence, row.Origin = uuid.Nil, 0, 0, storage.Origin{}
	if err := x.park(ctx, []*task{t}, []storage.Job{row}); err != nil {
		x.failAll(ctx, []*task{t}, err)
	}
}

// isExists reports whether another unfinished job has the unique key.
func isExists(err error) bool {
	_, is := errors.AsType[*storage.JobExistsError](err)
	return is
}
