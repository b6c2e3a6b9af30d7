package sqlgen_test

import (
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// injections are values that would do harm, or match more than they should, if
// they became part of the SQL.
var injections = []string{
	`'`, `"`, `''`, `x' OR '1'='1`, `x') OR 1=1 --`, `'; DROP TABLE "metas of ""x"""; --`, `\`, `\'`, `%`, `_`, `*`,
	`?`, `$1`, `:a`, `@a`, "a\x00b", "\x00", "é", "É", "\xff", "a\nb", `NULL`, `1`, "",
}

// checkInjections puts every harmful text into every place that takes a value.
func checkInjections(t *testing.T, e engine) {
	t.Helper()
	metas := []resource.Meta{{ResourceID: "plain", CreatedBy: "alice"}, {ResourceID: "PLAIN", CreatedBy: "%a_"}}
	for i, s := range injections {
		if !e.holds(s) {
			continue
		}
		metas = append(metas, resource.Meta{
			ResourceID: resource.ID(string(rune('a'+i)) + s), CreatedBy: s, UpdatedBy: "by " + s + " end",
			CurrentRevisionID: resource.RevisionID(s), SchemaVersion: opt.Of(s),
			Rev: resource.RevMeta{Status: opt.Of(resource.Status(s)), CreatedBy: opt.Of(s), UpdatedBy: opt.Of(s)},
		})
	}
	e.fill(t, metas)
	compared := 0
	for _, s := range injections {
		for _, c := range everyTextCondition(s) {
			if compareWithReference(t, e, metas, qb.Query{Where: c}) && compareWithReference(t, e, metas, qb.Query{Where: qb.Not{c}}) {
				compared++
			}
		}
	}
	if !compareWithReference(t, e, metas, qb.Query{}) || compared < 80*len(metas) {
		t.Errorf("only %d conditions could be compared", compared)
	}
}

func everyTextCondition(s string) []qb.Cond {
	var conds []qb.Cond
	for _, f := range []qb.TextField[string]{
		qb.CreatedBy(), qb.UpdatedBy(), qb.SchemaVersion(), qb.RevCreatedBy(), qb.RevUpdatedBy(),
	} {
		conds = append(conds, textConditions(f, s)...)
	}
	conds = append(conds, textConditions(qb.ResourceID(), resource.ID(s))...)
	conds = append(conds, textConditions(qb.CurrentRevisionID(), resource.RevisionID(s))...)
	return append(conds, textConditions(qb.RevStatus(), resource.Status(s))...)
}

func textConditions[T string | resource.ID | resource.RevisionID | resource.Status](f qb.TextField[T], s T) []qb.Cond {
	return []qb.Cond{
		f.Eq(s), f.Ne(s), f.Gt(s), f.Gte(s), f.Lt(s), f.Lte(s), f.In(s), f.In(s, "other"), f.NotIn(s), f.NotIn(s, "other"),
		f.Contains(string(s)), f.StartsWith(string(s)), f.EndsWith(string(s)),
	}
}

// checkLargest runs what is still pushed down: the limits stay below those of the
// databases.
func checkLargest(t *testing.T, e engine) {
	t.Helper()
	metas := []resource.Meta{{ResourceID: "a", CreatedBy: "x"}, {ResourceID: "b", CreatedBy: "y", IsDeleted: true}}
	e.fill(t, metas)
	wide := make(qb.Or, 390)
	for i := range wide {
		wide[i] = qb.IsDeleted().Eq(true)
	}
	deep := qb.CreatedBy().Eq("x")
	for range 198 {
		deep = qb.Not{deep}
	}
	values := make([]string, 40_000)
	values[39_999] = "y"
	for _, c := range []qb.Cond{
		wide, deep, qb.CreatedBy().In(values...), qb.CreatedBy().NotIn(values...),
		qb.Data("a").In(anyOf(values)...),
		qb.Not{qb.Data("a").In(anyOf(values)...)},
		nil,
		qb.And{nil},
	} {
		if !compareWithReference(t, e, metas, qb.Query{Where: c}) {
			t.Errorf("%.100v is not decided by SQL", c)
		}
	}
}

func anyOf(values []string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// TestConditionsBeyondTheLimit are left to the program.
func TestConditionsBeyondTheLimit(t *testing.T) {
	many := make(qb.Or, 1000)
	for i := range many {
		many[i] = qb.IsDeleted().Eq(true)
	}
	p, err := sqlgen.Compile(sqlgen.SQLite, table, "data", qb.Where(many))
	if err != nil || p.Exact || len(p.Notes) != 1 {
		t.Errorf("%v %q: %v", p.Exact, p.Notes, err)
	}
	e := openSQLite(t)
	metas := []resource.Meta{{ResourceID: "a"}, {ResourceID: "b", IsDeleted: true}}
	e.fill(t, metas)
	compareWithReference(t, e, metas, qb.Where(many))
}
