package storagetest

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
)

// hostile are texts that do harm, or match more than they should, where they become a part
// of SQL, of a path of JSON or of a pattern.
var hostile = []string{
	`'`, `"`, "`", `''`, `""`, `\`, `\'`, `x' OR '1'='1`, `x" OR "1"="1`, `x') OR 1=1 --`, `'; DROP TABLE hostile_meta; --`, `"; DELETE FROM hostile_meta; --`,
	`' UNION SELECT data FROM hostile_meta --`, `'||(SELECT 1)||'`, `$$; DROP TABLE hostile_meta; $$`, `/* */`, `--`, `;`, `%`, `_`, `*`, `?`, `$1`, `:a`, `@a`, `{a}`,
	`$`, `$.a`, `$."a"`, `a"."b`, `a[0]`, `#-1`, `"a" : 1`, `{"a":1}`, `E'\x27'`, `\u0027`, `U&'\0027'`, "a\nb", `NULL`, `true`, `1`, "", "\x1b", "\u2019", "ʼ",
}

// unkept are texts that a query may have and a meta of every store may not.
var unkept = []string{"\x00", "a\x00b", "'\x00", "\xff", "\xc0\xa7"}

// RunInjection puts hostile texts into every place of queries that takes one. The answers
// are those of package qb, and state, which tells tables and how many rows they have, stays.
func RunInjection(t *testing.T, open check.Open, state func(t *testing.T) string) {
	f, err := open(t.Context(), "injection")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "hostile", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	stores, err := f.Build(t.Context(), "hostile")
	if err != nil {
		t.Fatal(err)
	}
	metas := hostileMetas(t)
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
	before := state(t)
	asked, found := 0, 0
	for _, s := range slices.Concat(hostile, unkept) {
		for _, q := range hostileQueries(s, metas) {
			want, got := answer(t, qb.Select(each(metas), q)), answer(t, stores.Metas.Search(t.Context(), q))
			asked, found = asked+1, found+len(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("text %q: %s by %v: -want +got\n%s", s, qb.Format(q.Where), q.Sort, diff)
			}
		}
	}
	if diff := cmp.Diff(before, state(t)); diff != "" {
		t.Errorf("the database is another one than before:\n%s", diff)
	}
	if !strings.Contains(before, "hostile_meta") || asked < 5000 || found < asked {
		t.Errorf("%d queries found %d metas in\n%s", asked, found, before)
	}
}

func each(metas []resource.Meta) func(func(resource.Meta, error) bool) {
	return func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func answer(t *testing.T, found func(func(resource.Meta, error) bool)) []resource.ID {
	t.Helper()
	ids := []resource.ID{}
	for m, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, m.ResourceID)
	}
	return ids
}

// hostileMetas hold each text in every attribute, and as key and value of the indexed data.
func hostileMetas(t *testing.T) []resource.Meta {
	t.Helper()
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	var metas []resource.Meta
	for i, s := range hostile {
		id := resource.ID("id" + s)
		x, err := resource.NewIndexed(map[string]any{"name": s, "list": []any{s, "x"}, "map": map[string]any{s: s}, s: i, "a": map[string]any{"b": s}})
		if err != nil {
			t.Fatal(err)
		}
		metas = append(metas, resource.Meta{
			ResourceID: id, CurrentRevisionID: id.Revision(1), TotalRevisionCount: 1, SchemaVersion: opt.Of(s), CreatedTime: at, UpdatedTime: at,
			CreatedBy: s, UpdatedBy: "by " + s + " end", IndexedData: opt.Of(x),
			Rev: resource.RevMeta{Status: opt.Of(resource.Draft), CreatedBy: opt.Of(s), UpdatedBy: opt.Of(s), CreatedTime: opt.Of(at), UpdatedTime: opt.Of(at)},
		})
	}
	return metas
}

// hostileQueries has a text in every place.
func hostileQueries(s string, metas []resource.Meta) []qb.Query {
	var conds []qb.Cond
	for _, f := range []qb.TextField[string]{qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy()} {
		conds = append(conds, onText(f, s)...)
	}
	conds = append(conds, onText(qb.ResourceID(), resource.ID("id"+s))...)
	conds = append(conds, onText(qb.CurrentRevisionID(), resource.RevisionID(s))...)
	conds = append(conds, onText(qb.RevStatus(), resource.Status(s))...)
	for _, f := range []qb.DataField{qb.Data("name"), qb.Data("list"), qb.Data("map"), qb.Data(s), qb.Data("a." + s)} {
		conds = append(conds, onData(f, s)...)
	}
	var queries []qb.Query
	for _, c := range conds {
		queries = append(queries, qb.Where(c))
	}
	for _, sorts := range [][]qb.Sort{{qb.Data(s).Asc()}, {qb.Data(s).Desc(), qb.CreatedBy().Asc()}, {qb.Data("name").Asc()}, {qb.UpdatedBy().Desc()}} {
		q := qb.Query{Sort: sorts}
		queries = append(queries, q.Page(5, 3))
		for _, m := range metas[:min(6, len(metas))] {
			queries = append(queries, q.From(qb.PositionOf(m, sorts)))
		}
	}
	return queries
}

func onText[V string | resource.ID | resource.RevisionID | resource.Status](f qb.TextField[V], s V) []qb.Cond {
	return []qb.Cond{
		f.Eq(s), f.Ne(s), f.Gt(s), f.Gte(s), f.Lt(s), f.Lte(s), f.In(s, "other"), f.NotIn(s), f.Contains(string(s)), f.StartsWith(string(s)), f.EndsWith(string(s)),
		f.IContains(string(s)), f.Matches(regexp.MustCompile(regexp.QuoteMeta(strings.ToValidUTF8(string(s), "?")))), f.Like("%" + string(s)),
	}
}

func onData(f qb.DataField, s string) []qb.Cond {
	return []qb.Cond{
		f.Eq(s), f.Ne(s), f.Gt(s), f.Gte(s), f.Lt(s), f.Lte(s), f.In(s, 1), f.NotIn(s), f.Contains(s), f.StartsWith(s), f.EndsWith(s),
		f.Eq([]any{s, "x"}), f.Eq(map[string]any{s: s}), f.Contains([]any{s}), f.Exists(true), f.IsNull(false), f.IsNA(true), f.Len().Gt(1),
		f.Matches(regexp.MustCompile(regexp.QuoteMeta(strings.ToValidUTF8(s, "?")))), f.IContains(s), f.Gte(2),
	}
}
