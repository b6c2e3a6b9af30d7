package jobs

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// fill is the rule that completes rows without rev_* fields: those that a load has left,
// of the models that it was about, and those that a sweep has found.
func (g *engine) fill(ctx context.Context, e *Event, from []*Envelope) (int, error) {
	found := e.Type == EventFound
	if !found && e.Type != EndType(KindLoad, storage.JobDone) {
		return 0, nil
	}
	chain, may := chainOf(RuleFill, from)
	if !may {
		return 0, nil
	}
	models, err := g.unfilled(ctx, e)
	if err != nil || len(models) == 0 {
		return 0, err
	}
	env := Envelope{User: cmp.Or(e.User, g.user), Lane: LaneBulk, Args: Backfill{What: RevisionMeta, Models: models}}
	if found {
		env.Unique = "rule:" + RuleFill
	}
	return g.submit(ctx, e, env, caused{rule: RuleFill, chain: chain})
}

// unfilled returns the models of an event that have rows to fill.
func (g *engine) unfilled(ctx context.Context, e *Event) ([]string, error) {
	models := e.ModelNames()
	if e.More > 0 { // whatever was loaded: filling more does no harm
		models = nil
	} else if len(models) == 0 {
		return nil, nil
	}
	models, err := g.unfilledOf(ctx, models)
	return models[:min(len(models), MaxModels)], err
}

// reindexDelay is how long the backfill of a model that is declared anew waits at least.
// The job is submitted first, so that a process which dies in between leaves it, and the
// declaration is there by then.
const reindexDelay = 5 * time.Second

// reindex is the rule that fills in values at paths which a model indexes anew.
func (g *engine) reindex(ctx context.Context, e *Event, from []*Envelope) (fired int, err error) {
	chain, may := chainOf(RuleReindex, from)
	if e.Type != EventDeclared || !may {
		return 0, nil
	}
	for _, name := range slices.Sorted(slices.Values(e.ModelNames())) {
		env := Envelope{User: cmp.Or(e.User, g.user), Lane: LaneBulk, Args: Backfill{What: IndexedData, Models: []string{name}}}
		env.NotBefore = storedTime(e.Time.Add(reindexDelay))
		n, err := g.submit(ctx, e, env, caused{rule: RuleReindex, part: name, chain: chain, key: "rule:" + RuleReindex + ":" + name})
		if fired += n; err != nil {
			return fired, err
		}
	}
	return fired, nil
}
