package manager_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// picky is a store that cannot hold resources whose id begins with bad, and names all
// of a unit at once.
type picky struct {
	storage.Factory
	units int
}

func (f *picky) Unit() storage.UnitOfWork { return pickyUnit{f.Factory.Unit(), f} }

type pickyUnit struct {
	storage.UnitOfWork
	f *picky
}

func (u pickyUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	u.f.units++
	return u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		w, err := compute(v)
		if err != nil {
			return w, err
		}
		var bad storage.RecordErrors
		for model, writes := range w.Models {
			for _, m := range writes.Metas {
				if !strings.HasPrefix(string(m.ResourceID), "bad") {
					continue
				}
				if err := bad.Add(&storage.RecordError{Model: model, ID: m.ResourceID, Reason: "it is bad"}); err != nil {
					return w, err
				}
			}
		}
		return w, bad.Err()
	})
}

// A unit with many records that the store cannot hold is done again once, not for each.
func TestUnstorableRecordsAreRefusedTogether(t *testing.T) {
	f := &picky{Factory: memory.New()}
	m, err := manager.NewCatalog(f, nil, manager.Options{BatchSize: 100}).Declare(t.Context(), storage.ModelInfo{Name: "m", Encoding: resource.JSON})
	if err != nil {
		t.Fatal(err)
	}
	var ops []manager.Operation
	for i := range 100 {
		id := fmt.Sprintf("good-%02d", i)
		if i%2 == 0 {
			id = fmt.Sprintf("bad-%02d", i)
		}
		ops = append(ops, manager.Operation{Op: manager.OpCreate, ResourceID: resource.ID(id), Data: []byte(`{}`), User: "u"})
	}
	out, err := m.SaveMany(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		bad := i%2 == 0
		if (o.Effect == manager.EffectRefused) != bad || bad && (o.Code != manager.CodeInvalid || !strings.Contains(o.Message, string(ops[i].ResourceID))) {
			t.Errorf("%s: %+v", ops[i].ResourceID, o)
		}
	}
	if f.units != 2 {
		t.Errorf("%d units of work ran, want 2", f.units)
	}
}
