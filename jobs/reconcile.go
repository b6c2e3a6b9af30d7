package jobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// DefaultReconcileEvery is how often a worker looks for rows without a message.
const DefaultReconcileEvery = 30 * time.Second

// epochEvery is how often a worker looks whether the queue's stream was made anew:
// then nothing is there of what it held.
const epochEvery = 2 * time.Second

// queueSilence is after how long without a sign of life another queue's job is taken
// over: its directory or its server is gone.
const queueSilence = 10 * time.Minute

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
	// DueEvery is the pause between two looks of Release; 0 means [DefaultDueEvery].
	DueEvery time.Duration
	// Others are the workers of the same queue and store, with which Release shares its
	// looks; nil: it looks as if it were alone.
	Others Others
	// Released, when not nil, is told after each look how many jobs whose time has come
	// were published and what went wrong.
	Released func(published int, err error)
}

// Run makes a pass at once, then regularly, and soon after the queue's stream was made
// anew, until ctx ends, with Release beside it.
func (r *Reconciler) Run(ctx context.Context) {
	var releasing sync.WaitGroup
	releasing.Go(func() { r.Release(ctx) })
	defer releasing.Wait()
	every := r.Every
	if every <= 0 {
		every = DefaultReconcileEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failed := 0; ; {
		epoch, _ := r.Publisher.Epoch(ctx) // a pass says why it has none
		n, err := guardedPass(ctx, r.Pass)
		if r.Report != nil && ctx.Err() == nil {
			r.Report(n, err)
		}
		if failed++; err == nil {
			failed = 0
		}
		if !r.wait(ctx, tick.C, epoch, failed) {
			return
		}
	}
}

// wait returns true when it is time for another pass: regularly, or when the stream is
// not the one that the last pass looked at; sooner after one that failed, but not again
// and again.
func (r *Reconciler) wait(ctx context.Context, regular <-chan time.Time, epoch int64, failed int) bool {
	look := time.NewTicker(epochEvery)
	defer look.Stop()
	for looks := 1; ; looks++ {
		select {
		case <-ctx.Done():
			return false
		case <-regular:
			return true
		case <-look.C:
		}
		now, err := r.Publisher.Epoch(ctx)
		if err == nil && (now != epoch || failed > 0 && looks >= 1<<min(failed-1, 4)) {
			return true
		}
	}
}

// guardedPass makes a pass whose panic is its error: one row must not end the process.
func guardedPass[T any](ctx context.Context, pass func(context.Context) (T, error)) (did T, err error) {
	err = guard(func() (err error) {
		did, err = pass(ctx)
		return err
	})
	return did, err
}

// Pass publishes the rows that have no message now and returns how many.
func (r *Reconciler) Pass(ctx context.Context) (int, error) {
	epoch, err := r.Publisher.Epoch(ctx)
	if err != nil {
		return 0, err
	}
	published := 0
	var errs []error
	for _, state := range []storage.JobState{storage.JobQueued, storage.JobRunning} {
		n, err := r.passOver(ctx, epoch, state)
		published, errs = published+n, append(errs, err)
	}
	return published, errors.Join(errs...)
}

// passOver looks at all jobs of one state, a page at a time. The rows come without
// their messages: those that are published are read again.
func (r *Reconciler) passOver(ctx context.Context, epoch int64, state storage.JobState) (published int, err error) {
	f := storage.JobFilter{States: []storage.JobState{state}, Bare: true, Limit: pageOfRows}
	var errs []error
	for {
		var rows []storage.Job
		n := 0
		for row, err := range r.Ledger.List(ctx, f) {
			if err != nil {
				return published, errors.Join(append(errs, fmt.Errorf("list unfinished jobs: %w", err))...)
			}
			f.After = storage.JobCursor{Created: row.Created, ID: row.ID}
			if n++; r.mine(row) {
				rows = append(rows, row)
			}
		}
		some, err := r.check(ctx, epoch, rows)
		published, errs = published+some, append(errs, err)
		if n < pageOfRows || ctx.Err() != nil {
			return published, errors.Join(errs...)
		}
	}
}

// pageOfRows is how many rows a pass reads at a time.
const pageOfRows = 500

// check publishes those of the rows that have no message.
func (r *Reconciler) check(ctx context.Context, epoch int64, rows []storage.Job) (int, error) {
	places := make([]Place, len(rows))
	for i, row := range rows {
		if places[i].Job = row.Text; row.Queue == r.Publisher.Queue() {
			places[i].Epoch, places[i].Sequence = row.Epoch, row.Sequence
		}
	}
	held, err := r.Publisher.Holds(ctx, places)
	if err != nil {
		return 0, err
	}
	published := 0
	var errs []error
	for i, row := range rows {
		if held[i] {
			continue
		}
		did, err := r.publish(ctx, epoch, row)
		if errs = append(errs, err); did {
			published++
		}
	}
	return published, errors.Join(errs...)
}

// mine reports whether the row is this queue's to publish: it has a subject, nobody
// works on it and no other queue that lives holds it.
func (r *Reconciler) mine(row storage.Job) bool {
	if row.Subject == "" || !row.NotBefore.IsZero() { // Due has those that wait
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

// remembered is how many messages of one job a queue may remember and no longer hold.
const remembered = 8

// publish publishes the message of a row, unless the row has changed meanwhile, and
// reports whether it did. A duplicate is a message that the queue took lately: its
// submitter died before it recorded that, or is just about to. When the queue no
// longer holds that one, because it was lost or the job was to be tried again, the
// next has an id that follows from it: of several workers that do this one succeeds.
func (r *Reconciler) publish(ctx context.Context, epoch int64, row storage.Job) (bool, error) {
	id := row.Text
	if row.Queue == r.Publisher.Queue() && row.Epoch == epoch {
		id = follower(row.Text, row.Epoch, row.Sequence)
	}
	return r.publishFrom(ctx, epoch, row, id)
}

// publishFrom publishes the message of a row under the given id, or one that follows
// from it.
func (r *Reconciler) publishFrom(ctx context.Context, epoch int64, row storage.Job, id string) (bool, error) {
	for range remembered {
		now, err := r.unchanged(ctx, row)
		if err != nil || len(now.Envelope) == 0 { // or only a queue had its message
			return false, err
		}
		m := rowMessage(now)
		m.ID = id
		ack := r.Publisher.Publish(ctx, []Message{m})[0]
		if ack.Err != nil || !ack.Duplicate {
			return ack.Err == nil, published(ctx, r.Ledger, r.Publisher, row, epoch, ack)
		}
		held, err := r.Publisher.Holds(ctx, []Place{{Job: row.Text, Epoch: epoch, Sequence: ack.Sequence}})
		if err != nil {
			return false, err
		}
		if held[0] {
			return false, published(ctx, r.Ledger, r.Publisher, row, epoch, ack)
		}
		id = follower(row.Text, epoch, ack.Sequence)
	}
	now, err := r.unchanged(ctx, row)
	if err != nil || len(now.Envelope) == 0 {
		return false, err
	}
	return true, publishAgain(ctx, r.Ledger, r.Publisher, now)
}

// unchanged returns a row with its message, the zero value when it is no longer as it
// was when its message was missed: the job ended, and the message was acknowledged
// after that, or it is published, or somebody works on it.
func (r *Reconciler) unchanged(ctx context.Context, row storage.Job) (storage.Job, error) {
	now, err := r.Ledger.Get(ctx, row.ID)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.Job{}, nil
	}
	same := now.Queue == row.Queue && now.Epoch == row.Epoch && now.Sequence == row.Sequence && now.NotBefore.Equal(row.NotBefore)
	if err != nil || !same || now.State.Final() || now.NotBefore.IsZero() && !r.mine(now) {
		return storage.Job{}, err
	}
	return now, nil
}

// follower is the id of the message that follows a lost one.
func follower(text string, epoch int64, sequence uint64) string {
	return text + ":" + strconv.FormatInt(epoch, 36) + "." + strconv.FormatUint(sequence, 36)
}

// publishAgain publishes a row's message under an id that the queue has not
// seen, because a queue that remembers the usual one may no longer hold it.
func publishAgain(ctx context.Context, l storage.Ledger, p Publisher, row storage.Job) error {
	m := rowMessage(row)
	m.ID = row.Text + ":r" + strconv.FormatInt(time.Now().UnixNano(), 36)
	epoch, err := p.Epoch(ctx)
	if err != nil {
		return fmt.Errorf("publish job %s again: %w", row.Text, err)
	}
	return published(ctx, l, p, row, epoch, p.Publish(ctx, []Message{m})[0])
}

func rowMessage(row storage.Job) Message {
	return Message{Subject: row.Subject, ID: row.Text, Job: row.Text, Body: row.Envelope, Submitted: row.Created, Origin: row.First()}
}

func published(ctx context.Context, l storage.Ledger, p Publisher, row storage.Job, epoch int64, ack Ack) error {
	if ack.Err != nil {
		return fmt.Errorf("publish job %s again: %w", row.Text, ack.Err)
	}
	place := placeOf(row.ID, epoch, ack.Sequence)
	place.NotBefore = row.NotBefore
	return l.Published(ctx, p.Queue(), []storage.Place{place})
}
