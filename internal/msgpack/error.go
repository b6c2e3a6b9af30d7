package msgpack

import "fmt"

// Error says what is wrong with the input and at which byte of it.
type Error struct {
	// Offset is the first byte of the value that is wrong.
	Offset int
	// Msg says what was expected or found.
	Msg string
}

// Error renders the message and the offset.
func (e *Error) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

func (r *Reader[B]) fail(offset int, format string, args ...any) error {
	return &Error{Offset: offset, Msg: fmt.Sprintf(format, args...)}
}
