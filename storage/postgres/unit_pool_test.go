package postgres

import (
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestUnitsOfASmallPool: many units at the same time on two connections wait for each
// other, also at the first use of a model.
func TestUnitsOfASmallPool(t *testing.T) {
	first := openTest(t)
	if err := first.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.Msgpack}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), Config{DSN: first.pool.Config().ConnString() + "&pool_max_conns=2"})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g, ctx := errgroup.WithContext(t.Context())
	for i := range 20 {
		g.Go(func() error {
			r := storage.Ref{Model: "person", ID: resource.ID("p" + string(rune('a'+i)))}
			return f.Unit().Update(ctx, storage.Batch{Refs: []storage.Ref{r}, New: i%2 == 0}, func(storage.View) (storage.Writes, error) {
				return storage.Writes{Models: map[string]storage.ModelWrites{"person": {Metas: []resource.Meta{metaOf(r.ID)}}}}, nil
			})
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
