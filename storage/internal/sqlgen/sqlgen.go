// Package sqlgen turns queries into SQL over the meta tables.
//
// One tree serves all dialects. Identifiers come from the fixed set of attributes, never
// from a value; every value is a parameter. A path of indexed data is a literal, as it has
// to be for an index to be found, and is written by one function for each dialect. The
// result is that of [qb.Match] and [qb.Compare], row for row.
//
// # Two bounds
//
// What a database cannot decide as qb.Match does, such as what is in the text of a map,
// is bounded: the statement selects the metas that may match, and the program checks them.
// To negate a condition its bounds change places. A count needs both: it adds what is
// sure to match and what the program finds among the others.
//
// # The expressions an index must have
//
// Conditions on a path of indexed data and orders by it are spelled so that an index on
// these expressions serves them, PATH being the literal of [PathLiteral]:
//
//	PostgreSQL  equality, lists of values    (indexed_data -> PATH)
//	            order, ranges                [RankSQL], [NumberSQL], [TextSQL] of the path
//	            elements of a list           indexed_data, a GIN index with jsonb_path_ops or jsonb_ops
//	SQLite      all of them                  [KeySQL] of the path
//
// In PostgreSQL a value may be longer than what a B-tree takes, so that an index for
// equality is a hash index, and the text of an order is cut off at [TextLength].
package sqlgen

import (
	"strings"
)

// Dialect is a kind of database and its layout of the meta tables.
type Dialect int

// The dialects.
const (
	// SQLite is our own layout: is_deleted is 0 or 1, times are integers of
	// microseconds since 1970 in UTC, indexed_data is the text of
	// [resource.Indexed.AppendJSON], and total_revision_count and current_revision_id
	// are columns.
	SQLite Dialect = iota
	// PostgreSQL is the original's layout: is_deleted is a boolean, indexed_data is JSONB
	// and the two columns above are missing. Times are TIMESTAMP in the session's time
	// zone, as the server makes them of instants, or TIMESTAMP WITH TIME ZONE; both are
	// compared as instants. A time without a zone is none: it is compared with what is in
	// the column, which is as qb.Match has it where the session is in UTC.
	PostgreSQL
)

// quote makes an identifier of a table name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
