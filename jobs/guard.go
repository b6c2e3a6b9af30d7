package jobs

import (
	"context"
	"fmt"

	"github.com/specstar-worker/worker/manager"
)

// Guard is a [Submitter] that takes only jobs which the handlers of Catalog
// would let the worker do, so that who may not do something learns it at once.
// The worker asks again when it does the job.
//
// A save is refused here when all its operations would be, any other job for the
// models that it names. What they find out about others is up to the worker.
type Guard struct {
	Submitter
	Catalog *manager.Catalog
}

// Submit implements [Submitter]. The receipt of a job that is not taken has a
// *[manager.RefusedError]; the others are submitted.
func (g *Guard) Submit(ctx context.Context, jobs ...Envelope) ([]Receipt, error) {
	receipts := make([]Receipt, len(jobs))
	var taken []Envelope
	var places []int
	for i, e := range jobs {
		if err := g.ask(ctx, e); err != nil {
			receipts[i] = Receipt{Text: e.ID, Err: err}
			continue
		}
		taken, places = append(taken, e), append(places, i)
	}
	if len(taken) > 0 {
		done, err := g.Submitter.Submit(ctx, taken...)
		for i, r := range done {
			receipts[places[i]] = r
		}
		if len(done) == 0 && err != nil {
			return receipts, err
		}
	}
	return receipts, firstError(receipts)
}

// ask returns why a job would be refused.
func (g *Guard) ask(ctx context.Context, e Envelope) error {
	switch a := e.Args.(type) {
	case Save:
		return g.askSave(ctx, e)
	case Load:
		return g.askModels(ctx, manager.ActionLoad, e.User, a.Models)
	case Backfill:
		return g.askModels(ctx, manager.ActionMigrate, e.User, a.Models)
	case Migrate:
		return g.askModels(ctx, manager.ActionMigrate, e.User, a.Models)
	case Dump:
		return g.askModels(ctx, manager.ActionDump, e.User, a.Models)
	case Verify:
		return g.askModels(ctx, manager.ActionDump, e.User, a.Models)
	}
	return nil
}

func (g *Guard) askSave(ctx context.Context, e Envelope) error {
	refused, err := g.Catalog.AskSave(ctx, e.Model, e.Operations())
	if err != nil {
		return fmt.Errorf("ask whether job %s is allowed: %w", e.ID, err)
	}
	for _, r := range refused {
		if r == nil {
			return nil
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return refused[0]
}

func (g *Guard) askModels(ctx context.Context, a manager.Action, user string, models []string) error {
	for _, model := range models {
		if err := g.Catalog.Ask(ctx, manager.Event{Action: a, Model: model, User: user}); err != nil {
			return err
		}
	}
	return nil
}
