// Package jobfilter reads what people write to select jobs: the flags of worker jobs and
// the parameters of GET /jobs, which have the same names.
package jobfilter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// Filter selects jobs. The zero value selects all.
type Filter struct {
	States                    []string
	Kind, Model, Code, Parent string
	// Since and Until are moments, see [Moment].
	Since, Until string
	// After is the id of a job that the selected ones come after in a list.
	After string
	Limit int
}

// The names of what a filter is made of, as flags and as parameters.
const (
	State  = "state"
	Kind   = "kind"
	Model  = "model"
	Code   = "code"
	Parent = "parent"
	Since  = "since"
	Until  = "until"
	After  = "after"
	Limit  = "limit"
)

// Names returns all of them.
func Names() []string { return []string{State, Kind, Model, Code, Parent, Since, Until, After, Limit} }

// ValueError says what is wrong with a value.
type ValueError struct {
	// Name is that of the flag or parameter, Why what its value is not.
	Name, Value, Why string
}

// Error quotes the value.
func (e *ValueError) Error() string { return fmt.Sprintf("%s %q %s", e.Name, e.Value, e.Why) }

// Parse returns the filter of a ledger, in which After is looked up. The error is a
// *[ValueError], or that of the ledger.
func (f Filter) Parse(ctx context.Context, l storage.Ledger) (storage.JobFilter, error) {
	out, err := f.Check()
	if err != nil || f.After == "" {
		return out, err
	}
	row, err := Find(ctx, l, f.After)
	if errors.Is(err, storage.ErrNotFound) {
		return out, &ValueError{After, f.After, "is the id of no job"}
	}
	out.After = storage.JobCursor{Created: row.Created, ID: row.ID}
	return out, err
}

// Check returns the filter without After, for which a ledger has to be asked. The error is
// a *[ValueError].
func (f Filter) Check() (out storage.JobFilter, err error) {
	out = storage.JobFilter{Kind: f.Kind, Model: f.Model, Code: f.Code, Limit: f.Limit}
	if out.States, err = states(f.States); err != nil {
		return out, err
	}
	if f.Kind != "" && !slices.Contains(jobs.Kinds(), jobs.Kind(f.Kind)) {
		return out, &ValueError{Kind, f.Kind, "is not known; use save, load, backfill or migrate"}
	}
	if f.Parent != "" {
		if out.Parent, err = uuid.Parse(f.Parent); err != nil {
			return out, &ValueError{Parent, f.Parent, "is not a UUID: jobs name the row of the job that caused them; see parent in worker jobs list -o json"}
		}
	}
	if out.Since, err = Moment(Since, f.Since); err != nil {
		return out, err
	}
	if out.Until, err = Moment(Until, f.Until); err != nil {
		return out, err
	}
	if f.Limit < 0 {
		return out, &ValueError{Limit, fmt.Sprint(f.Limit), "must not be negative"}
	}
	return out, nil
}

func states(names []string) (out []storage.JobState, err error) {
	known := []storage.JobState{storage.JobQueued, storage.JobRunning, storage.JobDone, storage.JobRefused, storage.JobDead, storage.JobCancelled}
	for _, s := range names {
		if !slices.Contains(known, storage.JobState(s)) {
			return nil, &ValueError{State, s, "is not known; use queued, running, done, refused, dead or cancelled"}
		}
		out = append(out, storage.JobState(s))
	}
	return out, nil
}

// Moment reads the time that a flag or parameter has: RFC 3339, or how long ago; empty for
// none. The error is a *[ValueError].
func Moment(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return time.Now().Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, &ValueError{name, s, "is neither a time as 2026-01-31T08:00:00Z nor a duration as 24h"}
	}
	return t, nil
}

// Find returns a job by its id as people write it: the submitter's text, or the UUID of the
// row. ErrNotFound.
func Find(ctx context.Context, l storage.Ledger, id string) (storage.Job, error) {
	if u, err := uuid.Parse(id); err == nil {
		j, err := l.Get(ctx, u)
		if !errors.Is(err, storage.ErrNotFound) {
			return j, err
		}
	}
	return l.Find(ctx, id)
}
