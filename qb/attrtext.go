package qb

import (
	"regexp"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// TextComparison is a condition on a part of the text of an attribute that holds
// something else, made by parsing. The text is that of Python's str: 3, True,
// 2024-03-01 08:00:00.123456+00:00 with the time in UTC, whatever zone it was written
// in.
type TextComparison struct {
	attr Attr
	test DataComparison
}

// Attr returns the attribute.
func (c TextComparison) Attr() Attr { return c.attr }

// Op returns the comparison: OpContains, OpStartsWith, OpEndsWith or OpRegex.
func (c TextComparison) Op() Op { return c.test.op }

// Text returns the operand of a comparison other than OpRegex.
func (c TextComparison) Text() string { return pythonText(c.test.value) }

// Pattern returns the operand of OpRegex.
func (c TextComparison) Pattern() *regexp.Regexp { return c.test.pattern }

func (c TextComparison) eval(m *resource.Meta) truth {
	v := c.attr.of(m)
	if v == nil {
		return unknown
	}
	return c.test.match(attrText(v))
}

// attrText is Python's str of an attribute, times in UTC.
func attrText(v any) string {
	at, ok := v.(time.Time)
	switch {
	case !ok:
		return pythonText(v)
	case !resource.IsNaive(at):
		at = at.UTC()
	}
	return datetimeText(at)
}

// datetimeText is Python's str of a datetime.
func datetimeText(at time.Time) string {
	layout := "2006-01-02 15:04:05"
	if at.Nanosecond()/1000 != 0 {
		layout += ".000000"
	}
	if !resource.IsNaive(at) {
		layout += "-07:00"
	}
	return at.Format(layout)
}
