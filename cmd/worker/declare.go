package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/models"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

// declare makes the models that --models declares. Where one that is there is declared to
// index other paths, rules are told before and after: a process that dies in between leaves
// the backfill that it takes, and one that has begun by then is followed by another.
func (w *worker) declare(ctx context.Context) error {
	a := w.session.app
	if a.global.models == "" {
		return nil
	}
	declared, err := models.ReadFile(a.global.models)
	if err != nil {
		return err
	}
	known, err := w.session.catalog.Models(ctx)
	if err != nil {
		return err
	}
	for _, m := range declared {
		e := w.declared(m, known)
		if err := w.fireDeclared(ctx, e); err != nil {
			return err
		}
		if _, err := w.session.catalog.DeclareModel(ctx, m); err != nil {
			return fmt.Errorf("declare the models of %s: %w", a.global.models, err)
		}
		if e == nil {
			continue
		}
		e.ID, e.Time = uuid.New(), time.Now()
		if err := w.fireDeclared(ctx, e); err != nil {
			return err
		}
		if err := w.session.events.Publish(ctx, e); err != nil {
			a.log.Warn("event not published", zap.Error(err))
		}
	}
	return nil
}

// declared returns the event that a declaration is, nil when it indexes nothing that a known
// model does not, or when the command is one that fills in what is indexed.
func (w *worker) declared(m *model.Model, known []storage.ModelInfo) *jobs.Event {
	s, name := w.session, m.Declaration().Name
	i := slices.IndexFunc(known, func(info storage.ModelInfo) bool { return info.Name == name })
	if i < 0 || s.options.command == "backfill" || s.app.global.rulesOff() {
		return nil
	}
	paths := slices.DeleteFunc(slices.Clone(m.IndexedPaths()), func(p string) bool { return slices.Contains(known[i].IndexedPaths, p) })
	if len(paths) == 0 {
		return nil
	}
	return &jobs.Event{ID: uuid.New(), Type: jobs.EventDeclared, Store: s.store.ID(), Time: time.Now(), EventData: jobs.EventData{
		User: s.app.global.rights.userName(), Models: map[string]jobs.Counts{name: {}}, Paths: paths,
	}}
}

// fireDeclared has rules act on a declaration.
func (w *worker) fireDeclared(ctx context.Context, e *jobs.Event) error {
	if e == nil {
		return nil
	}
	if _, err := w.rules.Fire(ctx, e); err != nil {
		return fmt.Errorf("submit what a declaration takes: %w", err)
	}
	return nil
}
