package jobs

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// cause starts the jobs that a finished job causes. The built-in rule: a load
// that leaves rows without rev_* fields causes their backfill. What fails here
// is made good by the next delivery or by the reconciler; the job itself is done.
func (x *Executor) cause(ctx context.Context, t *task) {
	if x.Submitter == nil || t.env.RulesOff || t.env.Kind() != KindLoad {
		return
	}
	models, err := x.unfilled(ctx, t)
	if err == nil && len(models) > 0 {
		_, err = x.Submitter.Submit(ctx, x.backfillAfter(t, models))
	}
	if err != nil && !isDiffers(err) {
		t.again(ActionRetry, x.delay(1), failureCode(err), err)
		t.verdict.State = storage.JobDone
	}
}

// causeAgain makes up for what a worker that died right after the end of a job,
// or a user who ended it, left undone: what a load causes, or the sweep of one
// that failed. The ids of caused jobs are derived, so nothing runs twice.
func (x *Executor) causeAgain(ctx context.Context, t *task, row storage.Job) {
	switch {
	case row.State == storage.JobDone:
		x.cause(ctx, t)
	case t.env.Kind() == KindLoad:
		if err := x.Loader.Unstage(ctx, storage.Claim{Job: row.ID}); err != nil {
			t.again(ActionRetry, x.delay(1), failureCode(err), err)
			t.verdict.State = row.State
		}
	}
}

// unfilled returns the models that a load touched and that have rows to fill.
func (x *Executor) unfilled(ctx context.Context, t *task) ([]string, error) {
	row, err := x.Ledger.Get(ctx, t.row.ID)
	if err != nil {
		return nil, err
	}
	models, err := x.Backfiller.Unfilled(ctx)
	var loaded manager.LoadOutcome
	if json.Unmarshal(row.Outcome, &loaded) != nil {
		return models, err // whatever was loaded: filling more does no harm
	}
	return slices.DeleteFunc(models, func(name string) bool {
		_, ok := loaded.Models[name]
		return !ok
	}), err
}

// backfillAfter returns the backfill that a load causes. Everything in it is
// derived from the load.
func (x *Executor) backfillAfter(t *task, models []string) Envelope {
	return Envelope{
		ID:     uuid.NewSHA1(t.row.ID, []byte("backfill "+RevisionMeta)).String(),
		User:   t.env.User,
		Time:   t.env.Time,
		Lane:   LaneBulk,
		Parent: t.row.ID,
		Args:   Backfill{What: RevisionMeta, Models: models},
	}
}
