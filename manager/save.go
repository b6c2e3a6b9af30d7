package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Create makes a new resource; op.Op is ignored. A refusal is a *[RefusedError].
func (m *Manager) Create(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpCreate, op)
}

// Update writes a new revision of a live resource, or nothing when the payload
// is that of the current one; op.Op is ignored. A refusal is a *[RefusedError].
func (m *Manager) Update(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpUpdate, op)
}

// Upsert updates a resource, or creates it when its id is new; op.Op is ignored.
// A refusal is a *[RefusedError].
func (m *Manager) Upsert(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpUpsert, op)
}

// Modify changes the current revision in place: its payload while it is a draft or
// becomes one, and its status; op.Op is ignored. A refusal is a *[RefusedError].
func (m *Manager) Modify(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpModify, op)
}

// Patch writes a new revision that differs from the current one by op.Data, a JSON
// Patch (RFC 6902) or a JSON Merge Patch (RFC 7386); op.Op is ignored. What the
// patch does not touch keeps its bytes. A refusal is a *[RefusedError].
func (m *Manager) Patch(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpPatch, op)
}

// Switch makes op.RevisionID the current revision; op.Op is ignored. A refusal is a
// *[RefusedError].
func (m *Manager) Switch(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpSwitch, op)
}

// Migrate brings op.RevisionID, the current revision when it is empty, to the
// model's schema version; op.Op is ignored. The old bytes stay beside the new ones,
// under their own version. A refusal is a *[RefusedError].
func (m *Manager) Migrate(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpMigrate, op)
}

// Purge removes a resource, deleted or not, with all its revisions; op.Op is
// ignored. Blobs that nothing refers to any more are left to the garbage
// collection. A refusal is a *[RefusedError].
func (m *Manager) Purge(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpPurge, op)
}

// Delete marks a resource deleted; op.Op is ignored. A refusal is a *[RefusedError].
func (m *Manager) Delete(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpDelete, op)
}

// Restore undoes a delete; op.Op is ignored. A refusal is a *[RefusedError].
func (m *Manager) Restore(ctx context.Context, op Operation) (Outcome, error) {
	return m.saveOne(ctx, OpRestore, op)
}

func (m *Manager) saveOne(ctx context.Context, kind Op, op Operation) (Outcome, error) {
	op.Op = kind
	out, err := m.SaveMany(ctx, []Operation{op})
	if err != nil {
		return Outcome{}, err
	}
	return out[0], outcomeError(m.name, out[0])
}

// SaveMany does operations without a ledger and returns their outcomes in the
// order given. Operations on one resource take effect in that order. Up to
// Options.BatchSize operations make one unit of work and Options.Parallelism
// units are in flight; each unit takes effect as a whole. When a unit fails, the
// error says why and the outcomes of the operations that were not done have no
// effect.
func (m *Manager) SaveMany(ctx context.Context, ops []Operation) ([]Outcome, error) {
	return m.saveMany(ctx, ops, saveHow{})
}

// saveHow refines how operations are done.
type saveHow struct {
	ahead  *readAhead
	dryRun bool // nothing is written
}

func (m *Manager) saveMany(ctx context.Context, ops []Operation, how saveHow) ([]Outcome, error) {
	model := m.Info()
	changes := m.begin(ops)
	out := make([]Outcome, len(ops))
	g, gctx := errgroup.WithContext(ctx)
	// One part more than units may run: it is made ready while they do.
	units := make(chan struct{}, m.catalog.opts.Parallelism)
	g.SetLimit(m.catalog.opts.Parallelism + 1)
	for _, part := range splitByResource(changes, m.catalog.opts.BatchSize) {
		g.Go(guarded(func() error {
			for _, i := range part {
				if err := m.prepare(gctx, model, &changes[i]); err != nil {
					return err
				}
				changes[i].rank = changes[i].rankOf(m.name, storage.Origin{}, m.catalog.opts.Now(), false)
			}
			select {
			case units <- struct{}{}:
				defer func() { <-units }()
			case <-gctx.Done():
				return gctx.Err()
			}
			return m.saveChanges(gctx, model, part, changes, out, how)
		}))
	}
	if err := g.Wait(); err != nil {
		return out, fmt.Errorf("save to model %s: %w", m.name, err)
	}
	return out, nil
}

// saveChanges asks the handlers about the changes with the given places, does
// them as one unit of work and stores their outcomes at the same places.
func (m *Manager) saveChanges(ctx context.Context, model storage.ModelInfo, places []int, changes []change, out []Outcome, how saveHow) error {
	part := func(yield func(*change) bool) {
		for _, i := range places {
			if !yield(&changes[i]) {
				return
			}
		}
	}
	results := make([]Outcome, len(places))
	err := m.asking(ctx, part, func() error {
		err := m.saveUnit(ctx, model, part, results, how)
		m.catalog.answer(ctx, part, results, err)
		return err
	})
	if err != nil {
		return err
	}
	for n, i := range places {
		out[i] = results[n]
	}
	return nil
}

// saveUnit does changes as one unit of work; results get their outcomes in order.
func (m *Manager) saveUnit(ctx context.Context, model storage.ModelInfo, changes iter.Seq[*change], results []Outcome, how saveHow) error {
	batch := storage.Batch{Serial: serial(model), New: true}
	for c := range changes {
		batch.Refs = c.appendRef(batch.Refs, m.name)
		batch.Marks = appendMark(batch.Marks, c)
		batch.New = batch.New && c.op.Op == OpCreate
	}
	err := m.update(ctx, batch, changes, func(v storage.View) (storage.Writes, error) {
		ed, err := m.newEditor(model, how.ahead.over(v), len(results))
		if err != nil {
			return storage.Writes{}, err
		}
		n := 0
		for c := range changes {
			var err error
			if results[n], err = ed.apply(c); err != nil {
				return storage.Writes{}, err
			}
			n++
		}
		if how.dryRun {
			return storage.Writes{}, errDryRun
		}
		return ed.into(storage.Writes{}), nil
	})
	if how.dryRun && errors.Is(err, errDryRun) {
		return nil
	}
	return err
}

// serial names the model when its units must not run beside each other: who holds
// a unique value is decided by looking at resources that a unit does not name.
func serial(model storage.ModelInfo) []string {
	if len(model.UniquePaths) == 0 {
		return nil
	}
	return []string{model.Name}
}

// splitByResource cuts the changes into parts of at most size, named by their
// places; all changes of one resource are in one part, in order. A part grows
// beyond size only by further changes of its resources.
func splitByResource(changes []change, size int) [][]int {
	var parts [][]int
	home := make(map[resource.ID]int)
	fresh := -1
	for i := range changes {
		id := changes[i].op.ResourceID
		part, known := home[id]
		if !known {
			if fresh < 0 || len(parts[fresh]) >= size {
				parts = append(parts, nil)
				fresh = len(parts) - 1
			}
			part = fresh
			home[id] = part
		}
		parts[part] = append(parts[part], i)
	}
	return parts
}
