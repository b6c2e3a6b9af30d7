package sqlgen

import (
	"fmt"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
)

func (w *writer) where(c qb.Cond) error {
	if c == nil {
		return nil
	}
	w.put(" WHERE ")
	return w.cond(c)
}

// cond writes a condition. SQL's NULL is the logic's unknown, and AND, OR and
// NOT follow the same tables.
func (w *writer) cond(c qb.Cond) error {
	if w.nodes++; w.nodes > maxNodes {
		return fmt.Errorf("%w: more than %d conditions", ErrNotPushable, maxNodes)
	}
	switch c := c.(type) {
	case nil:
		w.constant(true)
		return nil
	case qb.And:
		return w.group(c, " AND ", true)
	case qb.Or:
		return w.group(c, " OR ", false)
	case qb.Not:
		w.put("NOT ")
		return w.group(c, " AND ", true)
	case qb.Comparison:
		return w.comparison(c)
	case qb.DataComparison:
		return fmt.Errorf("%w: condition on indexed data %q", ErrNotPushable, c.Path())
	}
	return fmt.Errorf("%w: condition %T", ErrNotPushable, c)
}

func (w *writer) group(conds []qb.Cond, operator string, empty bool) error {
	w.put("(")
	if len(conds) == 0 {
		w.constant(empty)
	}
	for i, c := range conds {
		if i > 0 {
			w.put(operator)
		}
		if err := w.cond(c); err != nil {
			return err
		}
	}
	w.put(")")
	return nil
}

func (w *writer) comparison(c qb.Comparison) error {
	column, err := w.column(c.Attr())
	if err != nil {
		return err
	}
	switch op := c.Op(); op {
	case qb.OpExists:
		w.constant(c.Flag())
	case qb.OpIsNull, qb.OpIsNA:
		w.null(string(c.Attr()), c.Flag())
	case qb.OpIn, qb.OpNotIn:
		return w.list(column, op, c.Values())
	case qb.OpContains, qb.OpStartsWith, qb.OpEndsWith:
		w.text(column, op, c.Values()[0].(string))
	default:
		symbol, ok := symbols[op]
		if !ok {
			return fmt.Errorf("%w: operator %s", ErrNotPushable, op)
		}
		w.put(column, symbol)
		w.operand(c.Values()[0])
	}
	return nil
}

// symbols are the operators that SQL has, too.
var symbols = map[qb.Op]string{
	qb.OpEq: " = ", qb.OpNe: " <> ", qb.OpGt: " > ", qb.OpGte: " >= ", qb.OpLt: " < ", qb.OpLte: " <= ",
}

func (w *writer) null(column string, null bool) {
	if null {
		w.put(column, " IS NULL")
		return
	}
	w.put(column, " IS NOT NULL")
}

// list writes IN and NOT IN. With an empty list they are false and true of a
// value and unknown of NULL.
func (w *writer) list(column string, op qb.Op, values []any) error {
	if len(w.args)+len(values) > maxArgs {
		return fmt.Errorf("%w: more than %d values", ErrNotPushable, maxArgs)
	}
	if len(values) == 0 {
		w.same(column, op == qb.OpNotIn)
		return nil
	}
	w.put(column)
	if op == qb.OpNotIn {
		w.put(" NOT")
	}
	w.put(" IN (")
	for i, v := range values {
		if i > 0 {
			w.put(",")
		}
		w.operand(v)
	}
	w.put(")")
	return nil
}

// same writes what is always or never so of a value and unknown of NULL.
func (w *writer) same(column string, always bool) {
	if always {
		w.put(column, " = ", column)
		return
	}
	w.put(column, " <> ", column)
}

// text writes a comparison of a part of a text. LIKE is not used: it folds case
// in SQLite and its wildcards would need escapes. SQLite compares the bytes, as
// its text functions end at a NUL.
func (w *writer) text(column string, op qb.Op, part string) {
	if part == "" {
		w.same(column, true)
		return
	}
	if w.dialect == SQLite {
		w.sqliteText(column, op, []byte(part))
		return
	}
	switch op {
	case qb.OpContains:
		w.put("strpos(", column, ", ")
		w.arg(part)
		w.put(") > 0")
	case qb.OpStartsWith:
		w.slice("left", column, int64(utf8.RuneCountInString(part)), part)
	default:
		w.slice("right", column, int64(utf8.RuneCountInString(part)), part)
	}
}

// sqliteText treats the empty text on its own, as substr of an empty BLOB is
// NULL.
func (w *writer) sqliteText(column string, op qb.Op, part []byte) {
	blob := "CAST(" + column + " AS BLOB)"
	switch op {
	case qb.OpContains:
		w.put("instr(", blob, ", ")
		w.arg(part)
		w.put(") > 0")
	case qb.OpStartsWith:
		w.put("instr(", blob, ", ")
		w.arg(part)
		w.put(") = 1")
	default:
		w.put("CASE WHEN ", column, " = '' THEN 0 ELSE substr(", blob, ", ")
		w.arg(int64(-len(part)))
		w.put(") = ")
		w.arg(part)
		w.put(" END")
	}
}

// slice writes function(column, n) = part.
func (w *writer) slice(function, column string, n int64, part string) {
	w.put(function, "(", column, ", ")
	w.arg(n)
	w.put(") = ")
	w.arg(part)
}
