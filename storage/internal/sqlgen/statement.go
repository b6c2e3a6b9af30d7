package sqlgen

import (
	"strconv"
	"strings"
)

// Placeholders stand between NULs in conditions, so that these can be put together in any
// order, or left out. A statement numbers those that it has.
const mark = "\x00"

// statement is SQL with placeholders that refer to a compiler's args.
type statement struct {
	dialect Dialect
	args    []any
	sql     string
}

func (s *statement) put(parts ...string) *statement {
	s.sql += strings.Join(parts, "")
	return s
}

// finish numbers the placeholders by their order.
func (s *statement) finish() (string, []any) {
	var sql strings.Builder
	var args []any
	numbers := map[string]int{}
	for i, part := range strings.Split(s.sql, mark) {
		if i%2 == 0 {
			sql.WriteString(part)
			continue
		}
		n, ok := numbers[part]
		if !ok {
			at, _ := strconv.Atoi(part)
			args = append(args, s.args[at])
			n = len(args)
			numbers[part] = n
		}
		sign := "?"
		if s.dialect == PostgreSQL {
			sign = "$"
		}
		sql.WriteString(sign)
		sql.WriteString(strconv.Itoa(n))
	}
	return sql.String(), args
}
