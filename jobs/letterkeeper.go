package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// lettersAnew is after how long rows and letters are compared again although neither
// seems to have changed: the letters of a stream have an age limit.
const lettersAnew = 10 * time.Minute

// LetterKeeper keeps dead rows and dead letters one to one: it publishes the letters
// that are missing, because a worker died in between or the stream was lost, and
// removes those of jobs that are dead no more. A letter of a job that the ledger does
// not know, as after it was put back from a backup, becomes a dead row: it may be all
// that is left of the job. By the audit trail it knows what was dropped from what was
// lost.
//
// A row's letter belongs to the queue that the row names, of a row that names none to
// any queue. Keepers may work side by side.
type LetterKeeper struct {
	Store   uuid.UUID
	Ledger  storage.Ledger
	Letters Letterbox
	// Queue is the queue whose letters these are.
	Queue uuid.UUID
	// Every is the pause between two passes; 0 means [DefaultReconcileEvery].
	Every time.Duration
	// Report, when not nil, is told after each pass what was mended and what went wrong.
	Report func(Mended, error)

	calm   string    // what the ledger and the stream were like when all was right
	calmAt time.Time // when that was
}

// Mended is what a pass of a keeper put right.
type Mended struct {
	// Published letters were missing, Discarded ones were of jobs that are not dead, and
	// Adopted ones were of jobs without a row.
	Published, Discarded, Adopted int
}

// Run makes a pass at once and then regularly until ctx ends.
func (k *LetterKeeper) Run(ctx context.Context) {
	every := k.Every
	if every <= 0 {
		every = DefaultReconcileEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		m, err := guardedPass(ctx, k.Pass)
		if k.Report != nil && ctx.Err() == nil {
			k.Report(m, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Pass compares rows and letters, unless neither has changed since they were right,
// and mends what is not. What changes meanwhile is left to the next pass.
func (k *LetterKeeper) Pass(ctx context.Context) (Mended, error) {
	mark, err := k.mark(ctx)
	if err != nil {
		return Mended{}, fmt.Errorf("compare dead letters: %w", err)
	}
	if mark == k.calm && time.Since(k.calmAt) < lettersAnew {
		return Mended{}, nil
	}
	m, err := k.mend(ctx)
	if err != nil {
		return m, fmt.Errorf("compare dead letters: %w", err)
	}
	if k.calm = ""; m == (Mended{}) {
		k.calm, k.calmAt = mark, time.Now()
	}
	return m, nil
}

// mark is the same as long as no job died or was buried or is dead no more. A job
// that takes another's place leaves it the same and its letter changes it.
func (k *LetterKeeper) mark(ctx context.Context) (string, error) {
	counts, err := k.Ledger.Count(ctx, storage.JobDead)
	if err != nil {
		return "", err
	}
	letters, err := k.Letters.Mark(ctx)
	return fmt.Sprint(counts[storage.JobDead], " ", letters), err
}

func (k *LetterKeeper) mend(ctx context.Context) (m Mended, err error) {
	if err := k.Letters.Former(ctx, k.former); err != nil {
		return m, err
	}
	keys, err := k.Letters.Keys(ctx)
	if err != nil {
		return m, err
	}
	there := make(map[LetterKey]bool, len(keys))
	for _, key := range keys {
		there[key] = true
	}
	if m.Published, err = k.publishMissing(ctx, there); err != nil {
		return m, err
	}
	for key := range there {
		if err := k.answer(ctx, key, &m); err != nil {
			return m, err
		}
	}
	return m, nil
}

// publishMissing publishes the letters of dead rows that are not there, and takes the
// others off there.
func (k *LetterKeeper) publishMissing(ctx context.Context, there map[LetterKey]bool) (int, error) {
	f := storage.JobFilter{States: []storage.JobState{storage.JobDead}, Bare: true, Limit: pageOfRows}
	published := 0
	var errs []error
	for n := pageOfRows; n == pageOfRows && ctx.Err() == nil; {
		var missing []LetterKey
		n = 0
		for row, err := range k.Ledger.List(ctx, f) {
			if err != nil {
				return published, errors.Join(append(errs, err)...)
			}
			f.After = storage.JobCursor{Created: row.Created, ID: row.ID}
			n++
			if key := keyOf(row); there[key] {
				delete(there, key)
			} else if row.Queue == uuid.Nil || row.Queue == k.Queue {
				missing = append(missing, key)
			}
		}
		for _, key := range missing {
			did, err := k.publish(ctx, key)
			if errs = append(errs, err); did {
				published++
			}
			if err != nil {
				break // the stream is full, or does not answer
			}
		}
	}
	return published, errors.Join(append(errs, ctx.Err())...)
}

// publish publishes the letter of a row that is still as it was.
func (k *LetterKeeper) publish(ctx context.Context, key LetterKey) (bool, error) {
	row, err := k.Ledger.Get(ctx, key.Job)
	if errors.Is(err, storage.ErrNotFound) || err == nil && (row.State != storage.JobDead || keyOf(row) != key) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return k.Letters.Put(ctx, LetterOf(row))
}

// answer does away with a letter that no dead row of the list had. Meanwhile there may
// be one.
func (k *LetterKeeper) answer(ctx context.Context, key LetterKey, m *Mended) error {
	row, err := k.Ledger.Get(ctx, key.Job)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return k.adopt(ctx, key, m)
	case err != nil:
		return err
	case row.State == storage.JobDead && keyOf(row) == key:
		return nil
	}
	m.Discarded++
	return k.Letters.Discard(ctx, key)
}

// dealtWith reports whether somebody had a job tried again, or dropped it, after it died:
// then its letter is what was left behind.
func (k *LetterKeeper) dealtWith(ctx context.Context, key LetterKey) (bool, error) {
	for a, err := range k.Ledger.Audits(ctx, storage.AuditFilter{Job: key.Job, Since: key.Life.Died()}) {
		if err != nil {
			return false, err
		}
		if a.Code == "" && a.Verb != storage.VerbCancel {
			return true, nil
		}
	}
	return false, nil
}

// adopt makes a dead row of a letter whose job has none.
func (k *LetterKeeper) adopt(ctx context.Context, key LetterKey, m *Mended) error {
	if gone, err := k.dealtWith(ctx, key); err != nil {
		return err
	} else if gone {
		m.Discarded++
		return k.Letters.Discard(ctx, key)
	}
	l, err := k.Letters.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	row := l.Job
	row.Queue = k.Queue
	if row.Outcome, err = json.Marshal(l.Death); err != nil {
		return err
	}
	m.Adopted++
	return k.Ledger.Settle(ctx, []storage.Job{row})
}

// former looks at a letter of an earlier version. That of a job which is dead has been
// made anew from its row by now or will be. A message whose id was another job's had
// no row.
func (k *LetterKeeper) former(l Letter) error {
	if l.Job.ErrorCode != CodeDiffers {
		return nil
	}
	row := l.Job
	row.Text = stranger(row.Text, row.EnvelopeHash)
	row.ID = ID(k.Store, row.Text)
	return k.Ledger.Settle(context.Background(), []storage.Job{row})
}
