package qb

import (
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Eq is true where the attribute equals v.
func (f Field[T]) Eq(v T) Cond { return f.compare(OpEq, v) }

// Ne is true where the attribute has a value other than v.
func (f Field[T]) Ne(v T) Cond { return f.compare(OpNe, v) }

// Gt is true where the attribute is above v.
func (f Field[T]) Gt(v T) Cond { return f.compare(OpGt, v) }

// Gte is true where the attribute is v or above.
func (f Field[T]) Gte(v T) Cond { return f.compare(OpGte, v) }

// Lt is true where the attribute is below v.
func (f Field[T]) Lt(v T) Cond { return f.compare(OpLt, v) }

// Lte is true where the attribute is v or below.
func (f Field[T]) Lte(v T) Cond { return f.compare(OpLte, v) }

// Between is true from one value to another, both included.
func (f Field[T]) Between(from, to T) Cond { return And{f.Gte(from), f.Lte(to)} }

// In is true where the attribute is one of vs.
func (f Field[T]) In(vs ...T) Cond { return f.compare(OpIn, vs...) }

// NotIn is true where the attribute has a value that is none of vs.
func (f Field[T]) NotIn(vs ...T) Cond { return f.compare(OpNotIn, vs...) }

// IsNull is true where the attribute is null or unset, with false where it has
// a value. It is never unknown.
func (f Field[T]) IsNull(null bool) Cond { return Comparison{attr: f.attr, op: OpIsNull, flag: null} }

// IsNotNull is IsNull(false).
func (f Field[T]) IsNotNull() Cond { return f.IsNull(false) }

// IsNA is the same as [Field.IsNull] for attributes; they differ for [Data].
func (f Field[T]) IsNA(na bool) Cond { return Comparison{attr: f.attr, op: OpIsNA, flag: na} }

// IsUnset is IsNA(true).
func (f Field[T]) IsUnset() Cond { return f.IsNA(true) }

// Exists is true of every meta, with false of none: an unset attribute exists.
func (f Field[T]) Exists(exists bool) Cond {
	return Comparison{attr: f.attr, op: OpExists, flag: exists}
}

// IsTruthy is true where the attribute has a value that is not the zero value of
// its type: not the empty text, not 0, not false. An instant is always truthy.
func (f Field[T]) IsTruthy() Cond {
	var zero T
	if _, instant := any(zero).(time.Time); instant {
		return f.IsNotNull()
	}
	return And{f.IsNotNull(), f.Ne(zero)}
}

// IsFalsy is true where the attribute is null, unset or the zero value of its
// type. It is never unknown.
func (f Field[T]) IsFalsy() Cond { return Not{f.IsTruthy()} }

// Asc sorts by the attribute, null and unset first.
func (f Field[T]) Asc() Sort { return Sort{attr: f.attr} }

// Desc sorts by the attribute downwards, null and unset last.
func (f Field[T]) Desc() Sort { return Sort{attr: f.attr, desc: true} }

func (f Field[T]) compare(op Op, vs ...T) Cond {
	values := make([]any, len(vs))
	for i, v := range vs {
		values[i] = operand(v)
	}
	return Comparison{attr: f.attr, op: op, values: values}
}

// operand turns a value of a field into the form a [Comparison] holds.
func operand(v any) any {
	switch v := v.(type) {
	case resource.ID:
		return string(v)
	case resource.RevisionID:
		return string(v)
	case resource.Status:
		return string(v)
	case int:
		return int64(v)
	}
	return v
}

// IsTrue is Eq(true).
func (f FlagField) IsTrue() Cond { return f.Eq(true) }

// IsFalse is Eq(false).
func (f FlagField) IsFalse() Cond { return f.Eq(false) }
