package opt

import "reflect"

// isPointer reports whether T, the static type of v, is a pointer type.
func isPointer[T any](T) bool { return reflect.TypeFor[T]().Kind() == reflect.Pointer }
