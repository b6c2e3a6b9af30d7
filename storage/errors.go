package storage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

// Errors that callers branch on. Backends wrap them with what was being done.
var (
	// ErrNotFound: there is no such model, resource, revision, blob or job.
	ErrNotFound = errors.New("not found")
	// ErrFenced: the claim was lost; another process owns the job or it is final.
	// The transaction was rolled back and the caller must stop working on the job.
	ErrFenced = errors.New("claim lost: the job was claimed by another worker or has ended")
	// ErrLeased: another worker holds a live lease on the job.
	ErrLeased = errors.New("job is leased to another worker")
	// ErrFinal: the job has already ended.
	ErrFinal = errors.New("job has already ended")
	// ErrPlanned: chunks of the job are done that a new plan does not know.
	ErrPlanned = errors.New("chunks of the job are done already, by no or by another plan")
	// ErrUnusableName: the medium cannot hold a model or a blob of that name beside
	// what it has. Another name helps, a repeat does not.
	ErrUnusableName = errors.New("the store cannot hold this name")
	// ErrUnavailable: the medium is down, full or out of connections. Nothing is
	// wrong with the data: pause and try again.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrSetup: a right, a table, a bucket or credentials are missing. Nothing is wrong
	// with the data: an operator must act, then the same call succeeds.
	ErrSetup = errors.New("the store is not set up for this")
)

// DuplicateError says that a publish or an exclusive write met resources that
// already exist. Nothing of the transaction took effect.
type DuplicateError struct {
	// Model and IDs name the first resources that exist, IDs in order, at most
	// [MaxDuplicateIDs].
	Model string
	IDs   []resource.ID
	// Count is how many exist over all models, at least len(IDs).
	Count int
}

// MaxDuplicateIDs is how many ids a [DuplicateError] names.
const MaxDuplicateIDs = 10

// Error names the model, the first ids and how many more there are.
func (e *DuplicateError) Error() string {
	ids := make([]string, len(e.IDs))
	for i, id := range e.IDs {
		ids[i] = string(id)
	}
	more := ""
	if n := e.Count - len(ids); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("model %s: already in the store: %s%s", e.Model, strings.Join(ids, ", "), more)
}

// JobDiffersError says that a job id was submitted again with other content.
type JobDiffersError struct{ ID string }

// Error names the job.
func (e *JobDiffersError) Error() string {
	return fmt.Sprintf("job %s was submitted before with other content", e.ID)
}

// JobExistsError says that a job was not taken because another one with the same
// unique key has not ended.
type JobExistsError struct {
	// Job is that one's key, ID its id as its submitter wrote it.
	Job uuid.UUID
	ID  string
	// Unique is the key that both have.
	Unique string
}

// Error names the job that is there.
func (e *JobExistsError) Error() string {
	return fmt.Sprintf("job %s with the unique key %q has not ended", e.ID, e.Unique)
}

// RecordError says that a store cannot hold one record because of what is in it.
// Nothing of the transaction took effect; without the record, and those of More, it may.
type RecordError struct {
	Model string
	ID    resource.ID
	// Field names what cannot be held; empty when it is the whole record.
	Field string
	// Reason says why.
	Reason string
	// More are other records of the same write that cannot be held either, each without
	// More of its own. There may be others still.
	More []*RecordError
}

// Error names the record, the field and the reason.
func (e *RecordError) Error() string {
	field := ""
	if e.Field != "" {
		field = ", field " + e.Field
	}
	return fmt.Sprintf("%s %s%s: %s", e.Model, e.ID, field, e.Reason)
}

// RecordErrors collects the records of a write that cannot be held.
type RecordErrors struct{ all []*RecordError }

// Add notes a *RecordError. It returns any other error, which ends the collecting.
func (r *RecordErrors) Add(err error) error {
	bad, ok := errors.AsType[*RecordError](err)
	if ok {
		r.all = append(r.all, bad)
		return nil
	}
	return err
}

// Err returns the first record with the others as its More, nil for none.
func (r *RecordErrors) Err() error {
	if len(r.all) == 0 {
		return nil
	}
	first := *r.all[0]
	first.More = r.all[1:]
	return &first
}
