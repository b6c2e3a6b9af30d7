package storage

import (
	"bytes"
	"errors"
	"time"

	"github.com/google/uuid"
)

// Verb is what a person does to a job.
type Verb string

// The verbs of the audit trail, each the method of [Ledger] of its name.
const (
	VerbRetry  Verb = "retry"
	VerbCancel Verb = "cancel"
	VerbDrop   Verb = "drop"
)

// Act is something that a person does to a job.
type Act struct {
	Verb Verb
	Job  uuid.UUID
	// By says who it is, Via by which program.
	By, Via string
}

// Audit is an entry of the audit trail: an act and what became of it. It is never
// changed.
type Audit struct {
	ID uuid.UUID
	// At is when it was, by the store's clock, to the microsecond.
	At time.Time
	Act
	// Text, Kind, Model and ErrorCode are those of the job before.
	Text, Kind, Model, ErrorCode string
	// Was is the state of the job before, Is after: empty when the job was dropped.
	Was, Is JobState
	// Code says why the act was refused, see [ActCode]; empty when it was done.
	Code string
}

// AuditFilter selects entries of the audit trail. The zero value selects all.
type AuditFilter struct {
	Job  uuid.UUID // Nil: any
	Verb Verb
	By   string
	// Since is the first moment, Until the first that is too late; zero for no bound.
	Since, Until time.Time
	Limit        int // 0: no limit
}

// Selects reports whether an entry is selected, the limit aside.
func (f AuditFilter) Selects(a Audit) bool {
	return (f.Job == uuid.Nil || f.Job == a.Job) && (f.Verb == "" || f.Verb == a.Verb) && (f.By == "" || f.By == a.By) &&
		!a.At.Before(f.Since) && (f.Until.IsZero() || a.At.Before(f.Until))
}

// CompareAudits is the order of Ledger.Audits: the latest first, and of the same time
// the highest id.
func CompareAudits(a, b Audit) int {
	if c := b.At.Compare(a.At); c != 0 {
		return c
	}
	return bytes.Compare(b.ID[:], a.ID[:])
}

// Entry returns the entry of an act on a job, before it is done.
func (a Act) Entry(was Job, now time.Time) Audit {
	return Audit{
		ID: uuid.New(), At: now.UTC().Truncate(time.Microsecond), Act: a,
		Text: was.Text, Kind: was.Kind, Model: was.Model, ErrorCode: was.ErrorCode, Was: was.State, Is: was.State,
	}
}

// ErrNotEnded: the job has not ended, so it can neither be retried nor dropped.
var ErrNotEnded = errors.New("job has not ended")

// ErrVerb: there is no such verb.
var ErrVerb = errors.New("this cannot be done to a job")

// ActCode returns the code of an error by which a job refuses an act, and whether it is
// one: final, not_ended, job_exists.
func ActCode(err error) (code string, refused bool) {
	_, exists := errors.AsType[*JobExistsError](err)
	switch {
	case errors.Is(err, ErrFinal):
		return "final", true
	case errors.Is(err, ErrNotEnded):
		return "not_ended", true
	case exists:
		return "job_exists", true
	}
	return "", false
}
