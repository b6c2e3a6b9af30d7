package sqlgen

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// Limits of a statement. SQLite takes 32,766 parameters and expressions of
// depth 1,000.
const (
	maxArgs  = 30_000
	maxNodes = 400
)

// writer builds one statement.
type writer struct {
	dialect Dialect
	sql     strings.Builder
	args    []any
	nodes   int
	unfit   bool // a parameter is nothing that the server takes
}

func (w *writer) put(parts ...string) {
	for _, p := range parts {
		w.sql.WriteString(p)
	}
}

// arg adds a parameter and writes its placeholder. A text that PostgreSQL cannot
// take makes the whole query one that cannot be pushed down.
func (w *writer) arg(v any) {
	if w.dialect == PostgreSQL && !fitsPostgreSQL(v) {
		w.unfit = true
	}
	w.args = append(w.args, v)
	if w.dialect == PostgreSQL {
		w.put("$", strconv.Itoa(len(w.args)))
		return
	}
	w.put("?")
}

// operand adds a value of a condition in the form that its column holds.
func (w *writer) operand(v any) {
	switch v := v.(type) {
	case time.Time:
		if w.dialect == SQLite {
			w.arg(v.UnixMicro())
			return
		}
		w.arg(v.UTC().Truncate(time.Microsecond))
		if resource.IsNaive(v) {
			w.put("::timestamp") // taken as it is, as the original has it
			return
		}
		w.put("::timestamptz")
	case bool:
		if w.dialect == SQLite {
			w.arg(boolInt(v))
			return
		}
		w.arg(v)
	default:
		w.arg(v)
	}
}

// fitsPostgreSQL reports whether the server takes a value: texts are UTF-8 without
// NUL there.
func fitsPostgreSQL(v any) bool {
	text := reflect.ValueOf(v)
	return text.Kind() != reflect.String || utf8.ValidString(text.String()) && strings.IndexByte(text.String(), 0) < 0
}

func boolInt(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// column returns the SQL of an attribute.
func (w *writer) column(a qb.Attr) (string, error) {
	kind := a.Kind()
	if kind == qb.KindNone {
		return "", fmt.Errorf("%w: attribute %q", ErrNotPushable, string(a))
	}
	if w.dialect == PostgreSQL {
		switch {
		case a == qb.AttrTotalRevisionCount || a == qb.AttrCurrentRevisionID:
			return "", fmt.Errorf("%w: %s has no column", ErrNotPushable, a)
		case kind == qb.KindText:
			return string(a) + ` COLLATE "C"`, nil
		}
	}
	return string(a), nil
}

// constant writes true or false.
func (w *writer) constant(v bool) {
	if v {
		w.put("1=1")
		return
	}
	w.put("1=0")
}

func (w *writer) orderBy(sorts []qb.Sort) error {
	desc := false
	w.put(" ORDER BY ")
	for _, s := range sorts {
		desc = s.Descending()
		a, ok := s.Attr()
		if !ok {
			return fmt.Errorf("%w: order by indexed data %q", ErrNotPushable, s.Path())
		}
		if err := w.sortKey(a, desc); err != nil {
			return err
		}
		w.put(", ")
	}
	return w.sortKey(qb.AttrResourceID, desc)
}

// sortKey writes one key. SQLite has NULL first upwards and last downwards by
// itself. PostgreSQL has to be told, but only of columns that may be NULL: of the
// others an index would not serve the order any more.
func (w *writer) sortKey(a qb.Attr, desc bool) error {
	column, err := w.column(a)
	if err != nil {
		return err
	}
	w.put(column)
	if desc {
		w.put(" DESC")
	}
	switch {
	case w.dialect != PostgreSQL || neverNull[a]:
	case desc:
		w.put(" NULLS LAST")
	default:
		w.put(" NULLS FIRST")
	}
	return nil
}

// neverNull has the attributes whose columns are never NULL.
var neverNull = map[qb.Attr]bool{
	qb.AttrResourceID: true, qb.AttrCreatedTime: true, qb.AttrUpdatedTime: true, qb.AttrCreatedBy: true, qb.AttrUpdatedBy: true,
	qb.AttrIsDeleted: true,
}

// finish returns the statement.
func (w *writer) finish() (string, []any, error) {
	if w.unfit {
		return "", nil, fmt.Errorf("%w: a text that PostgreSQL cannot hold", ErrNotPushable)
	}
	return w.sql.String(), w.args, nil
}

func (w *writer) page(q qb.Query) {
	limit, limited := q.Limit.Get()
	switch {
	case limited:
		w.put(" LIMIT ")
		w.arg(int64(limit))
	case q.Offset > 0 && w.dialect == SQLite:
		w.put(" LIMIT -1") // SQLite has no OFFSET without LIMIT
	}
	if q.Offset > 0 {
		w.put(" OFFSET ")
		w.arg(int64(q.Offset))
	}
}
