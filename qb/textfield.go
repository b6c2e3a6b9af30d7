package qb

import (
	"fmt"
	"regexp"
)

// Contains is true where part occurs in the text.
func (f TextField[T]) Contains(part string) Cond { return f.part(OpContains, part) }

// StartsWith is true where the text begins with part.
func (f TextField[T]) StartsWith(part string) Cond { return f.part(OpStartsWith, part) }

// EndsWith is true where the text ends with part.
func (f TextField[T]) EndsWith(part string) Cond { return f.part(OpEndsWith, part) }

// NotContains is true where there is a text in which part does not occur.
func (f TextField[T]) NotContains(part string) Cond { return Not{f.Contains(part)} }

// NotStartsWith is true where there is a text that does not begin with part.
func (f TextField[T]) NotStartsWith(part string) Cond { return Not{f.StartsWith(part)} }

// NotEndsWith is true where there is a text that does not end with part.
func (f TextField[T]) NotEndsWith(part string) Cond { return Not{f.EndsWith(part)} }

// IContains is true where part occurs in the text in upper or lower case, as
// package regexp folds it.
func (f TextField[T]) IContains(part string) Cond { return f.found(folded("", part, "")) }

// IStartsWith is true where the text begins with part in upper or lower case.
func (f TextField[T]) IStartsWith(part string) Cond { return f.found(folded("^", part, "")) }

// IEndsWith is true where the text ends with part in upper or lower case.
func (f TextField[T]) IEndsWith(part string) Cond { return f.found(folded("", part, "$")) }

// Like is true where the whole text is as the pattern says: % stands for any
// text, also an empty one and one of several lines, _ for one character, and
// everything else for itself. There is no escape: use Contains, StartsWith and
// EndsWith for texts that have these characters.
//
// The original takes a % that is neither first nor last as itself when the
// pattern begins or ends with one; here it is a wildcard everywhere.
func (f TextField[T]) Like(pattern string) Cond {
	switch op, part := likePart(pattern); op {
	case OpRegex:
		return f.found(likeExpr(pattern))
	case OpEq:
		return f.Eq(T(part))
	default:
		return f.part(op, part)
	}
}

// Matches is true where the pattern is found in the text. The pattern is one of
// regexp.Compile.
func (f TextField[T]) Matches(pattern *regexp.Regexp) Cond {
	return Comparison{attr: f.attr, op: OpRegex, pattern: pattern}
}

// Regex is [TextField.Matches] of a pattern in the syntax of package regexp. The
// error is that of a pattern it cannot read.
func (f TextField[T]) Regex(pattern string) (Cond, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("condition on %s: %w", f.attr, err)
	}
	return f.Matches(re), nil
}

// IsEmpty is true where the text is empty, null or unset. It is never unknown.
func (f TextField[T]) IsEmpty() Cond { return Or{f.Eq(""), f.IsNull(true)} }

// IsBlank is true where the text is null, unset, empty or has only white space,
// as Unicode has it. It is never unknown.
func (f TextField[T]) IsBlank() Cond { return Or{f.Eq(""), f.IsNull(true), f.Matches(blank)} }

// Len is the length of the text in characters.
func (f TextField[T]) Len() LengthField {
	return LengthField{func(op Op, n any) Cond {
		return LengthComparison{attr: f.attr, test: DataComparison{field: DataField{length: true}, op: op, value: n}}
	}}
}

func (f TextField[T]) part(op Op, part string) Cond {
	return Comparison{attr: f.attr, op: op, values: []any{part}}
}

// found is true where the expression is found in the text. One that is too long
// to be compiled is too long for any text, and is found nowhere.
func (f TextField[T]) found(expr string) Cond {
	re, err := regexp.Compile(expr)
	if err != nil {
		return f.In()
	}
	return f.Matches(re)
}
