// Package opt holds the one generic type with which this module tells "no
// value given" apart from a value.
//
// The original system knows three states of a field: unset (the key is
// absent), null and a value. Two of them are a [Value]; the codec of the field
// knows whether an unset Value leaves the key out or writes null. A field that
// may be in all three states is a Value of a pointer: unset, set to nil, set.
package opt

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Value is a value of type T or nothing. The zero Value is unset. A Value of a
// comparable type is itself comparable.
type Value[T any] struct {
	v   T
	set bool
}

// Of returns a set Value holding v.
func Of[T any](v T) Value[T] { return Value[T]{v: v, set: true} }

// Get returns the held value and whether there is one; unset gives the zero T.
func (o Value[T]) Get() (T, bool) { return o.v, o.set }

// Or returns the held value, or def when unset.
func (o Value[T]) Or(def T) T {
	if o.set {
		return o.v
	}
	return def
}

// IsSet reports whether a value is held; a set Value may hold the zero T.
func (o Value[T]) IsSet() bool { return o.set }

// IsZero reports whether the Value is unset. It drives the `omitzero` option of
// encoding/json, so that an empty but set string is still written.
func (o Value[T]) IsZero() bool { return !o.set }

// String renders the held value, or "unset"; it is for messages only.
func (o Value[T]) String() string {
	if !o.set {
		return "unset"
	}
	return fmt.Sprint(o.v)
}

// MarshalJSON writes the held value, or null when unset. Use `omitzero` on the
// field to leave an unset Value out instead.
func (o Value[T]) MarshalJSON() ([]byte, error) {
	if !o.set {
		return []byte("null"), nil
	}
	return json.Marshal(o.v)
}

// UnmarshalJSON reads a value. null unsets the Value, except when T is a
// pointer type, for which null is a value of its own (a set nil).
func (o *Value[T]) UnmarshalJSON(b []byte) error {
	var v T
	if bytes.Equal(bytes.TrimSpace(b), []byte("null")) && !isPointer(v) {
		*o = Value[T]{}
		return nil
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	*o = Of(v)
	return nil
}
