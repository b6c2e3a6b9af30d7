package sqlgen

import "github.com/specstar-worker/worker/qb"

// CountPlan is how metas are counted.
type CountPlan struct {
	// Plan gives one row: how many metas are sure to match and, unless it is Exact, how
	// many others may.
	Plan
	// Decide is the statement for when there are others. It gives rows of a number to be
	// added and of the columns of a meta, NULL where there is none, to be checked by
	// [qb.Match]. It is one statement, so that it sees one state of the table.
	Decide     string
	DecideArgs []any
}

// CompileCount returns the plan of a count over a table; none is the SQL of a NULL of the
// column's type. Order, limit and offset of the query do not matter.
func CompileCount(d Dialect, table, column string, q qb.Query) CountPlan {
	c := &compiler{dialect: d}
	b := c.cond(q.Where, true)
	p := CountPlan{Plan: Plan{Exact: b.exact(), Paged: b.exact(), Notes: c.notes, Pattern: c.pattern}}
	if p.Exact {
		p.SQL, p.Args = c.statement("SELECT count(*) FROM ", quote(table)).where(b.may).finish()
		return p
	}
	open := "(" + b.must + ") IS NOT TRUE"
	p.SQL, p.Args = c.statement("SELECT count(*) FILTER (WHERE ", b.must, "), count(*) FILTER (WHERE ", open, ") FROM ", quote(table)).where(b.may).finish()
	none := "NULL"
	if d == PostgreSQL {
		none = "NULL::bytea"
	}
	p.Decide, p.DecideArgs = c.statement("SELECT count(*), ", none, " FROM ", quote(table)).where(b.must).
		put(" UNION ALL SELECT 0, ", column, " FROM ", quote(table)).where(and(b.may, open)).finish()
	return p
}
