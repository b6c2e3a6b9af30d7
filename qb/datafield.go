package qb

import (
	"fmt"
	"regexp"
)

// Between is true from one value to another, both included.
func (f DataField) Between(from, to any) Cond { return And{f.Gte(from), f.Lte(to)} }

// NotContains is true where there is a value that does not contain v, see
// [DataField.Contains].
func (f DataField) NotContains(v any) Cond { return Not{f.Contains(v)} }

// NotStartsWith is true where there is a value whose text does not begin with
// the text of v.
func (f DataField) NotStartsWith(v any) Cond { return Not{f.StartsWith(v)} }

// NotEndsWith is true where there is a value whose text does not end with the
// text of v.
func (f DataField) NotEndsWith(v any) Cond { return Not{f.EndsWith(v)} }

// IContains is true where part occurs in the text of the value in upper or lower
// case, as package regexp folds it.
func (f DataField) IContains(part string) Cond { return f.found(folded("", part, "")) }

// IStartsWith is true where the text of the value begins with part in upper or
// lower case.
func (f DataField) IStartsWith(part string) Cond { return f.found(folded("^", part, "")) }

// IEndsWith is true where the text of the value ends with part in upper or lower
// case.
func (f DataField) IEndsWith(part string) Cond { return f.found(folded("", part, "$")) }

// Like is true where the text of the value is as the pattern says, see
// [TextField.Like]. Of a list, %x% looks for the element x, as
// [DataField.Contains] does.
func (f DataField) Like(pattern string) Cond {
	op, part := likePart(pattern)
	if op == OpRegex || op == OpEq { // Eq would not compare the texts of numbers
		return f.found(likeExpr(pattern))
	}
	return f.compare(op, part)
}

// Regex is [DataField.Matches] of a pattern in the syntax of package regexp. The
// error is that of a pattern it cannot read.
func (f DataField) Regex(pattern string) (Cond, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return nil, fmt.Errorf("condition on indexed data %q: %w", f.path, err)
	}
	return f.Matches(re), nil
}

// IsNotNull is true where the value is neither null nor missing, false where it
// is null and unknown where it is missing.
func (f DataField) IsNotNull() Cond { return f.IsNull(false) }

// IsTrue is Eq(true), which 1 fulfils, too.
func (f DataField) IsTrue() Cond { return f.Eq(true) }

// IsFalse is Eq(false), which 0 fulfils, too.
func (f DataField) IsFalse() Cond { return f.Eq(false) }

// IsTruthy is true where the value is neither null, false, 0, the empty text nor
// the empty list; unknown where it is missing.
func (f DataField) IsTruthy() Cond {
	// 0 equals false here, but not on the original's SQL stores.
	return And{f.IsNotNull(), f.Ne(false), f.Ne(0), f.Ne(""), f.Ne([]any{})}
}

// IsFalsy is true where the value is null, false, 0, the empty text or the empty
// list; unknown where it is missing.
func (f DataField) IsFalsy() Cond { return Not{f.IsTruthy()} }

// IsEmpty is true where the value is the empty text or null; unknown where it is
// missing.
func (f DataField) IsEmpty() Cond { return Or{f.Eq(""), f.IsNull(true)} }

// IsBlank is true where the value is null, the empty text or one that has only
// white space, as Unicode has it; unknown where it is missing.
func (f DataField) IsBlank() Cond { return Or{f.Eq(""), f.IsNull(true), f.Matches(blank)} }

// found is true where the expression is found in the text of the value, see
// [TextField.found].
func (f DataField) found(expr string) Cond {
	re, err := regexp.Compile(expr)
	if err != nil {
		return f.In()
	}
	return f.Matches(re)
}
