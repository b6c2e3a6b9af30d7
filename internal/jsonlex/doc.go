// Package jsonlex reads the parts of JSON texts one by one and writes the forms
// of the original's encoder. Its grammar is that of RFC 8259, with the bounds of
// the original's decoder: invalid UTF-8, half surrogate pairs and control
// characters in strings are refused, and so are integers that are too long.
//
// Input is not trusted: nothing here recurses or allocates beyond a small
// multiple of the input, and [Scanner.Skip] has a bound for the nesting.
package jsonlex

import "fmt"

// MaxDigits is the longest integer that is taken.
const MaxDigits = 4300

// Error says what is wrong with a text, and where.
type Error struct {
	// Offset is the position in the text, in bytes from its start.
	Offset int
	// Reason is what is wrong there.
	Reason string
}

// Error names the offset and what is wrong there.
func (e *Error) Error() string { return fmt.Sprintf("byte %d: %s", e.Offset, e.Reason) }
