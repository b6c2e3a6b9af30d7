package manager

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// migration is a migration of a range of one model.
type migration struct {
	m      *Manager
	target opt.Value[string]
	opts   MigrateOptions
	limit  int // operations of a batch
	units  int
	// writing holds an element for each unit of work that runs.
	writing chan struct{}
}

func (m *Manager) newMigration(target opt.Value[string], o MigrateOptions) *migration {
	if o.Pace == nil {
		o.Pace = NewPace(0)
	}
	units := m.catalog.opts.Parallelism
	return &migration{
		m: m, target: target, opts: o, limit: o.Pace.page(m.catalog.opts.BatchSize),
		units: units, writing: make(chan struct{}, units),
	}
}

// migrateBatch is what one unit of work migrates.
type migrateBatch struct {
	ops   []Operation
	ahead *readAhead
}

// batches reads what is to be migrated of the range, page by page.
func (g *migration) batches(ctx context.Context) iter.Seq2[migrateBatch, error] {
	return func(yield func(migrateBatch, error) bool) {
		for in := g.opts.Range; !in.Empty(); {
			rows, err := g.m.stores.Metas.Rows(ctx, in, g.m.catalog.opts.BatchSize)
			if err != nil {
				yield(migrateBatch{}, err)
				return
			}
			if len(rows) == 0 {
				return
			}
			for b, err := range g.of(ctx, rows) {
				if err == nil {
					err = g.opts.Pace.wait(ctx, len(b.ops))
				}
				if !yield(b, err) || err != nil {
					return
				}
			}
			in = in.Behind(rows[len(rows)-1].Meta.ResourceID)
		}
	}
}

// of returns the batches of a page of rows.
func (g *migration) of(ctx context.Context, rows []storage.Row) iter.Seq2[migrateBatch, error] {
	if g.opts.History {
		return g.history(ctx, rows)
	}
	return func(yield func(migrateBatch, error) bool) {
		var metas []resource.Meta
		for _, row := range rows {
			if row.Meta.SchemaVersion != g.target {
				metas = append(metas, row.Meta)
			}
		}
		for len(metas) > 0 {
			ahead, err := g.readAhead(ctx, metas[:min(g.limit, len(metas))])
			b := migrateBatch{ahead: ahead}
			if err == nil {
				for _, meta := range metas[:len(ahead.metas)] {
					b.ops = append(b.ops, Operation{Op: OpMigrate, ResourceID: meta.ResourceID, User: g.opts.User})
				}
				metas = metas[len(ahead.metas):]
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

// history returns batches of all revisions of rows that are not at the target yet.
func (g *migration) history(ctx context.Context, rows []storage.Row) iter.Seq2[migrateBatch, error] {
	return func(yield func(migrateBatch, error) bool) {
		var b migrateBatch
		for _, row := range rows {
			ops, err := g.historyOf(ctx, row.Meta)
			if err != nil {
				yield(migrateBatch{}, err)
				return
			}
			if b.ops = append(b.ops, ops...); len(b.ops) < g.limit {
				continue
			}
			if !yield(b, nil) {
				return
			}
			b = migrateBatch{}
		}
		if len(b.ops) > 0 {
			yield(b, nil)
		}
	}
}

// historyOf returns what is to be migrated of a resource.
func (g *migration) historyOf(ctx context.Context, meta resource.Meta) (ops []Operation, err error) {
	var order []resource.RevisionID
	done := map[resource.RevisionID]bool{}
	for info, err := range g.m.stores.Revisions.List(ctx, meta.ResourceID) {
		if err != nil {
			return nil, err
		}
		if _, met := done[info.RevisionID]; !met {
			order = append(order, info.RevisionID)
		}
		done[info.RevisionID] = done[info.RevisionID] || info.SchemaVersion == g.target
	}
	for _, id := range order {
		if !done[id] || id == meta.CurrentRevisionID && meta.SchemaVersion != g.target {
			ops = append(ops, Operation{Op: OpMigrate, ResourceID: meta.ResourceID, RevisionID: id, User: g.opts.User})
		}
	}
	return ops, nil
}

// errDryRun takes back a unit of work of a dry run.
var errDryRun = errors.New("nothing is to be written")

// do migrates a batch and counts what it did.
func (g *migration) do(ctx context.Context, b migrateBatch) (stats MigrateStats, err error) {
	select {
	case g.writing <- struct{}{}:
		defer func() { <-g.writing }()
	case <-ctx.Done():
		return stats, ctx.Err()
	}
	begin := time.Now()
	out, err := g.m.saveMany(ctx, b.ops, saveHow{ahead: b.ahead, dryRun: g.opts.DryRun})
	g.opts.Pace.took(len(b.ops), time.Since(begin))
	for i, r := range out {
		switch r.Effect {
		case EffectMigrated:
			stats.Migrated++
		case EffectUnchanged:
			stats.Unchanged++
		case EffectRefused:
			failure := MigrateFailure{r.ResourceID, b.ops[i].RevisionID, r.Code, r.Message}
			stats = stats.Add(MigrateStats{Failed: 1, Failures: []MigrateFailure{failure}})
		}
	}
	return stats, err
}
