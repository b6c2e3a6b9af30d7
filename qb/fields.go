package qb

import (
	"regexp"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// scalar are the types of attributes.
type scalar interface {
	string | resource.ID | resource.RevisionID | resource.Status | int | bool | time.Time
}

// Field is an attribute of a meta whose values are of type T.
type Field[T scalar] struct{ attr Attr }

// TextField is an attribute that holds a text.
type TextField[T scalar] struct{ Field[T] }

// TimeField is an attribute that holds an instant.
type TimeField struct{ Field[time.Time] }

// ResourceID is the resource's id.
func ResourceID() TextField[resource.ID] { return text[resource.ID](AttrResourceID) }

// CurrentRevisionID is the id of the current revision.
func CurrentRevisionID() TextField[resource.RevisionID] {
	return text[resource.RevisionID](AttrCurrentRevisionID)
}

// SchemaVersion is the schema version of the current payload; it may be null.
func SchemaVersion() TextField[string] { return text[string](AttrSchemaVersion) }

// TotalRevisionCount is the highest revision number ever issued.
func TotalRevisionCount() Field[int] { return Field[int]{AttrTotalRevisionCount} }

// CreatedTime is when the resource was created.
func CreatedTime() TimeField { return instant(AttrCreatedTime) }

// UpdatedTime is when the resource was last changed.
func UpdatedTime() TimeField { return instant(AttrUpdatedTime) }

// CreatedBy is who created the resource.
func CreatedBy() TextField[string] { return text[string](AttrCreatedBy) }

// UpdatedBy is who last changed the resource.
func UpdatedBy() TextField[string] { return text[string](AttrUpdatedBy) }

// IsDeleted tells whether the resource is softly deleted.
func IsDeleted() Field[bool] { return Field[bool]{AttrIsDeleted} }

// RevStatus is the status of the current revision; it may be unset.
func RevStatus() TextField[resource.Status] { return text[resource.Status](AttrRevStatus) }

// RevCreatedBy is who created the current revision; it may be unset.
func RevCreatedBy() TextField[string] { return text[string](AttrRevCreatedBy) }

// RevUpdatedBy is who last changed the current revision; it may be unset.
func RevUpdatedBy() TextField[string] { return text[string](AttrRevUpdatedBy) }

// RevCreatedTime is when the current revision was created; it may be unset.
func RevCreatedTime() TimeField { return instant(AttrRevCreatedTime) }

// RevUpdatedTime is when the current revision was last changed; it may be unset.
func RevUpdatedTime() TimeField { return instant(AttrRevUpdatedTime) }

func text[T scalar](a Attr) TextField[T] { return TextField[T]{Field[T]{a}} }

func instant(a Attr) TimeField { return TimeField{Field[time.Time]{a}} }

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

// In is true where the attribute is one of vs.
func (f Field[T]) In(vs ...T) Cond { return f.compare(OpIn, vs...) }

// NotIn is true where the attribute has a value that is none of vs.
func (f Field[T]) NotIn(vs ...T) Cond { return f.compare(OpNotIn, vs...) }

// IsNull is true where the attribute is null or unset, with false where it has
// a value. It is never unknown.
func (f Field[T]) IsNull(null bool) Cond { return Comparison{attr: f.attr, op: OpIsNull, flag: null} }

// IsNA is the same as [Field.IsNull] for attributes; they differ for [Data].
func (f Field[T]) IsNA(na bool) Cond { return Comparison{attr: f.attr, op: OpIsNA, flag: na} }

// IsUnset is IsNA(true).
func (f Field[T]) IsUnset() Cond { return f.IsNA(true) }

// Exists is true of every meta, with false of none: an unset attribute exists.
func (f Field[T]) Exists(exists bool) Cond {
	return Comparison{attr: f.attr, op: OpExists, flag: exists}
}

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

// Contains is true where part occurs in the text.
func (f TextField[T]) Contains(part string) Cond { return f.part(OpContains, part) }

// StartsWith is true where the text begins with part.
func (f TextField[T]) StartsWith(part string) Cond { return f.part(OpStartsWith, part) }

// EndsWith is true where the text ends with part.
func (f TextField[T]) EndsWith(part string) Cond { return f.part(OpEndsWith, part) }

// Matches is true where the pattern is found in the text.
func (f TextField[T]) Matches(pattern *regexp.Regexp) Cond {
	return Comparison{attr: f.attr, op: OpRegex, pattern: pattern}
}

func (f TextField[T]) part(op Op, part string) Cond {
	return Comparison{attr: f.attr, op: op, values: []any{part}}
}

// Between is true from the first instant to the last, both included.
func (f TimeField) Between(from, to time.Time) Cond { return And{f.Gte(from), f.Lte(to)} }
