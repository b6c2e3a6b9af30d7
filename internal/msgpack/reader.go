package msgpack

import (
	"math"
	"time"
	"unicode/utf8"
)

// MaxDepth is how deep arrays and maps may be nested.
const MaxDepth = 64

// Reader reads values one after another from a byte slice or a string. What it
// returns aliases the input. After an error the position is undefined. A Reader
// is a small value without resources; it must not be copied while in use.
type Reader[B []byte | string] struct {
	b   B
	off int
}

// NewReader returns a Reader at the beginning of b.
func NewReader[B []byte | string](b B) Reader[B] { return Reader[B]{b: b} }

// Offset is the position of the next value.
func (r *Reader[B]) Offset() int { return r.off }

// Since returns the input between an earlier [Reader.Offset] and the position.
func (r *Reader[B]) Since(offset int) B { return r.b[offset:r.off] }

// End reports an error when anything is left.
func (r *Reader[B]) End() error {
	if n := len(r.b) - r.off; n > 0 {
		return r.fail(r.off, "%d bytes are left behind the value", n)
	}
	return nil
}

// Nil reads a nil if one is next and reports whether it did.
func (r *Reader[B]) Nil() bool {
	if r.off < len(r.b) && r.b[r.off] == 0xc0 {
		r.off++
		return true
	}
	return false
}

// Match reads the bytes of prefix if they are next and reports whether it did.
func (r *Reader[B]) Match(prefix string) bool {
	end := r.off + len(prefix)
	if end > len(r.b) || string(r.b[r.off:end]) != prefix {
		return false
	}
	r.off = end
	return true
}

// expect reads a head that must be of the wanted kind.
func (r *Reader[B]) expect(want kind) (token, error) {
	start := r.off
	t, err := r.token()
	if err == nil && t.kind != want {
		err = r.fail(start, "expected %v, found %v", want, t.kind)
	}
	return t, err
}

// MapLen reads the head of a map and returns its number of pairs.
func (r *Reader[B]) MapLen() (int, error) {
	t, err := r.expect(kindMap)
	return int(t.n), err
}

// ArrayLen reads the head of an array and returns its number of elements.
func (r *Reader[B]) ArrayLen() (int, error) {
	t, err := r.expect(kindArray)
	return int(t.n), err
}

// Bool reads a boolean.
func (r *Reader[B]) Bool() (bool, error) {
	t, err := r.expect(kindBool)
	return t.n == 1, err
}

// Int reads an integer in any form that fits 64 bits with sign.
func (r *Reader[B]) Int() (int64, error) {
	start := r.off
	t, err := r.token()
	switch {
	case err != nil:
		return 0, err
	case t.kind == kindInt:
		return int64(t.n), nil
	case t.kind != kindUint:
		return 0, r.fail(start, "expected int, found %v", t.kind)
	case t.n > math.MaxInt64:
		return 0, r.fail(start, "integer %d does not fit 64 bits with sign", t.n)
	}
	return int64(t.n), nil
}

// Str reads a text, which must be UTF-8.
func (r *Reader[B]) Str() (B, error) {
	if s, ok := r.shortStr(); ok && utf8.ValidString(string(s)) {
		r.off += 1 + len(s)
		return s, nil
	}
	return r.longStr()
}

// Key reads a text that is only compared with known ones and so need not be
// UTF-8.
func (r *Reader[B]) Key() (B, error) {
	if s, ok := r.shortStr(); ok {
		r.off += 1 + len(s)
		return s, nil
	}
	t, err := r.expect(kindStr)
	if err != nil {
		return r.b[:0], err
	}
	return r.take(t), nil
}

// shortStr returns the text at the position, without moving it, when its head
// is a single byte, as nearly all are.
func (r *Reader[B]) shortStr() (B, bool) {
	if r.off >= len(r.b) {
		return r.b[:0], false
	}
	c := r.b[r.off]
	end := r.off + 1 + int(c&0x1f)
	if c&0xe0 != 0xa0 || end > len(r.b) {
		return r.b[:0], false
	}
	return r.b[r.off+1 : end], true
}

func (r *Reader[B]) longStr() (B, error) {
	start := r.off
	t, err := r.expect(kindStr)
	if err != nil {
		return r.b[:0], err
	}
	return r.text(start, t)
}

// Bin reads a binary.
func (r *Reader[B]) Bin() (B, error) {
	t, err := r.expect(kindBin)
	if err != nil {
		return r.b[:0], err
	}
	return r.take(t), nil
}

// Time reads a timestamp. It is UTC and rounded to microseconds, which is all
// the original has; instants outside the years 1 to 9999 are refused.
func (r *Reader[B]) Time() (time.Time, error) {
	start := r.off
	t, err := r.expect(kindExt)
	if err != nil {
		return time.Time{}, err
	}
	return r.timestamp(start, t)
}

// IsStr reports whether the next value is a text.
func (r *Reader[B]) IsStr() bool {
	if r.off >= len(r.b) {
		return false
	}
	c := r.b[r.off]
	return c >= 0xa0 && c < 0xc0 || c >= 0xd9 && c <= 0xdb
}

// IsMap reports whether the next value is a map.
func (r *Reader[B]) IsMap() bool {
	if r.off >= len(r.b) {
		return false
	}
	c := r.b[r.off]
	return c >= 0x80 && c < 0x90 || c >= 0xde && c <= 0xdf
}

// IsBin reports whether the next value is a binary.
func (r *Reader[B]) IsBin() bool {
	return r.off < len(r.b) && r.b[r.off] >= 0xc4 && r.b[r.off] <= 0xc6
}

// Skip reads over a value of any type without looking into its texts.
func (r *Reader[B]) Skip() error { return r.skip(0) }

func (r *Reader[B]) skip(depth int) error {
	start := r.off
	if s, ok := r.shortStr(); ok {
		r.off += 1 + len(s)
		return nil
	}
	t, err := r.token()
	if err != nil {
		return err
	}
	switch t.kind {
	case kindStr, kindBin, kindExt:
		r.off += int(t.n)
		return nil
	case kindMap:
		t.n *= 2
	case kindArray:
	default:
		return nil
	}
	if depth >= MaxDepth {
		return r.fail(start, "nested deeper than %d", MaxDepth)
	}
	for range t.n {
		if err := r.skip(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// take returns the bytes behind a head whose length was checked.
func (r *Reader[B]) take(t token) B {
	b := r.b[r.off : r.off+int(t.n)]
	r.off += int(t.n)
	return b
}

func (r *Reader[B]) text(start int, t token) (B, error) {
	s := r.take(t)
	if !utf8.ValidString(string(s)) {
		return s, r.fail(start, "text is not UTF-8")
	}
	return s, nil
}
