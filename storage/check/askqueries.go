package check

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Sizes of generated data sets. They are small: what goes wrong does so for few metas,
// and then the failure can be read.
const (
	generatedSets    = 25
	generatedMetas   = 20
	generatedQueries = 20
)

// GeneratedQueries asks 20 queries of each of a number of data sets of up to 20 metas, all drawn from
// the seed, and compares the answers with those of package qb.
func GeneratedQueries(seed uint64, sets int) Check {
	return Check{
		Name: "G16/generated_queries_equal_the_reference",
		run: func(t T, s *subject) {
			stores := s.use(t)
			for set := range sets {
				d := newDrawing(rand.New(rand.NewPCG(seed, uint64(set))), 1+set%generatedMetas)
				a := asking{t: t, metas: stores.Metas, shrinks: true, what: fmt.Sprintf("seed %d, data set %d", seed, set)}
				a.ask(d.metas, generated(generatedQueries, d.query))
			}
		},
	}
}

// DrawnQueries is [DrawnHistory] for a few queries of a small data set.
func DrawnQueries(src Source) Check {
	d := newDrawing(src, 1+src.IntN(8))
	queries := generated(1+src.IntN(4), d.query)
	return Check{
		Name: "G16/drawn_queries_equal_the_reference",
		run: func(t T, s *subject) {
			asking{t: t, metas: s.useModel(t, "m-"+uuid.NewString()).Metas, what: "drawn"}.ask(d.metas, queries)
		},
	}
}

// asking asks queries of the metas of one model.
type asking struct {
	t     T
	metas storage.MetaStore
	what  string
	// shrinks: a failure is told of as few metas and as short a query as still fail.
	shrinks bool
}

// ask stores metas instead of those that are there and asks queries of them.
func (a asking) ask(metas []resource.Meta, queries []qb.Query) {
	a.t.Helper()
	a.store(metas)
	for _, q := range queries {
		diff := a.differs(metas, q)
		if diff == "" {
			continue
		}
		if a.shrinks {
			metas, q = a.shrink(metas, q)
			diff = a.differs(metas, q)
		}
		text := ""
		for _, m := range metas {
			text += "\n" + string(m.Append(resource.JSON, nil))
		}
		a.t.Fatalf("%s: %s\n%s\nmetas:%s", a.what, tell(q), diff, text)
	}
}

// store replaces the metas of the model.
func (a asking) store(metas []resource.Meta) {
	a.t.Helper()
	ctx := a.t.Context()
	ok(a.t, "remove metas", a.metas.Delete(ctx, idsOf(collect(a.t, "all metas", a.metas.All(ctx)))))
	ok(a.t, "save", a.metas.SaveMany(ctx, metas))
}

// differs tells how the answer to q is not the reference's, "" when it is.
func (a asking) differs(metas []resource.Meta, q qb.Query) string {
	var got []resource.ID
	for m, err := range a.metas.Search(a.t.Context(), q) {
		if err != nil {
			return fmt.Sprintf("fails: %v", err)
		}
		got = append(got, m.ResourceID)
	}
	if want := idsOf(reference(metas, q)); !slices.Equal(got, want) {
		return fmt.Sprintf("gave %q\nwant %q", got, want)
	}
	n, err := a.metas.Count(a.t.Context(), q)
	if err != nil {
		return fmt.Sprintf("cannot be counted: %v", err)
	}
	asked := q
	q = qb.Query{Where: q.Where}
	if want := len(reference(metas, q)); n != int64(want) {
		return fmt.Sprintf("counts %d, want %d", n, want)
	}
	return a.groupsDiffer(metas, asked)
}

// groupsDiffer tells how the counts by the first key of q's order are not the reference's.
func (a asking) groupsDiffer(metas []resource.Meta, q qb.Query) string {
	by, limit := qb.RevStatus().By(), len(q.Sort)
	if len(q.Sort) > 0 {
		by = qb.GroupingOf(q.Sort[0])
	}
	tally := qb.NewTally(by)
	for _, m := range reference(metas, qb.Query{Where: q.Where}) {
		tally.Add(m, 1)
	}
	got, err := a.metas.CountBy(a.t.Context(), q, by, limit)
	if err != nil {
		return fmt.Sprintf("cannot be counted by %v: %v", by.Key(), err)
	}
	if want := tally.Counts(limit); !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("counts by %v %v, want %v", by.Key(), got, want)
	}
	return ""
}
