package storage

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
)

// JobState is where a job stands.
type JobState string

// The states of a job. The last four are final.
const (
	JobQueued    JobState = "queued"
	JobRunning   JobState = "running"
	JobDone      JobState = "done"
	JobRefused   JobState = "refused"   // the rules said no; not retried
	JobDead      JobState = "dead"      // attempts used up or undecodable; replayable
	JobCancelled JobState = "cancelled" // ended by a user
)

// Final reports whether no more will happen to a job in this state.
func (s JobState) Final() bool { return s != JobQueued && s != JobRunning }

// Job is one row of the ledger.
type Job struct {
	// ID is the row's key. Text is the id as the submitter wrote it; empty means
	// the UUID's text.
	ID   uuid.UUID
	Text string
	// Kind is what is to be done: save, load, backfill. Model is the one model
	// concerned, empty for several or all. Lane is high, normal or bulk.
	Kind, Model, Lane string
	// User is on whose behalf the job runs.
	User string
	// Parent is the job that caused this one; uuid.Nil for none.
	Parent uuid.UUID
	State  JobState
	// Attempt counts the times the job was started.
	Attempt int
	// Envelope is the message as submitted; empty when only the queue holds it.
	Envelope []byte
	// EnvelopeHash is the SHA-256 of the message; nil when unknown.
	EnvelopeHash []byte
	// Queue is the id of the queue that holds the job's message; uuid.Nil when
	// none does yet. Subject is where the message is published.
	Queue   uuid.UUID
	Subject string
	// Epoch and Sequence are where that message is: the stream, by when it was made,
	// and its number there. Both are 0 when that is not known, and may be for a job
	// whose row was first written when it ended.
	Epoch    int64
	Sequence uint64
	// NotBefore is when a queued job may begin at the earliest, zero for at once, and when
	// a suspended one goes on. Until then no queue holds a message of it. An attempt of the
	// job clears it.
	NotBefore time.Time
	// Unique is a key that no two jobs have that have not ended; empty for none.
	Unique string
	// Origin is where that message was first, once the job was published again or put
	// back to the queue; until then it is unknown: see First. Saves keep their order by it.
	Origin Origin
	// Done and Total count units of progress; Total 0 means unknown.
	Done, Total int64
	// Outcome is the result of a job that ended, JSON whose shape depends on Kind.
	Outcome []byte
	// ErrorCode and ErrorMessage say why a job was refused, died, or last failed.
	ErrorCode, ErrorMessage string
	// Cancel is set when a user asked a running job to stop.
	Cancel bool
	// Created, Started and Finished are when the row was made, work last began
	// and the job ended; zero when that has not happened.
	Created, Started, Finished time.Time
	// LeaseUntil is until when the claim of a running job holds.
	LeaseUntil time.Time
}

// Place is where the message of a job is, see [Job.Epoch].
type Place struct {
	Job      uuid.UUID
	Epoch    int64
	Sequence uint64
	// NotBefore is that of the row whose message was published.
	NotBefore time.Time
}

// Claim is the right to work on a job. Its token is random: equality decides.
type Claim struct {
	Job   uuid.UUID
	Token uuid.UUID
}

// Final is how a job ends.
type Final struct {
	State                   JobState
	Outcome                 []byte
	ErrorCode, ErrorMessage string
	// Progress is how far the job came; the zero value leaves what was recorded.
	Progress Progress
}

// Progress reports how far a claimed job is.
type Progress struct{ Done, Total int64 }

// Chunk is a part of a long job that is done.
type Chunk struct {
	No      int
	Outcome []byte
}

// JobFilter selects jobs. The zero value selects all.
type JobFilter struct {
	States []JobState
	Kind   string
	Model  string
	Parent uuid.UUID // Nil: any
	// Code is the ErrorCode.
	Code string
	// Since and Until bound when jobs ended, those that have not when they were made:
	// from the first on and before the second; zero for no bound.
	Since, Until time.Time
	// After selects the jobs that come after a place in the order of List; the zero
	// value those from the first.
	After JobCursor
	// Bare leaves Envelope and Outcome nil: they may be large.
	Bare  bool
	Limit int // 0: no limit
}

