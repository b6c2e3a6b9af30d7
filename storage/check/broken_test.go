package check

import (
	"context"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// failures runs the suite over stores made by broken and returns what failed.
func failures(t *testing.T, broken func(storage.Factory) storage.Factory) map[string]string {
	t.Helper()
	report, err := Run(t.Context(), func(context.Context, string) (storage.Factory, error) {
		return broken(memory.New()), nil
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	failed := map[string]string{}
	for _, r := range report.Results {
		if r.State == Failed {
			failed[r.Name] = r.Message
		}
	}
	return failed
}

// TestBrokenStoresAreCaught puts stores with one defect each to the suite: the
// check that is named after the broken promise must fail.
func TestBrokenStoresAreCaught(t *testing.T) {
	for name, tc := range map[string]struct {
		broken func(storage.Factory) storage.Factory
		caught []string
	}{
		"drops the last item of a batch": {
			func(f storage.Factory) storage.Factory { return dropsLast{f} },
			[]string{"G2/saved_metas_are_read", "G5/metas_come_by_id", "G3/generated_histories_equal_the_oracle"},
		},
		"applies half a unit": {
			func(f storage.Factory) storage.Factory { return halfUnit{f} },
			[]string{"G3/unit_with_a_bad_record_writes_nothing", "G3/generated_histories_equal_the_oracle"},
		},
		"forgets that jobs ended": {
			func(f storage.Factory) storage.Factory { return forgetsEnded{f} },
			[]string{"G12/ended_job_is_seen", "G12/racing_deliveries_have_one_effect", "G15/cancel_ends_a_queued_job"},
		},
		"lists revisions as texts": {
			func(f storage.Factory) storage.Factory { return textOrder{f} },
			[]string{"G5/revisions_come_by_number", "G14/publish_shows_all"},
		},
		"counts what a page shows": {
			func(f storage.Factory) storage.Factory { return countsPage{f} },
			[]string{"G16/limit_and_offset_cut", "G16/generated_queries_equal_the_reference"},
		},
		"ignores a cancelled context": {
			func(f storage.Factory) storage.Factory { return ignoresCancel{f} },
			[]string{"G7/cancelled_writes_change_nothing", "G7/cancel_during_compute_writes_nothing", "G7/waiting_for_another_writer_can_be_cancelled"},
		},
		"publishes over what exists": {
			func(f storage.Factory) storage.Factory { return overwrites{f} },
			[]string{"G14/publish_over_an_existing_resource_shows_nothing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			failed := failures(t, tc.broken)
			for _, c := range tc.caught {
				if failed[c] == "" {
					t.Errorf("check %s passed", c)
				}
			}
			if len(failed) > len(All())/2 {
				t.Errorf("%d checks failed: the names tell nothing", len(failed))
			}
		})
	}
}

// TestSuitePassesWhereNothingIsBroken guards the recorder.
func TestSuitePassesWhereNothingIsBroken(t *testing.T) {
	if failed := failures(t, func(f storage.Factory) storage.Factory { return f }); len(failed) != 0 {
		t.Fatalf("a store without a defect failed: %v", failed)
	}
}

// TestCheckNamesAreUniqueAndNumbered keeps the names useful.
func TestCheckNamesAreUniqueAndNumbered(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range All() {
		number, what, found := strings.Cut(c.Name, "/")
		if !found || !strings.HasPrefix(number, "G") || what == "" || seen[c.Name] {
			t.Errorf("check name %q is repeated or has no number", c.Name)
		}
		seen[c.Name] = true
	}
}

// rebuilt returns the stores of a model with one of them replaced.
func rebuilt(ctx context.Context, f storage.Factory, model string, replace func(*storage.Stores)) (storage.Stores, error) {
	s, err := f.Build(ctx, model)
	if err == nil {
		replace(&s)
	}
	return s, err
}

type dropsLast struct{ storage.Factory }

func (f dropsLast) Build(ctx context.Context, model string) (storage.Stores, error) {
	return rebuilt(ctx, f.Factory, model, func(s *storage.Stores) { s.Metas = dropsLastMeta{s.Metas} })
}

type dropsLastMeta struct{ storage.MetaStore }

func (m dropsLastMeta) SaveMany(ctx context.Context, metas []resource.Meta) error {
	return m.MetaStore.SaveMany(ctx, metas[:max(len(metas)-1, min(1, len(metas)))])
}

// halfUnit leaves the revisions of a unit that failed behind.
type halfUnit struct{ storage.Factory }

func (f halfUnit) Unit() storage.UnitOfWork { return halfUnitOfWork{f.Factory.Unit(), f.Factory} }

type halfUnitOfWork struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u halfUnitOfWork) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	var half storage.Writes
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		var err error
		half, err = compute(v)
		return half, err
	})
	for model, w := range half.Models {
		if s, berr := u.f.Build(ctx, model); berr == nil && err != nil {
			for _, r := range w.Revisions {
				_ = s.Revisions.SaveMany(ctx, []resource.Revision{r}) // as far as it goes
			}
		}
	}
	return err
}

