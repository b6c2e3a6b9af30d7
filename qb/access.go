package qb

import (
	"regexp"

	"github.com/specstar-worker/worker/resource"
)

// Pattern returns the operand of OpRegex.
func (c Comparison) Pattern() *regexp.Regexp { return c.pattern }

// Length reports whether the condition is about the length of the value, see
// [DataField.Len].
func (c DataComparison) Length() bool { return c.field.length }

// Value returns the operand of a comparison that has one: nil, bool, int64, uint64,
// float64, string, time.Time, []any or map[string]any of these; [Flags] of OpContains;
// a struct{} where it equals nothing. For OpIn and OpNotIn it is the list of operands. It
// must not be changed.
func (c DataComparison) Value() any { return c.value }

// Flag returns the operand of OpIsNull, OpIsNA and OpExists.
func (c DataComparison) Flag() bool { return c.flag }

// Pattern returns the operand of OpRegex.
func (c DataComparison) Pattern() *regexp.Regexp { return c.pattern }

// Test returns the condition on the attribute's value, as one on indexed data.
func (c LengthComparison) Test() DataComparison { return c.test }

// Text returns the text of a value of indexed data, which OpContains, OpStartsWith,
// OpEndsWith and OpRegex look at: Python's str.
func Text(v any) string { return pythonText(v) }

// Key returns what m is sorted by: nil for null, unset and missing values.
func (s Sort) Key(m *resource.Meta) any { return s.key(m) }

// Compare orders two metas by this key alone, upwards.
func (s Sort) Compare(a, b *resource.Meta) int { return s.compare(a, b) }
