package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/pflag"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// defaultSweep is how often a worker looks for rows without rev_* fields.
const defaultSweep = 10 * time.Minute

const (
	// sweepPage is how many such rows are looked at together, and sweepPages how many pages
	// of a model in one pass: rows whose current revision is nowhere stay, and another pass
	// goes on behind them.
	sweepPage  = 1000
	sweepPages = 10
)

// sweepFlags say when a worker looks for rows without rev_* fields.
type sweepFlags struct {
	every   string
	atStart bool
	// period is every, 0 for never.
	period time.Duration
}

func (f *sweepFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.every, "sweep", defaultSweep.String(), "`DURATION` after which rows without rev_* fields are looked for again, whoever wrote them, and their backfill submitted, or off")
	flags.BoolVar(&f.atStart, "backfill-at-start", false, "look for rows without rev_* fields at the start, too")
}

func (f *sweepFlags) check() error {
	if f.every == "off" {
		return nil
	}
	d, err := time.ParseDuration(f.every)
	if err != nil || d < time.Second {
		return usage("--sweep %s: it is a duration of at least 1s, as 10m, or off", f.every)
	}
	f.period = d
	return nil
}

// sweeper looks for rows without rev_* fields, whoever wrote them.
type sweeper struct {
	worker *worker
	// after is behind which row the next pass begins, by model.
	after map[string]resource.ID
}

// sweep looks regularly for rows without rev_* fields until ctx ends.
func (w *worker) sweep(ctx context.Context) {
	f, log := w.session.options.sweep, w.session.app.log
	s := &sweeper{worker: w, after: make(map[string]resource.ID)}
	pass := func() {
		if err := s.pass(ctx); err != nil && ctx.Err() == nil {
			log.Warn("could not look for rows without rev_*, will be tried again", zap.Error(err))
		}
	}
	if f.atStart {
		pass()
	}
	if f.period == 0 {
		return
	}
	tick := time.NewTicker(f.period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			pass()
		}
	}
}

// pass looks once. Only when a rule makes a job of what is found, an event tells of it: while
// the job of an earlier pass has not ended there is none.
func (s *sweeper) pass(ctx context.Context) error {
	found, err := s.find(ctx)
	if err != nil || len(found) == 0 {
		return err
	}
	ses := s.worker.session
	e := &jobs.Event{ID: uuid.New(), Type: jobs.EventFound, Store: ses.store.ID(), Time: time.Now(), EventData: jobs.EventData{Models: found, Counts: jobs.Counts{}}}
	for _, counts := range found {
		e.Counts["unset"] += counts["unset"]
	}
	s.worker.work.Swept(e.Counts["unset"])
	fired, err := s.worker.rules.Fire(ctx, e)
	if err != nil || fired == 0 {
		return err
	}
	err = ses.events.Publish(ctx, e)
	s.worker.work.Told(err == nil)
	return err
}

// find returns how many rows of each model lack rev_* fields, of models that have some which
// can be completed by the user of the worker.
func (s *sweeper) find(ctx context.Context) (map[string]jobs.Counts, error) {
	ses := s.worker.session
	catalog := ses.catalog.Using(manager.Scope{User: ses.app.global.rights.userName()})
	infos, err := catalog.Models(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]jobs.Counts)
	for _, info := range infos {
		if err := catalog.Ask(ctx, manager.Event{Action: manager.ActionMigrate, Model: info.Name}); err != nil {
			continue // it would be refused
		}
		rows, err := s.unset(ctx, info.Name)
		if err != nil {
			return nil, err
		}
		if rows > 0 {
			found[info.Name] = jobs.Counts{"unset": rows}
		}
	}
	return found, nil
}

// unset returns how many rows were found in a model of which a backfill completes some.
func (s *sweeper) unset(ctx context.Context, name string) (int64, error) {
	m, err := s.worker.session.catalog.Unguarded().Open(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var rows, fillable int64
	for range sweepPages {
		u, err := m.Unset(ctx, s.after[name], sweepPage)
		if err != nil {
			return 0, err
		}
		rows, fillable = rows+u.Rows, fillable+u.Fillable
		if s.after[name] = u.Last; !u.More {
			delete(s.after, name)
			break
		}
	}
	if fillable == 0 {
		return 0, nil
	}
	delete(s.after, name) // the job looks at all of them
	return rows, nil
}
