package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

func TestGarbageOfTwoStoresInOneDatabase(t *testing.T) {
	f := openSwept(t, Config{})
	other := openSwept(t, Config{DSN: f.pool.Config().ConnString(), TablePrefix: "x_"})
	makeSwept(t, f, 0, 2)
	makeSwept(t, other, 0, 3)
	n := 0
	for p, err := range other.Garbage().Payloads(t.Context()) {
		if err != nil || p.Model != "person" || p.Resource == "" {
			t.Errorf("payload %+v, %v", p, err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("%d payloads, want those of its own", n)
	}
	if err := f.Garbage().Condemn(t.Context(), []string{"b", "a", "b"}); err != nil {
		t.Fatal(err)
	}
	for id, err := range other.Garbage().Condemned(t.Context()) {
		t.Errorf("the other store's %q is condemned (%v)", id, err)
	}
	sql(t, f, lostCopies)
	if found := sweepOf(t, other, storage.SweepOptions{Remove: true}); found.Payloads.Count != 0 {
		t.Errorf("the other store's sweep finds %+v", found)
	}
	if found := sweepOf(t, f, storage.SweepOptions{Remove: true}); found.Payloads.Count != 2 {
		t.Errorf("the sweep finds %+v", found)
	}
}

// What the original has written counts, whether its models were taken in or not.
func TestGarbageOfModelsOfOthers(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 2)
	sql(t, f, `DELETE FROM specstar_models`)
	sql(t, f, lostCopies)
	sql(t, f, `UPDATE person_resource_data SET info = '\xc1' WHERE uid LIKE 'lost%'`)
	n, unnamed := 0, 0
	for p, err := range f.Garbage().Payloads(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; p.Resource == "" && strings.HasPrefix(p.Name, "content lost") {
			unnamed++
		}
	}
	if n != 4 || unnamed != 2 {
		t.Errorf("%d payloads of which %d are damaged, want 4 and 2", n, unnamed)
	}
	r, _ := openBlobs(t, Config{DSN: f.pool.Config().ConnString(), ReadOnly: true})
	if found := sweepOf(t, r, storage.SweepOptions{}); found.Payloads.Count != 2 {
		t.Errorf("the sweep finds %+v", found)
	}
	if _, err := r.Garbage().Sweep(t.Context(), storage.SweepOptions{Remove: true}); !errors.Is(err, errReadOnly) {
		t.Errorf("a store that is opened for reading is swept: %v", err)
	}
}
