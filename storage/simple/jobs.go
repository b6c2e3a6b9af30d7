package simple

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Jobs are the rows of a ledger. Its methods do what the methods of
// [storage.Ledger] with the same names promise (G12, G13, G15), at a time that the
// store passes. They take no locks: the store calls one at a time, and makes what
// they changed durable. A method that returns an error has changed nothing.
type Jobs struct {
	Rows map[uuid.UUID]Row
	// Done are the chunks of each job that are done, by number.
	Done map[uuid.UUID][]storage.Chunk
	// Plans are the plans of jobs that are done in parts.
	Plans map[uuid.UUID]storage.Plan
	// Texts are the ids of the rows by Job.Text.
	Texts map[string]uuid.UUID
	// Marks are the marks of saves, by key (G28).
	Marks map[uuid.UUID]storage.Mark
	// Trail is the audit trail, by the ids of its entries.
	Trail map[uuid.UUID]storage.Audit
}

// Row is a job and the token of its live claim, uuid.Nil for none.
type Row struct {
	storage.Job
	Token uuid.UUID
}

// NewJobs returns a ledger without jobs.
func NewJobs() Jobs {
	return Jobs{
		Rows: map[uuid.UUID]Row{}, Done: map[uuid.UUID][]storage.Chunk{}, Plans: map[uuid.UUID]storage.Plan{}, Texts: map[string]uuid.UUID{},
		Marks: map[uuid.UUID]storage.Mark{}, Trail: map[uuid.UUID]storage.Audit{},
	}
}

// CopyJob returns j with memory of its own and times to the microsecond (G15).
func CopyJob(j storage.Job) storage.Job {
	j.Envelope = bytes.Clone(j.Envelope)
	j.EnvelopeHash = bytes.Clone(j.EnvelopeHash)
	j.Outcome = bytes.Clone(j.Outcome)
	for _, t := range []*time.Time{&j.Created, &j.Started, &j.Finished, &j.LeaseUntil, &j.NotBefore} {
		if !t.IsZero() {
			*t = t.UTC().Truncate(time.Microsecond)
		}
	}
	return j
}

// text returns the id of j as its submitter wrote it.
func text(j storage.Job) string { return cmp.Or(j.Text, j.ID.String()) }

// add inserts j, which is not there, and fills what a new row needs.
func (t Jobs) add(j storage.Job, now time.Time) Row {
	j = CopyJob(j)
	j.Text = text(j)
	j.State = cmp.Or(j.State, storage.JobQueued)
	if j.Created.IsZero() {
		j.Created = now
	}
	row := Row{Job: j}
	t.Rows[j.ID] = row
	t.Texts[j.Text] = j.ID
	return row
}

// row returns the row of a job.
func (t Jobs) row(id uuid.UUID) (Row, error) {
	row, ok := t.Rows[id]
	if !ok {
		return Row{}, fmt.Errorf("job %s: %w", id, storage.ErrNotFound)
	}
	return row, nil
}

// Insert adds rows that are not there and reports for each whether it did; a
// *storage.JobDiffersError, a *storage.JobExistsError.
func (t Jobs) Insert(jobs []storage.Job, now time.Time) ([]bool, error) {
	for _, j := range jobs {
		if row, ok := t.Rows[j.ID]; ok && !sameHash(row.Job, j) {
			return nil, fmt.Errorf("insert jobs: %w", &storage.JobDiffersError{ID: text(j)})
		}
	}
	taken := map[string]storage.Job{}
	for _, j := range jobs {
		if _, ok := t.Rows[j.ID]; ok || j.Unique == "" {
			continue
		}
		other, found := taken[j.Unique]
		if !found {
			other, found = t.holder(j.Unique)
		}
		if found && other.ID != j.ID {
			return nil, fmt.Errorf("insert jobs: %w", exists(other))
		}
		taken[j.Unique] = j
	}
	inserted := make([]bool, len(jobs))
	for i, j := range jobs {
		if _, ok := t.Rows[j.ID]; !ok {
			t.add(j, now)
			inserted[i] = true
		}
	}
	return inserted, nil
}

// sameHash reports whether two rows may be of the same message; a hash that is
// not known differs from none.
func sameHash(a, b storage.Job) bool {
	return len(a.EnvelopeHash) == 0 || len(b.EnvelopeHash) == 0 || bytes.Equal(a.EnvelopeHash, b.EnvelopeHash)
}

// holder returns the job that has a unique key and has not ended.
func (t Jobs) holder(unique string) (storage.Job, bool) {
	for _, row := range t.Rows {
		if unique != "" && row.Unique == unique && !row.State.Final() {
			return row.Job, true
		}
	}
	return storage.Job{}, false
}

func exists(j storage.Job) error {
	return &storage.JobExistsError{Job: j.ID, ID: text(j), Unique: j.Unique}
}

// Get returns a job; ErrNotFound.
func (t Jobs) Get(id uuid.UUID) (storage.Job, error) {
	row, err := t.row(id)
	return CopyJob(row.Job), err
}

// Find returns the job of a text; ErrNotFound.
func (t Jobs) Find(text string) (storage.Job, error) {
	id, ok := t.Texts[text]
	if !ok {
		return storage.Job{}, fmt.Errorf("job %s: %w", text, storage.ErrNotFound)
	}
	return t.Get(id)
}

// List returns the jobs that f selects, newest first.
func (t Jobs) List(f storage.JobFilter) []storage.Job {
	var jobs []storage.Job
	for _, row := range t.Rows {
		if selects(f, row.Job) && f.After.Before(row.Job) {
			jobs = append(jobs, row.Job)
		}
	}
	slices.SortFunc(jobs, func(a, b storage.Job) int {
		return cmp.Or(b.Created.Compare(a.Created), bytes.Compare(a.ID[:], b.ID[:]))
	})
	if f.Limit > 0 {
		jobs = jobs[:min(f.Limit, len(jobs))]
	}
	for i := range jobs {
		if f.Bare {
			jobs[i].Envelope, jobs[i].Outcome = nil, nil
		}
		jobs[i] = CopyJob(jobs[i])
	}
	return jobs
}

func selects(f storage.JobFilter, j storage.Job) bool {
	return (len(f.States) == 0 || slices.Contains(f.States, j.State)) &&
		(f.Kind == "" || f.Kind == j.Kind) &&
		(f.Model == "" || f.Model == j.Model) &&
		(f.Parent == uuid.Nil || f.Parent == j.Parent) &&
		(f.Code == "" || f.Code == j.ErrorCode) &&
		!j.When().Before(f.Since) && (f.Until.IsZero() || j.When().Before(f.Until))
}

// Count returns how many jobs are in each of the states, in all when none is given.
func (t Jobs) Count(states ...storage.JobState) map[storage.JobState]int64 {
	counts := map[storage.JobState]int64{}
	for _, row := range t.Rows {
		if len(states) == 0 || slices.Contains(states, row.State) {
			counts[row.State]++
		}
	}
	return counts
}

// Unfinished returns the jobs that are not done, for [storage.Garbage].
func (t Jobs) Unfinished() []storage.Job {
	var jobs []storage.Job
	for _, row := range t.Rows {
		if row.State != storage.JobDone {
			jobs = append(jobs, CopyJob(row.Job))
		}
	}
	return jobs
}
