package check

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func brokenUnits() map[string]broken {
	return map[string]broken{
		"applies half a unit": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return halfUnit{u, f} }),
			caught: []string{"G3/unit_with_a_bad_record_writes_nothing", "G3/compute_error_writes_nothing", "G3/generated_histories_equal_the_oracle"},
		},
		"ignores a cancelled context": {
			open:   withUnit(func(u storage.UnitOfWork, _ storage.Factory) storage.UnitOfWork { return uncancelled{u} }),
			caught: []string{"G7/cancelled_writes_change_nothing", "G7/cancel_during_compute_writes_nothing", "G7/waiting_for_another_writer_can_be_cancelled"},
		},
		"loses a concurrent update": {
			open:   withUnit(func(u storage.UnitOfWork, _ storage.Factory) storage.UnitOfWork { return losesUpdates{u} }),
			caught: []string{"G4/concurrent_updates_all_survive", "G11/number_has_one_owner", "G12/racing_deliveries_have_one_effect"},
		},
		"forgets that jobs ended": {
			open:   withView(func(v storage.View) storage.View { return forgetsEnded{v} }),
			caught: []string{"G12/ended_job_is_seen", "G12/racing_deliveries_have_one_effect", "G15/cancel_ends_a_queued_job"},
		},
		"numbers by the meta alone": {
			open:   withView(func(v storage.View) storage.View { return countsMeta{v} }),
			caught: []string{"G11/number_is_above_orphans", "G11/number_of_a_deleted_meta_is_not_used_again"},
		},
		"writes an interrupted unit without its row": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return unrecorded{u, f} }),
			caught: []string{"G21/interrupted_unit_is_told_by_its_row", "G7/cancel_during_compute_writes_nothing"},
		},
		"shows what is staged": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return showsStaged{u, f} }),
			caught: []string{"G14/staged_is_invisible"},
		},
		"publishes over what exists": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return overwrites{u, f} }),
			caught: []string{"G14/publish_over_an_existing_resource_shows_nothing", "G14/duplicates_are_counted_over_models"},
		},
		"purges the meta alone": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return halfPurge{u, f} }),
			caught: []string{"G23/purge_leaves_nothing", "G23/purge_comes_before_what_is_written", "G3/generated_histories_equal_the_oracle"},
		},
		"forgets marks": {
			open:   withView(func(v storage.View) storage.View { return markless{v} }),
			caught: []string{"G28/raised_mark_is_seen", "G28/racing_units_see_each_others_marks"},
		},
		"raises marks apart": {
			open:   withUnit(func(u storage.UnitOfWork, _ storage.Factory) storage.UnitOfWork { return marksApart{u} }),
			caught: []string{"G28/mark_is_undone_with_its_unit"},
		},
		"sets marks as they come": {
			open:   withUnit(func(u storage.UnitOfWork, f storage.Factory) storage.UnitOfWork { return lowersMarks{u, f.Ledger()} }),
			caught: []string{"G28/mark_never_goes_down", "G28/mark_of_a_resource_believed_new_stays"},
		},
		"reads marks before its turn": {
			open:   withUnit(func(u storage.UnitOfWork, _ storage.Factory) storage.UnitOfWork { return earlyMarks{u} }),
			caught: []string{"G28/racing_units_see_each_others_marks"},
		},
		"ignores unique": {
			open:   withView(func(v storage.View) storage.View { return ignoresUnique{v} }),
			caught: []string{"G24/holders_are_found", "G24/racing_units_see_each_other"},
		},
		"locks in the order of the caller": {
			open: over(func(f storage.Factory) storage.Factory {
				locks := &rowLocks{held: map[storage.Ref]chan struct{}{}}
				return altered{Factory: f, unit: func(u storage.UnitOfWork) storage.UnitOfWork { return disorderly{u, locks} }}
			}),
			caught: []string{"G22/crossing_units_end"},
		},
	}
}

// ignoresUnique knows no holder.
type ignoresUnique struct{ storage.View }

func (ignoresUnique) Holders(string, string, any) ([]resource.ID, error) { return nil, nil }

// halfUnit leaves the revisions of a unit that failed behind.
type halfUnit struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u halfUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	var half storage.Writes
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		var err error
		half, err = compute(v)
		return half, err
	})
	if err == nil {
		return nil
	}
	for model, w := range half.Models {
		half.Models[model] = storage.ModelWrites{Revisions: w.Revisions}
	}
	_ = scatter(ctx, u.f, half.Models) // as far as it goes
	return err
}

type uncancelled struct{ storage.UnitOfWork }

func (u uncancelled) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.UnitOfWork.Update(context.WithoutCancel(ctx), b, compute)
}

// losesUpdates reads in one transaction and writes in the next.
type losesUpdates struct{ storage.UnitOfWork }

func (u losesUpdates) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	read := errors.New("only read")
	called := false
	var writes storage.Writes
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		called = true
		var err error
		writes, err = compute(v)
		return storage.Writes{}, cmp.Or(err, read)
	})
	if err != read || !called {
		return err
	}
	return u.UnitOfWork.Update(ctx, b, func(storage.View) (storage.Writes, error) { return writes, nil })
}

type forgetsEnded struct{ storage.View }

func (forgetsEnded) Ended(uuid.UUID) bool { return false }

type countsMeta struct{ storage.View }

func (v countsMeta) NextNumber(r storage.Ref) int {
	meta, _ := v.Meta(r)
	return meta.TotalRevisionCount + 1
}

// unrecorded goes on with the resources of a unit that was cancelled, and leaves
// the row of its job out.
type unrecorded struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u unrecorded) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	var writes storage.Writes
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		var err error
		writes, err = compute(v)
		return writes, err
	})
	if err != nil && ctx.Err() != nil {
		return errors.Join(err, scatter(context.WithoutCancel(ctx), u.f, writes.Models))
	}
	return err
}

type showsStaged struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u showsStaged) Stage(ctx context.Context, s storage.Staged) error {
	if err := u.UnitOfWork.Stage(ctx, s); err != nil {
		return err
	}
	for model, w := range s.Models {
		stores, err := u.f.Build(ctx, model)
		if err == nil {
			err = stores.Revisions.SaveMany(ctx, w.Revisions)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// overwrites deletes what stands in the way of a publish.
type overwrites struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u overwrites) Stage(ctx context.Context, s storage.Staged) error {
	for model, w := range s.Models {
		if stores, err := u.f.Build(ctx, model); err == nil {
			_ = stores.Metas.Delete(ctx, idsOf(w.Metas)) // Stage says what is wrong
		}
	}
	return u.UnitOfWork.Stage(ctx, s)
}

// rowLocks are one lock for each resource.
type rowLocks struct {
	mu   sync.Mutex
	held map[storage.Ref]chan struct{}
}

func (l *rowLocks) take(ctx context.Context, r storage.Ref) (release func(), err error) {
	l.mu.Lock()
	lock, there := l.held[r]
	if !there {
		lock = make(chan struct{}, 1)
		l.held[r] = lock
	}
	l.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// disorderly takes the locks as the caller names the resources.
type disorderly struct {
	storage.UnitOfWork
	locks *rowLocks
}

func (u disorderly) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	seen := map[storage.Ref]bool{}
	for _, r := range slices.Concat(b.Refs) {
		if seen[r] {
			continue
		}
		seen[r] = true
		release, err := u.locks.take(ctx, r)
		if err != nil {
			return err
		}
		defer release()
	}
	return u.UnitOfWork.Update(ctx, b, compute)
}
