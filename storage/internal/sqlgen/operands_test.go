package sqlgen_test

import (
	"strconv"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// checkOperands compares every value with every nth other by every operator, and its
// negation.
func checkOperands(t *testing.T, e engine, nth int) {
	t.Helper()
	metas := []resource.Meta{{ResourceID: "none"}, {ResourceID: "empty", IndexedData: opt.Of(resource.Indexed{})}}
	for i, v := range everyValue {
		if !holdsValue(e, v) {
			continue
		}
		x, err := resource.NewIndexed(map[string]any{"a": v})
		if err != nil {
			t.Fatal(err)
		}
		metas = append(metas, resource.Meta{ResourceID: resource.ID(strconv.Itoa(i)), IndexedData: opt.Of(x)})
	}
	e.fill(t, metas)
	exact := 0
	check := func(c qb.Cond) {
		if compareWithReference(t, e, metas, qb.Query{Where: c}) {
			exact++
		}
		compareWithReference(t, e, metas, qb.Query{Where: qb.Not{c}})
	}
	for _, f := range []field{fieldOf("a"), lengthOf("a")} {
		for _, op := range everyOp {
			switch op {
			case qb.OpIsNull, qb.OpIsNA, qb.OpExists:
				check(f.cond(op, true))
				check(f.cond(op, false))
				continue
			case qb.OpRegex:
				for _, p := range patterns {
					check(f.cond(op, p))
				}
				continue
			}
			for i, v := range everyValue {
				if i%nth != 0 {
					continue
				}
				if op == qb.OpIn || op == qb.OpNotIn {
					v = []any{v, "a", 3}
				}
				check(f.cond(op, v))
			}
		}
		for _, flags := range everyFlags {
			check(f.cond(qb.OpContains, flags))
		}
	}
	for _, s := range []qb.Sort{qb.Data("a").Asc(), qb.Data("a").Desc()} {
		for i := 0; i < len(metas); i += 3 {
			q := qb.Query{Sort: []qb.Sort{s, qb.ResourceID().Desc()}}
			compareWithReference(t, e, metas, q.Page(5, i))
			compareWithReference(t, e, metas, q.From(qb.PositionOf(metas[i], q.Sort)).Page(7, 0))
		}
	}
	if exact < 1000/nth {
		t.Errorf("SQL decides %d conditions alone", exact)
	}
	t.Logf("%d conditions are decided by SQL alone", exact)
}

func TestSQLiteOperands(t *testing.T) { checkOperands(t, openSQLite(t), 3) }

func TestPostgreSQLOperands(t *testing.T) {
	eachPostgreSQL(t, func(t *testing.T, e engine) {
		if e.(postgresEngine).zone == "" {
			checkOperands(t, e, 5)
			return
		}
		checkOperands(t, e, 11) // what the zone and the order of texts may change is among them
	})
}
