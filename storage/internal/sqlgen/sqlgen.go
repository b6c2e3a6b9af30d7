// Package sqlgen turns queries into SQL over the meta tables.
//
// One tree serves all dialects. Identifiers come from the fixed set of
// attributes, never from a value; every value is a parameter. The result is
// that of [qb.Match] and [qb.Compare], row for row.
package sqlgen

import (
	"errors"
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// ErrNotPushable reports a query that holds something the dialect cannot decide
// exactly as [qb.Match] does: conditions on and orders by indexed data, positions,
// regular expressions, very large trees and, with PostgreSQL, texts that it cannot hold.
// The backend then reads all metas of the model and runs [qb.Select] over them, or
// counts those that qb.Match takes.
var ErrNotPushable = errors.New("query cannot be expressed in SQL")

// Dialect is a kind of database and its layout of the meta tables.
type Dialect int

// The dialects.
const (
	// SQLite is our own layout: is_deleted is 0 or 1, times are integers of
	// microseconds since 1970 in UTC, and total_revision_count and
	// current_revision_id are columns.
	SQLite Dialect = iota
	// PostgreSQL is the original's layout: is_deleted is a boolean and the two columns
	// above are missing. Times are TIMESTAMP in the session's time zone, as the
	// server makes them of instants, or TIMESTAMP WITH TIME ZONE; both are compared
	// as instants. A time without a zone is none: it is compared with what is in the
	// column, which is as qb.Match has it where the session is in UTC.
	PostgreSQL
)

// Select returns the statement that reads the given columns of the metas q
// selects, in q's order. columns is SQL text of the caller's own; table is
// quoted here. Errors: ErrNotPushable, and those of [qb.Query.Validate].
func Select(d Dialect, table string, columns string, q qb.Query) (string, []any, error) {
	if err := q.Validate(); err != nil {
		return "", nil, err
	}
	if q.After.IsSet() {
		return "", nil, fmt.Errorf("%w: position", ErrNotPushable)
	}
	w := writer{dialect: d}
	w.put("SELECT ", columns, " FROM ", quote(table))
	if err := w.where(q.Where); err != nil {
		return "", nil, err
	}
	if err := w.orderBy(q.Sort); err != nil {
		return "", nil, err
	}
	w.page(q)
	return w.finish()
}

// Count returns the statement that counts the metas q's condition selects;
// order, limit and offset do not matter. Errors: ErrNotPushable.
func Count(d Dialect, table string, q qb.Query) (string, []any, error) {
	w := writer{dialect: d}
	w.put("SELECT count(*) FROM ", quote(table))
	if err := w.where(q.Where); err != nil {
		return "", nil, err
	}
	return w.finish()
}

// quote makes an identifier of a table name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
