package payload

import "time"

// events receives what a walker finds, in document order. Text and bytes are
// valid only during the call. An error ends the walk; the walker adds the
// position where it has none.
type events interface {
	null() error
	boolean(v bool) error
	// integer receives an integer of 64 bits: -magnitude when negative.
	integer(negative bool, magnitude uint64) error
	// bigInteger receives the digits, with sign, of a longer integer.
	bigInteger(digits []byte) error
	float(v float64) error
	text(s []byte) error
	bytes(v []byte) error
	timestamp(t time.Time) error
	beginArray() error
	endArray(n int) error
	beginObject() error
	key(s []byte) error
	endObject(n int) error
}

// refusal is the error of a receiver that cannot take an event.
type refusal string

func (r refusal) Error() string { return string(r) }

// at gives a receiver's error the position of its cause.
func at(offset int, err error) error {
	if r, ok := err.(refusal); ok {
		return &SyntaxError{Offset: offset, Reason: string(r)}
	}
	return err
}
