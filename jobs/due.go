package jobs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// DefaultDueEvery is how often jobs are looked for whose time has come.
const DefaultDueEvery = time.Second

// dueBatch is how many jobs are published together.
const dueBatch = 500

// afterTrouble is how many looks are left out after one that failed.
const afterTrouble = 5

// ownLooks is how many looks a worker leaves to others in a row: what one of them cannot
// publish is then seen by others.
const ownLooks = 30

// Others are the workers that look for the same jobs. One look is enough for all of them.
type Others interface {
	// Looked tells them that no job is left whose time has come.
	Looked()
	// Heard has a token when one of them has told so.
	Heard() <-chan struct{}
}

// Release publishes jobs when their time has come, until ctx ends.
func (r *Reconciler) Release(ctx context.Context) {
	every := r.DueEvery
	if every <= 0 {
		every = DefaultDueEvery
	}
	var heard <-chan struct{}
	if r.Others != nil {
		heard = r.Others.Heard()
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for looked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-heard:
			if time.Since(looked) < ownLooks*every {
				// The next look is that of the same worker, unless it has died.
				timer.Reset(every + every/4 + rand.N(every/2+1))
			}
			continue
		case <-timer.C:
		}
		looked = time.Now()
		timer.Reset(r.look(ctx, every))
	}
}

// look looks for jobs whose time has come and returns how long to wait for the next look.
func (r *Reconciler) look(ctx context.Context, every time.Duration) time.Duration {
	n, err := guardedPass(ctx, r.Due)
	if r.Released != nil && ctx.Err() == nil {
		r.Released(n, err)
	}
	if err != nil {
		return afterTrouble * every
	}
	if r.Others != nil {
		r.Others.Looked()
	}
	return every
}

// Due publishes the messages of jobs whose time has come and returns how many. The id of
// a message follows from the job and its time, so that of several workers, or after one
// that died in between, one message is taken.
func (r *Reconciler) Due(ctx context.Context) (int, error) {
	published := 0
	for {
		rows, err := r.Ledger.Due(ctx, dueBatch)
		if err != nil {
			return published, fmt.Errorf("look for jobs whose time has come: %w", err)
		}
		n, err := r.publishDue(ctx, rows)
		published += n
		if err != nil || n < dueBatch {
			return published, err
		}
	}
}

// publishDue publishes those of the rows that are this queue's.
func (r *Reconciler) publishDue(ctx context.Context, all []storage.Job) (int, error) {
	var rows []storage.Job
	var messages []Message
	for _, row := range all {
		if !r.dueHere(row) {
			continue
		}
		m := rowMessage(row)
		m.ID = dueID(row)
		if !r.own(row) {
			m.Subject = Subject(r.Publisher.Namespace(), Lane(row.Lane), Kind(row.Kind))
		}
		rows, messages = append(rows, row), append(messages, m)
	}
	if len(rows) == 0 {
		return 0, nil
	}
	epoch, err := r.Publisher.Epoch(ctx)
	if err != nil {
		return 0, err
	}
	var places []storage.Place
	var errs []error
	n := 0
	for i, ack := range r.Publisher.Publish(ctx, messages) {
		switch {
		case ack.Err != nil:
			errs = append(errs, fmt.Errorf("publish job %s: %w", rows[i].Text, ack.Err))
		case ack.Duplicate:
			did, err := r.afterDuplicate(ctx, epoch, rows[i], ack)
			if errs = append(errs, err); did {
				n++
			}
		default:
			n++
			p := placeOf(rows[i].ID, epoch, ack.Sequence)
			p.NotBefore = rows[i].NotBefore
			places = append(places, p)
		}
	}
	if len(places) > 0 {
		errs = append(errs, r.Ledger.Published(ctx, r.Publisher.Queue(), places))
	}
	return n, errors.Join(errs...)
}

// afterDuplicate looks after a message that the queue has taken before, and reports whether
// it published another one. The first was published by another worker or by one that died,
// unless it was worked on and the job waits for the same time again.
func (r *Reconciler) afterDuplicate(ctx context.Context, epoch int64, row storage.Job, ack Ack) (bool, error) {
	held, err := r.Publisher.Holds(ctx, []Place{{Job: row.Text, Epoch: epoch, Sequence: ack.Sequence}})
	if err != nil {
		return false, err
	}
	if held[0] {
		return false, published(ctx, r.Ledger, r.Publisher, row, epoch, ack)
	}
	return r.publishFrom(ctx, epoch, row, follower(row.Text, epoch, ack.Sequence))
}

// own reports whether a job was submitted to this queue.
func (r *Reconciler) own(row storage.Job) bool {
	return strings.HasPrefix(row.Subject, "specstar."+r.Publisher.Namespace()+".")
}

// dueHere reports whether a job is this queue's to publish. That of another one that does
// not come to it is taken over, as by mine.
func (r *Reconciler) dueHere(row storage.Job) bool {
	if len(row.Envelope) == 0 || row.Subject == "" {
		return false
	}
	return r.own(row) || row.Kind != "" && time.Since(row.NotBefore) > queueSilence
}

// dueID is the id of the message of a job that has waited.
func dueID(row storage.Job) string {
	return row.Text + ":n" + strconv.FormatInt(row.NotBefore.UnixMicro(), 36)
}
