package payload

import (
	"encoding/binary"
	"time"
)

// ContentID is a content-addressed blob id, the xxh3-128 of the content: the 16
// bytes that its 32 hex digits stand for.
type ContentID [16]byte

// ParseContentID reads 32 lower-case hex digits; false for any other id.
func ParseContentID(s string) (ContentID, bool) {
	f := contentIDFinder{}
	if len(s) != idDigits {
		return ContentID{}, false
	}
	for i := range len(s) {
		if s[i] >= 'A' && s[i] <= 'F' {
			return ContentID{}, false
		}
		f.digit(s[i])
	}
	return f.id(), f.run == idDigits
}

// ContentIDs calls found with everything in a stored payload that may be a
// content-addressed blob id: wherever 32 hex digits, of either case, follow one
// another within a text, a key or bytes; of a longer row of digits every part.
// That holds for references of any shape, such as the path of an URL. A payload
// that cannot be walked to its end gives a [*SyntaxError], since it may hold more.
func ContentIDs(p []byte, found func(ContentID)) error {
	return walk(p, &contentIDs{contentIDFinder{found: found}})
}

// ScanContentIDs is [ContentIDs] for bytes of any kind: it looks at them as they
// are, and finds nothing that is escaped or encoded in them.
func ScanContentIDs(b []byte, found func(ContentID)) {
	f := contentIDFinder{found: found}
	f.scan(b)
}

// idDigits is how many hex digits a content-addressed id has.
const idDigits = 32

// contentIDFinder keeps the last 32 digits of the current row of digits.
type contentIDFinder struct {
	found func(ContentID)
	run   int // digits in the row
	high  uint64
	low   uint64
}

// digit takes a byte: one more digit of the row, or its end.
func (f *contentIDFinder) digit(c byte) {
	var v byte
	switch {
	case c >= '0' && c <= '9':
		v = c - '0'
	case c >= 'a' && c <= 'f':
		v = c - 'a' + 10
	case c >= 'A' && c <= 'F':
		v = c - 'A' + 10
	default:
		f.run = 0
		return
	}
	f.high = f.high<<4 | f.low>>60
	f.low = f.low<<4 | uint64(v)
	f.run++
}

// id returns the last 32 digits as an id.
func (f *contentIDFinder) id() ContentID {
	var id ContentID
	binary.BigEndian.PutUint64(id[:8], f.high)
	binary.BigEndian.PutUint64(id[8:], f.low)
	return id
}

// scan looks for ids in one value.
func (f *contentIDFinder) scan(s []byte) {
	if len(s) < idDigits {
		return
	}
	f.run = 0
	for _, c := range s {
		if f.digit(c); f.run >= idDigits {
			f.found(f.id())
		}
	}
}

// contentIDs looks for ids in the values of a payload.
type contentIDs struct{ contentIDFinder }

func (c *contentIDs) text(s []byte) error  { c.scan(s); return nil }
func (c *contentIDs) key(s []byte) error   { c.scan(s); return nil }
func (c *contentIDs) bytes(v []byte) error { c.scan(v); return nil }

// The digits of a long integer are no text, but may stand for an id.
func (c *contentIDs) bigInteger(digits []byte) error { c.scan(digits); return nil }

func (c *contentIDs) null() error                { return nil }
func (c *contentIDs) boolean(bool) error         { return nil }
func (c *contentIDs) integer(bool, uint64) error { return nil }
func (c *contentIDs) float(float64) error        { return nil }
func (c *contentIDs) timestamp(time.Time) error  { return nil }
func (c *contentIDs) beginArray() error          { return nil }
func (c *contentIDs) endArray(int) error         { return nil }
func (c *contentIDs) beginObject() error         { return nil }
func (c *contentIDs) endObject(int) error        { return nil }
