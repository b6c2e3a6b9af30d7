package sqlgen

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/specstar-worker/worker/qb"
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
}

func (w *writer) put(parts ...string) {
	for _, p := range parts {
		w.sql.WriteString(p)
	}
}

// arg adds a parameter and writes its placeholder.
func (w *writer) arg(v any) {
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
// itself.
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
	case w.dialect != PostgreSQL:
	case desc:
		w.put(" NULLS LAST")
	default:
		w.put(" NULLS FIRST")
	}
	return nil
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
