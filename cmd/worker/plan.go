package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// planBatch is how many metas are compared with the store at once.
const planBatch = 1000

func (a *app) planCommand() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "plan ARCHIVE",
		Short: "Tell what a load of an archive would meet",
		Long: `plan checks the whole archive (a file or s3://BUCKET/KEY) and counts for each model the resources that are
new, those whose meta is in the store exactly so, and those that differ. It
writes nothing.`,
		Example: `  worker plan dump.acbak
  worker plan s3://dumps/monday.acbak
  worker plan dump.acbak --model person -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.plan(cmd.Context(), args[0], &f)
		},
	}
	cmd.Flags().StringSliceVar(&f.models, "model", nil, "look only at model `M`; repeat for more")
	cmd.Flags().StringSliceVar(&f.allow, "allow", nil, "tolerate `WHAT`: missing_revision, unknown_model")
	return cmd
}

// modelPlan is what a load would meet of one model.
type modelPlan struct {
	New       int64 `json:"new"`
	Same      int64 `json:"same"`
	Different int64 `json:"different"`
}

func (a *app) plan(ctx context.Context, path string, f *loadFlags) error {
	plain, err := a.openArchive(ctx, path)
	if err != nil {
		return err
	}
	plans := map[string]*modelPlan{}
	err = a.reading(ctx, func(s *store) (err error) {
		o := f.options()
		o.StrictModels = a.strict()
		catalog := a.catalog(s)
		checked, err := catalog.Check(ctx, plain, o)
		if err != nil {
			return fmt.Errorf("plan %s: %w", path, err)
		}
		for _, m := range checked.Models {
			// Who may load learns as much from a load.
			if err := catalog.Ask(ctx, manager.Event{Action: manager.ActionLoad, Model: m.Model}); err != nil {
				return err
			}
			plans[m.Model] = &modelPlan{}
		}
		snap, err := s.Snapshot(ctx)
		if err != nil {
			return fmt.Errorf("read store %s: %w", a.global.storeName(), err)
		}
		defer func() { err = errors.Join(err, snap.Close()) }()
		return comparePlan(ctx, plain, snap, plans)
	})
	if err = errors.Join(err, plain.Close()); err != nil {
		return err
	}
	return a.printPlan(plans)
}

// comparePlan counts the metas of the archive against those of the store.
func comparePlan(ctx context.Context, plain archiveSource, snap storage.Snapshot, plans map[string]*modelPlan) error {
	var model string
	var batch []resource.Meta
	flush := func() error {
		p := plans[model]
		if p == nil || len(batch) == 0 {
			batch = batch[:0]
			return nil
		}
		err := p.compare(ctx, snap, model, batch)
		batch = batch[:0]
		return err
	}
	for rec, err := range archive.ReadAt(plain, 0, plain.Size(), archive.Limits{}) {
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		switch r := rec.(type) {
		case archive.ModelStart:
			model = r.Model
		case archive.Meta:
			batch = append(batch, r.Meta)
		}
		if _, ended := rec.(archive.ModelEnd); ended || len(batch) == planBatch {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *modelPlan) compare(ctx context.Context, snap storage.Snapshot, model string, batch []resource.Meta) error {
	metas, _, err := snap.Build(ctx, model)
	if errors.Is(err, storage.ErrNotFound) {
		p.New += int64(len(batch))
		return nil
	}
	if err != nil {
		return fmt.Errorf("open model %s: %w", model, err)
	}
	ids := make([]resource.ID, len(batch))
	for i, m := range batch {
		ids[i] = m.ResourceID
	}
	there, err := metas.GetMany(ctx, ids)
	if err != nil {
		return fmt.Errorf("read model %s: %w", model, err)
	}
	stored := make(map[resource.ID]resource.Meta, len(there))
	for _, m := range there {
		stored[m.ResourceID] = m
	}
	for _, m := range batch {
		switch old, ok := stored[m.ResourceID]; {
		case !ok:
			p.New++
		case bytes.Equal(old.Append(resource.Msgpack, nil), m.Append(resource.Msgpack, nil)):
			p.Same++
		default:
			p.Different++
		}
	}
	return nil
}

func (a *app) printPlan(plans map[string]*modelPlan) error {
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(a.stdout, a.format, struct {
			Models map[string]*modelPlan `json:"models"`
		}{plans})
	}
	list := render.NewList(a.stdout, a.format, "MODEL", "NEW", "SAME", "DIFFERENT")
	for _, name := range sortedKeys(plans) {
		p := plans[name]
		if err := list.Add(render.Row{ID: name, Cells: []string{name, number(p.New), number(p.Same), number(p.Different)}}); err != nil {
			return err
		}
	}
	return list.Close()
}
