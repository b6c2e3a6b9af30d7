package jobs

import (
	"cmp"
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Letter is a dead letter: what a queue keeps of a job that died. It is made from
// the job's row, so that it can be made again.
type Letter struct {
	Job   storage.Job
	Death Death
}

// LetterKey names a letter: a job has one for each time it died, and at most one of
// them is there.
type LetterKey struct {
	Job  uuid.UUID
	Life Life
}

// Life tells one life of a job from the others: when it died, in microseconds.
type Life int64

// LifeOf returns the life that ended when a row was finished.
func LifeOf(row storage.Job) Life { return Life(row.Finished.UnixMicro()) }

// Died returns when the life ended.
func (l Life) Died() time.Time { return time.UnixMicro(int64(l)).UTC() }

// LetterOf returns the letter of a dead job's row.
func LetterOf(row storage.Job) Letter { return Letter{Job: row, Death: DeathOf(row)} }

// Key returns the letter's name.
func (l Letter) Key() LetterKey { return keyOf(l.Job) }

func keyOf(row storage.Job) LetterKey { return LetterKey{Job: row.ID, Life: LifeOf(row)} }

// Kind is the kind of the job as letters are sorted by it: "other" when it is not
// known.
func (l Letter) Kind() Kind { return cmp.Or(Kind(l.Job.Kind), "other") }

// Letterbox keeps the dead letters of a queue.
type Letterbox interface {
	// Put keeps a letter and reports whether it did. One with its key that is there
	// already stays as it is, so that a letter whose acknowledgement was lost can be put
	// again.
	Put(ctx context.Context, l Letter) (bool, error)
	// Get returns a letter; storage.ErrNotFound.
	Get(ctx context.Context, k LetterKey) (Letter, error)
	// Discard removes a letter; it is no error when there is none.
	Discard(ctx context.Context, k LetterKey) error
	// DiscardAll removes all letters of a job.
	DiscardAll(ctx context.Context, job uuid.UUID) error
	// Keys returns the names of all letters.
	Keys(ctx context.Context) ([]LetterKey, error)
	// Mark changes whenever a letter comes or goes.
	Mark(ctx context.Context) (string, error)
	// Former calls do with each letter of an earlier version, which had no names, and
	// removes it.
	Former(ctx context.Context, do func(Letter) error) error
}
