package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// DefaultReconcileEvery is how often a worker looks for rows without a message.
const DefaultReconcileEvery = 30 * time.Second

const (
	// queueSilence is after how long without a sign of life another queue's job is
	// taken over: its directory or its server is gone.
	queueSilence = 10 * time.Minute
	// submitTime is how long a submitter may take between publishing a job and
	// recording that.
	submitTime = time.Minute
)

// Reconciler publishes the messages of ledger rows that have none: the submitter
// died between both, publishing failed, or the queue lost its disk. Publishing
// one too many does no harm, since the row decides.
type Reconciler struct {
	Ledger    storage.Ledger
	Publisher Publisher
	// Every is the pause between two passes; 0 means [DefaultReconcileEvery].
	Every time.Duration
	// Report, when not nil, is told after each pass how many rows were published
	// again and what went wrong.
	Report func(published int, err error)
}

// Run makes a pass at once and then regularly until ctx ends.
func (r *Reconciler) Run(ctx context.Context) {
	every := r.Every
	if every <= 0 {
		every = DefaultReconcileEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		n, err := r.Pass(ctx)
		if r.Report != nil && ctx.Err() == nil {
			r.Report(n, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pass publishes the rows that have no message now and returns how many.
func (r *Reconciler) Pass(ctx context.Context) (int, error) {
	var rows []storage.Job
	filter := storage.JobFilter{States: []storage.JobState{storage.JobQueued, storage.JobRunning}}
	for row, err := range r.Ledger.List(ctx, filter) {
		if err != nil {
			return 0, fmt.Errorf("list unfinished jobs: %w", err)
		}
		if r.mine(row) {
			rows = append(rows, row)
		}
	}
	waiting := make(map[string]uint64)
	published := 0
	var errs []error
	for _, row := range rows {
		lacks, err := r.lacksMessage(ctx, row, waiting)
		if err == nil && lacks {
			err = r.publish(ctx, row)
			published++
		}
		if err != nil {
			published, errs = max(published-1, 0), append(errs, err)
		}
	}
	return published, errors.Join(errs...)
}

// mine reports whether the row is this queue's to publish: it can be published
// at all, nobody works on it and no other queue that lives holds it.
func (r *Reconciler) mine(row storage.Job) bool {
	if len(row.Envelope) == 0 || row.Subject == "" {
		return false
	}
	if row.State == storage.JobRunning && row.LeaseUntil.After(time.Now()) {
		return false
	}
	if row.Queue == uuid.Nil || row.Queue == r.Publisher.Queue() {
		return true
	}
	sign := slices.MaxFunc([]time.Time{row.Created, row.Started, row.LeaseUntil}, time.Time.Compare)
	return time.Since(sign) > queueSilence
}

// lacksMessage reports whether the queue has lost the row's message, or never
// had it. A queue cannot be searched, so a message counts as lost when its
// subject is empty while the row is still unfinished.
func (r *Reconciler) lacksMessage(ctx context.Context, row storage.Job, waiting map[string]uint64) (bool, error) {
	if row.Queue != r.Publisher.Queue() {
		return true, nil
	}
	n, known := waiting[row.Subject]
	if !known {
		var err error
		if n, err = r.Publisher.Waiting(ctx, row.Subject); err != nil {
			return false, fmt.Errorf("look for messages of %s: %w", row.Subject, err)
		}
		waiting[row.Subject] = n
	}
	if n > 0 {
		return false, nil
	}
	now, err := r.Ledger.Get(ctx, row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil && !now.State.Final(), err
}

// publish publishes the message of a row. A duplicate is a message that the
// queue took lately. Of a young row that no queue was recorded for, its submitter
// is just about to record it; an old one was to be tried again, and who wished so
// died before it was published. The queue may also have lost the message since.
func (r *Reconciler) publish(ctx context.Context, row storage.Job) error {
	ack := r.Publisher.Publish(ctx, []Message{rowMessage(row)})[0]
	if ack.Err == nil && ack.Duplicate {
		if row.Queue == uuid.Nil && time.Since(row.Created) > submitTime {
			return publishAgain(ctx, r.Ledger, r.Publisher, row)
		}
		row.Queue = r.Publisher.Queue()
		lacks, err := r.lacksMessage(ctx, row, make(map[string]uint64))
		if err != nil {
			return err
		}
		if lacks {
			return publishAgain(ctx, r.Ledger, r.Publisher, row)
		}
	}
	return published(ctx, r.Ledger, r.Publisher, row, ack)
}

// publishAgain publishes a row's message under an id that the queue has not
// seen, because a queue that remembers the usual one may no longer hold it.
func publishAgain(ctx context.Context, l storage.Ledger, p Publisher, row storage.Job) error {
	m := rowMessage(row)
	m.ID = row.Text + ":r" + strconv.FormatInt(time.Now().UnixNano(), 36)
	return published(ctx, l, p, row, p.Publish(ctx, []Message{m})[0])
}

func rowMessage(row storage.Job) Message {
	return Message{Subject: row.Subject, ID: row.Text, Job: row.Text, Body: row.Envelope}
}

func published(ctx context.Context, l storage.Ledger, p Publisher, row storage.Job, ack Ack) error {
	if ack.Err != nil {
		return fmt.Errorf("publish job %s again: %w", row.Text, ack.Err)
	}
	return l.Published(ctx, []uuid.UUID{row.ID}, p.Queue())
}

// Retry puts a refused, dead or cancelled job back into the queue. The error of
// a job that is done wraps storage.ErrFinal; one whose message is only in a
// dead-letter stream, because its row has no envelope, cannot be retried so.
func Retry(ctx context.Context, l storage.Ledger, p Publisher, id uuid.UUID) (storage.Job, error) {
	row, err := l.Get(ctx, id)
	if err != nil {
		return storage.Job{}, err
	}
	if len(row.Envelope) == 0 || row.Subject == "" {
		return row, &RefusedError{Code: "no_envelope", Err: fmt.Errorf("job %s: its message was not kept; submit it again", row.Text)}
	}
	if row, err = l.Retry(ctx, id); err != nil {
		return row, err
	}
	return row, publishAgain(ctx, l, p, row)
}
