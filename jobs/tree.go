package jobs

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

const (
	// deepest is how many generations of caused jobs a tree has.
	deepest = 6
	// widest is how many jobs that one has caused a tree has.
	widest = 100
)

// Tree is a job with the jobs that it caused, and those that they caused.
type Tree struct {
	View
	// Together is how far all of them are, nil when the job caused none.
	Together *Together `json:"together,omitempty"`
	// Caused are the jobs that this one caused, the oldest first, without outcomes and
	// without the parts of a divided job; at most 100, the latest ones.
	Caused []Tree `json:"caused,omitempty"`

	job storage.Job
}

// Together is how far several jobs are.
type Together struct {
	Jobs  int `json:"jobs"`
	Ended int `json:"ended"`
	// Done and Total count units of all of them; Total 0 means that it is not known of one
	// of them.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

// TreeOf returns a job with the jobs that it caused, each as LiveView shows it.
func TreeOf(ctx context.Context, l storage.Ledger, j storage.Job, now time.Time) (Tree, error) {
	return treeOf(ctx, l, j, now, map[uuid.UUID]bool{}, deepest)
}

func treeOf(ctx context.Context, l storage.Ledger, j storage.Job, now time.Time, seen map[uuid.UUID]bool, deep int) (Tree, error) {
	seen[j.ID] = true
	v, err := LiveView(ctx, l, j, now)
	t := Tree{View: v, job: j}
	if err != nil || deep == 0 {
		return t, err
	}
	children, err := causedBy(ctx, l, j, seen)
	if err != nil {
		return t, err
	}
	for _, c := range children {
		child, err := treeOf(ctx, l, c, now, seen, deep-1)
		if err != nil {
			return t, err
		}
		t.Caused = append(t.Caused, child)
	}
	if len(t.Caused) > 0 {
		t.Together = t.together()
	}
	return t, nil
}

// causedBy returns the jobs that one caused and that were not seen yet.
func causedBy(ctx context.Context, l storage.Ledger, j storage.Job, seen map[uuid.UUID]bool) ([]storage.Job, error) {
	var children []storage.Job
	for c, err := range l.List(ctx, storage.JobFilter{Parent: j.ID, Bare: true}) {
		if err != nil {
			return nil, fmt.Errorf("list jobs caused by %s: %w", j.ID, err)
		}
		if len(children) == widest {
			break
		}
		if c.Kind != string(KindChunk) && !seen[c.ID] {
			children = append([]storage.Job{c}, children...)
		}
	}
	return children, nil
}

// together sums up the job and those below it.
func (t Tree) together() *Together {
	sum := &Together{Jobs: 1, Done: t.Progress.Done, Total: t.Progress.Total}
	if t.State.Final() {
		sum.Ended = 1
	}
	known := t.known()
	for _, c := range t.Caused {
		part := c.together()
		sum.Jobs, sum.Ended, sum.Done = sum.Jobs+part.Jobs, sum.Ended+part.Ended, sum.Done+part.Done
		sum.Total += part.Total
		known = known && (part.Total > 0 || part.Ended == part.Jobs)
	}
	if !known {
		sum.Total = 0
	}
	return sum
}

// known reports whether it is known how much there is to do.
func (t Tree) known() bool { return t.Progress.Total > 0 || t.State.Final() }

// Job is the row that the tree was made of.
func (t Tree) Job() storage.Job { return t.job }

// Ended reports whether the job and all that it caused have ended.
func (t Tree) Ended() bool {
	if !t.State.Final() {
		return false
	}
	for _, c := range t.Caused {
		if !c.Ended() {
			return false
		}
	}
	return true
}
