package check

import (
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// tell writes a query for who looks for what is wrong with its answer.
func tell(q qb.Query) string {
	var b strings.Builder
	fmt.Fprintf(&b, "where %s", tellCond(q.Where))
	for _, s := range q.Sort {
		name := fmt.Sprintf("data(%q)", s.Path())
		if a, ok := s.Attr(); ok {
			name = string(a)
		}
		fmt.Fprintf(&b, ", by %s descending %t", name, s.Descending())
	}
	if after, ok := q.After.Get(); ok {
		fmt.Fprintf(&b, ", after %q", after.ID())
	}
	if n, ok := q.Limit.Get(); ok {
		fmt.Fprintf(&b, ", limit %d", n)
	}
	return b.String() + fmt.Sprintf(", offset %d", q.Offset)
}

func tellCond(c qb.Cond) string {
	switch c := c.(type) {
	case nil:
		return "everything"
	case qb.And:
		return tellGroup("and", c)
	case qb.Or:
		return tellGroup("or", c)
	case qb.Not:
		return tellGroup("not", c)
	case qb.Comparison:
		return string(c.Attr()) + " " + tellOperand(c.Op(), c.Flag(), c.Pattern(), c.Values())
	case qb.DataComparison:
		return fmt.Sprintf("data(%q), length %t, ", c.Path(), c.Length()) + tellOperand(c.Op(), c.Flag(), c.Pattern(), c.Value())
	}
	return fmt.Sprintf("%#v", c)
}

func tellGroup(name string, conds []qb.Cond) string {
	told := make([]string, len(conds))
	for i, c := range conds {
		told[i] = tellCond(c)
	}
	return name + "[" + strings.Join(told, "; ") + "]"
}

func tellOperand(op qb.Op, flag bool, pattern fmt.Stringer, value any) string {
	switch op {
	case qb.OpIsNull, qb.OpIsNA, qb.OpExists:
		return fmt.Sprintf("%s %t", op, flag)
	case qb.OpRegex:
		return fmt.Sprintf("%s %q", op, pattern.String())
	}
	return fmt.Sprintf("%s %#v", op, value)
}
