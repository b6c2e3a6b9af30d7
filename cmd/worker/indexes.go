package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) indexesCommand() *cobra.Command {
	var make, drop bool
	cmd := &cobra.Command{
		Use:   "indexes [MODEL…]",
		Short: "List the database's indexes of models, and make what is missing",
		Long: `indexes lists the indexes of the metas of models, of all models when none is
named: those that every model has, those that its declaration asks for, and those
that are unwanted, because a declaration asked for them once or an earlier version
made them. docs/queries.md tells which searches they serve.

A new model has its indexes from the start. Those that are declared later, or that
a newer version has, are made by worker run when it starts, or by --make: while others
write, in PostgreSQL, and one after another. What was interrupted is made again. Nothing
is dropped unless --drop says so.

The exit code is 3 when an index is missing that could not be made.`,
		Example: `  worker indexes
  worker indexes person --make
  worker indexes --make --drop -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if drop && !make {
				return usage("--drop goes with --make")
			}
			return a.indexes(cmd.Context(), args, make, drop)
		},
	}
	cmd.Flags().BoolVar(&make, "make", false, "make the indexes that are missing or unfinished")
	cmd.Flags().BoolVar(&drop, "drop", false, "with --make, remove indexes that are unwanted")
	return cmd
}

// indexRow is an index of a model.
type indexRow struct {
	Model string `json:"model"`
	storage.IndexStatus
}

func (a *app) indexes(ctx context.Context, names []string, make, drop bool) error {
	rows := []indexRow{}
	look := func(s *store) error {
		known, err := s.Models(ctx)
		if err != nil {
			return fmt.Errorf("list models: %w", err)
		}
		for _, name := range names {
			if !hasModel(known, name) {
				return unknownModel(a.global.storeName(), name, known)
			}
		}
		c := manager.NewCatalog(s.Factory, s.blobs, manager.Options{})
		for _, m := range known {
			if len(names) > 0 && !slices.Contains(names, m.Name) {
				continue
			}
			status, err := indexesOf(ctx, c, m.Name, make, drop)
			if err != nil {
				return err
			}
			for _, x := range status {
				rows = append(rows, indexRow{m.Name, x})
			}
		}
		return nil
	}
	reach := a.reading
	if make {
		reach = a.changing
	}
	if err := reach(ctx, look); err != nil {
		return err
	}
	return a.printIndexes(rows, make)
}

// changing opens the store for do to write to it. One that is not there is not made for
// that.
func (a *app) changing(ctx context.Context, do func(*store) error) (err error) {
	place, err := a.global.place()
	if err != nil {
		return err
	}
	there, err := a.exists(ctx, place)
	if err != nil {
		return err
	}
	if !there {
		return a.reading(ctx, do)
	}
	s, err := a.openWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

func indexesOf(ctx context.Context, c *manager.Catalog, name string, make, drop bool) ([]storage.IndexStatus, error) {
	if make {
		return c.MakeIndexes(ctx, name, drop)
	}
	return c.Indexes(ctx, name)
}

func (a *app) printIndexes(rows []indexRow, made bool) error {
	list := render.NewList(a.stdout, a.format, "MODEL", "ON", "STATE", "BYTES", "INDEX")
	failed := 0
	for _, x := range rows {
		size := ""
		if x.Bytes > 0 {
			size = strconv.FormatInt(x.Bytes, 10)
		}
		if err := list.Add(render.Row{ID: x.Name, Value: x, Cells: []string{x.Model, x.On, string(x.State), size, x.Name}}); err != nil {
			return err
		}
		if x.Problem != "" {
			failed++
			a.note("index on %s of model %s: %s%s", x.On, x.Model, x.Problem, statementOf(x.IndexStatus))
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	if made && failed > 0 {
		return exit(exitProblems)
	}
	return nil
}

func statementOf(x storage.IndexStatus) string {
	if x.Statement == "" {
		return ""
	}
	return ": " + x.Statement
}

// makeIndexes makes the indexes that models lack. It fails no job: without them searches
// take longer.
func (w *worker) makeIndexes(ctx context.Context) {
	s, log := w.session, w.session.app.log
	infos, err := s.store.Models(ctx)
	for _, m := range infos {
		var before, status []storage.IndexStatus
		if before, err = s.catalog.Indexes(ctx, m.Name); err == nil && lacks(before) {
			log.Info("making indexes", zap.String("model", m.Name))
			status, err = s.catalog.MakeIndexes(ctx, m.Name, false)
		}
		if err != nil {
			break
		}
		for i, x := range status {
			switch {
			case x.Problem != "":
				log.Warn("an index is missing", zap.String("model", m.Name), zap.String("on", x.On), zap.String("problem", x.Problem), zap.String("statement", x.Statement))
			case i < len(before) && before[i].State != x.State:
				log.Info("an index is "+string(x.State), zap.String("model", m.Name), zap.String("on", x.On), zap.String("name", x.Name))
			}
		}
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errors.ErrUnsupported) {
		log.Warn("could not look after indexes, worker indexes --make does", zap.Error(err))
	}
}

// lacks reports whether there is anything to be made.
func lacks(status []storage.IndexStatus) bool {
	for _, x := range status {
		if x.State == storage.IndexMissing || x.State == storage.IndexUnfinished {
			return true
		}
	}
	return false
}
