package sqlite

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What no index serves is told, and the index that is advised does.
func TestAdvisedIndexesServe(t *testing.T) {
	f := openModel(t, Config{})
	stores, err := f.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	metas := make([]resource.Meta, 2*many)
	for i := range metas {
		at := epoch.Add(time.Duration(i) * time.Second)
		x, err := resource.NewIndexed(map[string]any{"price": int64(i % 100), "sku": fmt.Sprint("sku ", i)})
		if err != nil {
			t.Fatal(err)
		}
		id := resource.ID(fmt.Sprintf("person:%d", i))
		metas[i] = resource.Meta{
			ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a",
			IndexedData: opt.Of(x), Rev: resource.RevMeta{Status: opt.Of(resource.Draft), CreatedBy: opt.Of("a"), UpdatedBy: opt.Of("a"), CreatedTime: opt.Of(at), UpdatedTime: opt.Of(at)},
		}
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	explain := func(q qb.Query, count bool) (storage.Explanation, string) {
		t.Helper()
		x, err := storage.Explain(t.Context(), stores.Metas, q, storage.ExplainOptions{Count: count})
		if err != nil || len(x.Statements) == 0 || len(x.Statements[0].Plan) == 0 {
			t.Fatalf("%+v (%v)", x, err)
		}
		return x, strings.Join(x.Statements[0].Plan, "; ")
	}
	served := qb.Where(qb.RevStatus().Eq(resource.Draft)).OrderBy(qb.RevCreatedTime().Desc()).Page(5, 0)
	if x, plan := explain(served, false); len(x.Advice) > 0 || !strings.Contains(plan, "person_meta_status") {
		t.Errorf("%+v: %s", x.Advice, plan)
	}
	for on, tc := range map[string]struct {
		q     qb.Query
		count bool
	}{
		"rev_updated_time":    {q: qb.Query{}.OrderBy(qb.RevUpdatedTime().Desc()).Page(5, 0)},
		"data.price":          {q: qb.Query{}.OrderBy(qb.Data("price").Desc()).Page(5, 0)},
		"data.sku (equality)": {q: qb.Where(qb.Data("sku").Eq("sku 7")), count: true},
	} {
		x, plan := explain(tc.q, tc.count)
		if len(x.Advice) == 0 || x.Advice[0].On != on || x.Advice[0].Why == "" {
			t.Errorf("%s: advice is %+v: %s", on, x.Advice, plan)
			continue
		}
		if _, err := f.MakeIndexes(t.Context(), model, []storage.Index{x.Advice[0].Index}, true); err != nil {
			t.Fatal(err)
		}
		if x, plan := explain(tc.q, tc.count); len(x.Advice) > 0 || !strings.Contains(plan, "person_meta_index_") {
			t.Errorf("%s: %+v: %s", on, x.Advice, plan)
		}
	}
}
