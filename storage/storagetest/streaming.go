package storagetest

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Sizes of the model that is streamed, and what reading it may hold at any moment: less
// than a tenth of its metas.
const (
	streamedMetas     = 20_000
	streamedMetasLong = 100_000
	streamedHeap      = 2 << 20
)

// Streams searches a big model without a limit, in orders of attributes and of indexed
// data, and fails t when the heap grows with the number of results. It is for stores that
// do not sort in memory.
func Streams(t *testing.T, f storage.Factory) {
	t.Helper()
	n := streamedMetas
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		n = streamedMetasLong
	}
	metas := manyMetas(t, f, n)
	for name, q := range map[string]qb.Query{
		"no order":  {},
		"attribute": {Sort: []qb.Sort{qb.RevUpdatedTime().Desc(), qb.CreatedBy().Asc()}},
		"data":      {Where: qb.Data("n").Gte(0), Sort: []qb.Sort{qb.Data("n").Desc()}},
		"position":  qb.Query{Sort: []qb.Sort{qb.UpdatedTime().Asc()}}.From(qb.PositionOf(resource.Meta{}, []qb.Sort{qb.UpdatedTime().Asc()})),
	} {
		t.Run(name, func(t *testing.T) {
			before, found := heap(), 0
			for _, err := range metas.Search(t.Context(), q) {
				if err != nil {
					t.Fatal(err)
				}
				if found++; found%(n/4) != 0 {
					continue
				}
				if grown := int64(heap()) - int64(before); grown > streamedHeap {
					t.Errorf("after %d of %d results the heap has grown by %d KiB", found, n, grown>>10)
				}
			}
			if found != n {
				t.Errorf("%d results of %d", found, n)
			}
		})
	}
}

// heap is how many bytes are in use.
func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// manyMetas makes a model of n metas.
func manyMetas(t *testing.T, f storage.Factory, n int) storage.MetaStore {
	t.Helper()
	const model = "person"
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	batch := make([]resource.Meta, 0, 2000)
	for i := range n {
		x, err := resource.NewIndexed(map[string]any{"n": i, "text": "some text that makes a meta as long as they are"})
		if err != nil {
			t.Fatal(err)
		}
		id, time := resource.ID(fmt.Sprintf("person:%08d", i)), at.Add(time.Duration(i*7919%n)*time.Second)
		batch = append(batch, resource.Meta{
			ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, CreatedBy: "ann", UpdatedBy: "bob",
			CreatedTime: at, UpdatedTime: time, IndexedData: opt.Of(x),
			Rev: resource.RevMeta{Status: opt.Of(resource.Stable), CreatedBy: opt.Of("ann"), UpdatedBy: opt.Of("bob"), CreatedTime: opt.Of(at), UpdatedTime: opt.Of(time)},
		})
		if len(batch) < cap(batch) && i < n-1 {
			continue
		}
		if err := stores.Metas.SaveMany(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		batch = batch[:0]
	}
	return stores.Metas
}
