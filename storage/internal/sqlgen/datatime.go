package sqlgen

import (
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// timeCompared returns the bounds of where a text is a time that compares so with an
// instant, whatever its zone: its date is a day off at most. Times in UTC are compared to
// the second here.
func (c *compiler) timeCompared(v value, op qb.Op, at time.Time) bounds {
	c.note("times in texts are compared by the program, but for those in UTC")
	at = at.UTC()
	equal := v.equals(&operands{texts: []string{string(resource.AppendTime(nil, at))}})
	first, behind := dateText(at.AddDate(0, 0, -1)), dateText(at.AddDate(0, 0, 2))
	if y := at.Year(); y < 1 || y > 9999 {
		equal = never
	}
	seconds := dateText(at)
	if len(seconds) > 1 {
		seconds = at.Format("2006-01-02T15:04:05")
	}
	switch op {
	case qb.OpEq:
		return bounds{may: and(v.text(qb.OpGte, first), v.text(qb.OpLt, behind)), must: equal}
	case qb.OpGt, qb.OpGte:
		b := bounds{may: and(v.text(qb.OpGte, first), v.text(qb.OpLt, ":")), must: v.utc(">", seconds)}
		if op == qb.OpGte {
			b.must = or(b.must, equal)
		}
		return b
	}
	b := bounds{may: and(v.text(qb.OpGte, "0"), v.text(qb.OpLt, behind)), must: v.utc("<", seconds)}
	if op == qb.OpLte {
		b.must = or(b.must, equal)
	}
	return b
}

// dateText is the date that texts of times begin with; what is below all of them, or
// above, when it is in none of their years.
func dateText(t time.Time) string {
	switch y := t.Year(); {
	case y < 1:
		return "0"
	case y > 9999:
		return ":"
	}
	return t.Format(time.DateOnly)
}