// JobCursor is the place of a job in the order of List: that after jobs created at
// the same time, to the microsecond, with lower ids.
type JobCursor struct {
	Created time.Time
	ID      uuid.UUID
}

// Before reports whether j comes after the place.
func (c JobCursor) Before(j Job) bool {
	order := j.Created.Compare(c.Created)
	return c == JobCursor{} || order < 0 || order == 0 && bytes.Compare(j.ID[:], c.ID[:]) > 0
}

// Ledger holds the jobs of a store, beside its metas, so that a job's row
// commits in the transaction of its writes.
type Ledger interface {
	// Insert adds rows that are not there and reports for each whether it did. A
	// row that is there with another envelope hash gives a *JobDiffersError, another
	// unfinished job with the Unique of a new one a *JobExistsError, and nothing is
	// inserted.
	Insert(ctx context.Context, jobs []Job) ([]bool, error)
	// Get returns a job; ErrNotFound.
	Get(ctx context.Context, id uuid.UUID) (Job, error)
	// Find returns the job whose Text is the given one; ErrNotFound.
	Find(ctx context.Context, text string) (Job, error)
	// List returns jobs, newest first.
	List(ctx context.Context, f JobFilter) iter.Seq2[Job, error]
	// Count returns how many jobs are in each of the states, in all when none is given.
	// It may read all jobs that are done only when it is to count them.
	Count(ctx context.Context, states ...JobState) (map[JobState]int64, error)

	// Claim starts an attempt of a long job, also of a suspended one: it inserts the row
	// when it is not there, counts the attempt and gives a lease. A row of which no queue
	// is known has that of j from then on. With ErrFinal or ErrLeased
	// (only by a live lease of another claim) the job is returned as it is. A row that
	// cannot be inserted for its Unique gives a *JobExistsError.
	Claim(ctx context.Context, j Job, lease time.Duration) (Job, Claim, error)
	// Renew extends the lease and records progress; the returned job tells
	// whether to cancel. ErrFenced when the claim was lost.
	Renew(ctx context.Context, c Claim, lease time.Duration, p Progress) (Job, error)
	// Finish ends a claimed job. ErrFenced when the claim was lost.
	Finish(ctx context.Context, c Claim, f Final) error
	// Release gives a claimed job back to the queue, recording why. refund takes
	// the attempt back (shutdown, outage). ErrFenced when the claim was lost.
	Release(ctx context.Context, c Claim, refund bool, code, message string) error
	// Chunks returns the chunks of a job that are done, by number.
	Chunks(ctx context.Context, job uuid.UUID) ([]Chunk, error)
	// CountChunks returns how many that are.
	CountChunks(ctx context.Context, job uuid.UUID) (int, error)

	// Suspend gives a claimed job up until its parts are done, see [Job.Suspended]: it
	// stays running, without a lease and without a message, and its attempt does not count.
	// It goes on at the time until, at once when that is zero or when the job was asked to
	// stop. p is its plan, nil for the one that it has; one with the same digest as that
	// changes nothing. done is how far the job is; the zero value leaves what was recorded.
	// ErrFenced when the claim was lost, ErrPlanned when chunks are done already that are
	// of no or of another plan: then the claim holds on.
	Suspend(ctx context.Context, c Claim, until time.Time, p *Plan, done Progress) error
	// Plan returns the plan of a job; ErrNotFound when it has none.
	Plan(ctx context.Context, job uuid.UUID) (Plan, error)
	// Outline is Plan without the Body, which may be large.
	Outline(ctx context.Context, job uuid.UUID) (Plan, error)
	// Wake makes a suspended job due now, unless it is due already, and returns the job
	// as it then is. It reports false, and changes nothing, when the job is not
	// suspended. ErrNotFound.
	Wake(ctx context.Context, job uuid.UUID) (Job, bool, error)

	// Attempt counts one attempt of each short job, inserting rows that are not
	// there, and returns the rows as they then are, in the order given. A job that
	// has ended is returned unchanged. Rows that are inserted get no Unique.
	Attempt(ctx context.Context, jobs []Job) ([]Job, error)
	// Refund takes one attempt of each job back (an outage was to blame).
	Refund(ctx context.Context, ids []uuid.UUID) error
	// Settle writes final rows of jobs that have no other effect, unless they have
	// ended already.
	Settle(ctx context.Context, jobs []Job) error

	// Park has jobs wait until their NotBefore, without a message, and records their
	// ErrorCode and ErrorMessage, inserting rows that are not there, without Unique. It
	// returns the rows as they then are, in the order given. A job that has ended, that a
	// live lease protects or that has another envelope hash is returned unchanged. A row
	// that has no envelope gets the given one. Where a message was is kept as the origin.
	Park(ctx context.Context, jobs []Job) ([]Job, error)
	// Due returns queued and suspended jobs whose NotBefore has passed, the earliest
	// first, at most limit.
	Due(ctx context.Context, limit int) ([]Job, error)
	// Waiting returns how many queued jobs have a NotBefore, passed or not.
	Waiting(ctx context.Context) (int64, error)

	// Published records that queue holds the messages of the jobs, and where, and clears
	// NotBefore. A job that waits for another time than the place's, since it was parked
	// meanwhile, stays as it is. Where a message was before is kept as the origin, unless
	// that is known.
	Published(ctx context.Context, queue uuid.UUID, places []Place) error
	// Takeover is called by the only consumer of a queue when it starts: it frees
	// the leases of all running jobs of that queue and returns how many there were.
	// Suspended jobs stay so.
	Takeover(ctx context.Context, queue uuid.UUID) (int, error)
	// Act does to a job what Cancel, Retry or Drop do, which leave no trace, and adds it to
	// the audit trail in the same transaction (G40). It returns the job as it then is, a
	// dropped one as it was. An act that the job refuses, see ActCode, is an entry, too; of
	// a job that is not there, ErrNotFound, there is none. ErrVerb.
	Act(ctx context.Context, a Act) (Job, error)
	// Audits returns entries of the audit trail, the latest first.
	Audits(ctx context.Context, f AuditFilter) iter.Seq2[Audit, error]
	// PruneAudits removes the entries before the given time and returns how many.
	PruneAudits(ctx context.Context, before time.Time) (int64, error)
	// Cancel ends a queued job at once and asks a running one to stop; a suspended one
	// becomes due for that. It returns the job as it then is. ErrFinal, ErrNotFound.
	Cancel(ctx context.Context, id uuid.UUID) (Job, error)
	// Retry puts a refused, dead or cancelled job back to queued, attempts 0,
	// without a message. ErrNotFound; ErrFinal for a done job and an error for one
	// that has not ended; a *JobExistsError while another job with its Unique has not
	// ended.
	Retry(ctx context.Context, id uuid.UUID) (Job, error)
	// Drop removes the row of a job that has ended, with its chunks and its plan.
	// ErrNotFound.
	Drop(ctx context.Context, id uuid.UUID) error
	// Prune removes the jobs that ended before the given time in one of the states,
	// which are final ones, and returns how many. It may take several transactions, each
	// of at most 1,000 rows: after an error some are removed, and it tells how many. A job
	// that still has something staged may stay: Drop removes it.
	Prune(ctx context.Context, before time.Time, states ...JobState) (int64, error)

	// Probe commits a write of some 64 KiB that nobody sees and of which nothing stays,
	// and returns why the ledger takes none now. A disk that is full and a server that
	// only reads answer everything else.
	Probe(ctx context.Context) error
	// PruneMarks removes the marks whose time is before the given one and returns how
	// many. It may take several transactions, each of at most 1,000 rows.
	PruneMarks(ctx context.Context, before time.Time) (int64, error)
}
