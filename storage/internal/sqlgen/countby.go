package sqlgen

import "github.com/specstar-worker/worker/qb"

// CompileCountBy returns the statement that counts metas by their values, at most limit of
// these, all when it is not positive. Its rows are how many metas have a value, how many
// there are in all, and the column of one meta that has it. It is false when a database
// would not count as [qb.Tally] does: by indexed data, by what has no column, by times in
// PostgreSQL, where those without a zone may be equal to others, and under conditions that
// the program has to check.
func CompileCountBy(d Dialect, table, column string, q qb.Query, by qb.Grouping, limit int) (sql string, args []any, ok bool) {
	a, isAttr := by.Key().Attr()
	if !isAttr || noColumn(d, a) || d == PostgreSQL && a.Kind() == qb.KindTime {
		return "", nil, false
	}
	c := &compiler{dialect: d}
	where := c.cond(q.Where, true)
	if !where.exact() {
		return "", nil, false
	}
	value := c.column(a)
	s := c.statement("WITH counted AS (SELECT count(*) AS n, CAST(sum(count(*)) OVER () AS BIGINT) AS total, min(",
		c.column(qb.AttrResourceID), ") AS id FROM ", quote(table)).where(where.may)
	s.put(" GROUP BY ", value, " ORDER BY count(*) DESC, ", c.attributeKey(a, false))
	if limit > 0 {
		s.page(qb.Query{}.Page(limit, 0))
	}
	s.put(") SELECT n, total, ", column, " FROM counted JOIN ", quote(table), " ON resource_id = id")
	sql, args = s.finish()
	return sql, args, true
}
