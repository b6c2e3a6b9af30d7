package sqlgen

import (
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// Plan is how a search is run: a statement, and what is left for the program to do with
// its rows.
type Plan struct {
	SQL  string
	Args []any
	// Exact reports that the statement selects what the query does, behind its position.
	// Otherwise it selects some more, and each row is checked by [qb.Match].
	Exact bool
	// Order is how the rows are brought into the query's order.
	Order Order
	// Paged reports that the statement applies offset and limit; else the program does.
	Paged bool
	// Rows is how many rows the statement gives at most, where the program pages and hopes
	// that so many are enough; 0 when it gives all.
	Rows int
	// Pattern reports that the database looks for a regular expression, which may take it
	// long.
	Pattern bool
	// Notes say in sentences what the program decides, and why.
	Notes []string

	all  statement // without LIMIT
	keys []sortKey // of the order
}

// Order is how rows are brought into the order of [qb.Compare].
type Order int

// The ways, the cheapest first.
const (
	// OrderExact: the statement gives them in it.
	OrderExact Order = iota
	// OrderRuns: the statement does but for neighbours that its keys do not tell apart,
	// which are sorted among themselves.
	OrderRuns
	// OrderMemory: the statement does not, and all that match are sorted.
	OrderMemory
)

// String names the way in a word.
func (o Order) String() string {
	switch o {
	case OrderExact:
		return "exact"
	case OrderRuns:
		return "runs"
	}
	return "memory"
}

// Compile returns the plan of a search that reads the given columns, which are SQL text of
// the caller's own, of a table that is quoted here. Errors: those of [qb.Query.Validate].
func Compile(d Dialect, table, columns string, q qb.Query) (Plan, error) {
	if err := q.Validate(); err != nil {
		return Plan{}, err
	}
	c := &compiler{dialect: d}
	where := c.cond(q.Where, true)
	behind := []bounds{exactly(always)}
	if p, ok := q.After.Get(); ok {
		behind = c.after(p)
		where = allOf(where, anyOf(behind...))
	}
	order, keys := c.orderBy(q.Sort)
	p := Plan{Exact: where.exact(), keys: keys}
	switch {
	case len(order) == 0:
		p.Order = OrderMemory
	case blurs(keys):
		p.Order = OrderRuns
		c.note("%s", runsNote(d))
	}
	p.Paged = p.Exact && p.Order == OrderExact
	s := c.statement("SELECT ", columns, " FROM ", quote(table)).where(where.may)
	if len(order) > 0 {
		s.put(" ORDER BY ", strings.Join(order, ", "))
	}
	p.all, p.Notes, p.Pattern = *s, c.notes, c.pattern
	if !p.Paged {
		return p.bounded(firstRows(p, q)), nil
	}
	if several := c.branches(table, columns, q, behind, order); several != nil {
		s = several
	}
	p.SQL, p.Args = s.page(q).finish()
	return p, nil
}

// What a page is read by where the program fills it: some rows more than the page ends
// behind at first, as nearly all will do, then several times as many. A page of more than
// maxHeld is made of all rows, as they come, and so is one that ends behind maxRows.
const (
	maxHeld  = 10_000
	moreRows = 8
	maxRows  = 1 << 20
)

// firstRows is how many rows are read at first, 0 for all.
func firstRows(p Plan, q qb.Query) int {
	limit, limited := q.Limit.Get()
	if p.Order == OrderMemory || !limited || limit > maxHeld || q.Offset > maxRows {
		return 0
	}
	end := limit + q.Offset
	return end + end/4 + 64
}

// bounded returns the plan for a number of rows at most, 0 for all.
func (p Plan) bounded(rows int) Plan {
	s := p.all
	if p.Rows = rows; rows > 0 {
		s.put(" LIMIT ", s.arg(int64(rows)))
	}
	p.SQL, p.Args = s.finish()
	return p
}

func runsNote(d Dialect) string {
	if d == PostgreSQL {
		return "lists, long texts and numbers beyond 2^53 are sorted by the program where they come together"
	}
	return "lists and numbers beyond 2^63 are sorted by the program where they come together"
}

// where adds a condition, unless it holds of every row.
func (s *statement) where(cond string) *statement {
	if cond == always {
		return s
	}
	return s.put(" WHERE ", cond)
}

// page adds offset and limit.
func (s *statement) page(q qb.Query) *statement {
	limit, limited := q.Limit.Get()
	switch {
	case limited:
		s.put(" LIMIT ", s.arg(int64(limit)))
	case q.Offset > 0 && s.dialect == SQLite:
		s.put(" LIMIT -1") // SQLite has no OFFSET without LIMIT
	}
	if q.Offset > 0 {
		s.put(" OFFSET ", s.arg(int64(q.Offset)))
	}
	return s
}

// arg adds a parameter of the statement's own.
func (s *statement) arg(v any) string {
	c := compiler{args: s.args}
	at := c.arg(v)
	s.args = c.args
	return at
}