type forgetsEnded struct{ storage.Factory }

func (f forgetsEnded) Unit() storage.UnitOfWork { return forgetfulUnit{f.Factory.Unit()} }

type forgetfulUnit struct{ storage.UnitOfWork }

func (u forgetfulUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) { return compute(forgetfulView{v}) })
}

type forgetfulView struct{ storage.View }

func (forgetfulView) Ended(uuid.UUID) bool { return false }

type textOrder struct{ storage.Factory }

func (f textOrder) Build(ctx context.Context, model string) (storage.Stores, error) {
	return rebuilt(ctx, f.Factory, model, func(s *storage.Stores) { s.Revisions = textOrderRevisions{s.Revisions} })
}

type textOrderRevisions struct{ storage.RevisionStore }

func (r textOrderRevisions) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return func(yield func(resource.RevisionInfo, error) bool) {
		var infos []resource.RevisionInfo
		for info, err := range r.RevisionStore.List(ctx, id) {
			if err != nil {
				yield(resource.RevisionInfo{}, err)
				return
			}
			infos = append(infos, info)
		}
		slices.SortStableFunc(infos, func(a, b resource.RevisionInfo) int {
			return strings.Compare(string(a.RevisionID), string(b.RevisionID))
		})
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}

type countsPage struct{ storage.Factory }

func (f countsPage) Build(ctx context.Context, model string) (storage.Stores, error) {
	return rebuilt(ctx, f.Factory, model, func(s *storage.Stores) { s.Metas = countsPageMetas{s.Metas} })
}

type countsPageMetas struct{ storage.MetaStore }

func (m countsPageMetas) Count(ctx context.Context, q qb.Query) (int64, error) {
	n, err := m.MetaStore.Count(ctx, q)
	if limit, set := q.Limit.Get(); set {
		n = min(n, int64(limit))
	}
	return n, err
}

type ignoresCancel struct{ storage.Factory }

func (f ignoresCancel) Unit() storage.UnitOfWork { return uncancelled{f.Factory.Unit()} }

type uncancelled struct{ storage.UnitOfWork }

func (u uncancelled) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.UnitOfWork.Update(context.WithoutCancel(ctx), b, compute)
}

// overwrites deletes what stands in the way of a publish.
type overwrites struct{ storage.Factory }

func (f overwrites) Unit() storage.UnitOfWork { return overwritingUnit{f.Factory.Unit(), f.Factory} }

type overwritingUnit struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u overwritingUnit) Stage(ctx context.Context, s storage.Staged) error {
	for model, w := range s.Models {
		if stores, err := u.f.Build(ctx, model); err == nil {
			_ = stores.Metas.Delete(ctx, idsOf(w.Metas))
		}
	}
	return u.UnitOfWork.Stage(ctx, s)
}
