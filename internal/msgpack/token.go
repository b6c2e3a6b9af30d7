package msgpack

// kind is the type of a value.
type kind uint8

const (
	kindNil kind = iota
	kindBool
	kindUint
	kindInt // negative integers only
	kindFloat32
	kindFloat64
	kindStr
	kindBin
	kindExt
	kindArray
	kindMap
)

var kindNames = [...]string{"nil", "bool", "int", "int", "float", "str", "bin", "ext", "array", "map"}

func (k kind) String() string {
	if k >= kindFloat64 {
		k--
	}
	return kindNames[k]
}

// token is the head of a value: its kind and either the value itself (bool, the
// bits of integers and floats) or its length in bytes, elements or pairs.
type token struct {
	n        uint64
	kind     kind
	ext      int8
	smallest bool // no shorter form of the same value exists
}

// token reads the head of the next value and checks its length against the
// bytes that are left.
func (r *Reader[B]) token() (token, error) {
	start := r.off
	if start >= len(r.b) {
		return token{}, r.fail(start, "the input ends where a value is expected")
	}
	c := r.b[start]
	r.off++
	switch {
	case c < 0x80:
		return token{kind: kindUint, n: uint64(c), smallest: true}, nil
	case c >= 0xe0:
		return token{kind: kindInt, n: uint64(int64(int8(c))), smallest: true}, nil
	case c < 0x90:
		return r.sized(start, token{kind: kindMap, n: uint64(c & 0x0f), smallest: true})
	case c < 0xa0:
		return r.sized(start, token{kind: kindArray, n: uint64(c & 0x0f), smallest: true})
	case c < 0xc0:
		return r.sized(start, token{kind: kindStr, n: uint64(c & 0x1f), smallest: true})
	case c == 0xc0:
		return token{kind: kindNil, smallest: true}, nil
	case c == 0xc2, c == 0xc3:
		return token{kind: kindBool, n: uint64(c & 1), smallest: true}, nil
	}
	return r.wideToken(start, c)
}

// wideToken reads a head whose number stands behind its first byte c.
func (r *Reader[B]) wideToken(start int, c byte) (token, error) {
	if c == 0xc1 {
		return token{}, r.fail(start, "byte c1 is not msgpack")
	}
	if c >= 0xd4 && c <= 0xd8 {
		return r.ext(start, token{kind: kindExt, n: 1 << (c - 0xd4), smallest: true})
	}
	width, t := wideForm(c)
	if len(r.b)-r.off < width {
		return token{}, r.fail(start, "the input ends inside the head of a value")
	}
	t.n = r.bigEndian(width)
	switch t.kind {
	case kindUint:
		t.smallest = t.n > max(0x7f, smallerLength(width))
	case kindInt:
		return signed(t, width), nil
	case kindFloat32, kindFloat64:
		t.smallest = t.kind == kindFloat64
	case kindStr:
		t.smallest = t.n > max(31, smallerLength(width))
		return r.sized(start, t)
	case kindBin:
		t.smallest = width == 1 || t.n > smallerLength(width)
		return r.sized(start, t)
	case kindExt:
		t.smallest = true
		return r.ext(start, t)
	default:
		t.smallest = width == 2 && t.n > 15 || t.n > smallerLength(4)
		return r.sized(start, t)
	}
	return t, nil
}

// wideForm gives the kind that first byte c announces and the width in bytes of
// the number behind it.
func wideForm(c byte) (int, token) {
	switch {
	case c <= 0xc6:
		return 1 << (c - 0xc4), token{kind: kindBin}
	case c <= 0xc9:
		return 1 << (c - 0xc7), token{kind: kindExt}
	case c == 0xca:
		return 4, token{kind: kindFloat32}
	case c == 0xcb:
		return 8, token{kind: kindFloat64}
	case c <= 0xcf:
		return 1 << (c - 0xcc), token{kind: kindUint}
	case c <= 0xd3:
		return 1 << (c - 0xd0), token{kind: kindInt}
	case c <= 0xdb:
		return 1 << (c - 0xd9), token{kind: kindStr}
	case c <= 0xdd:
		return 2 << (c - 0xdc), token{kind: kindArray}
	default:
		return 2 << (c - 0xde), token{kind: kindMap}
	}
}

// signed turns the raw bits of a signed form into a token; a value that is not
// negative has a smaller unsigned form.
func signed(t token, width int) token {
	v := int64(t.n<<(64-8*width)) >> (64 - 8*width)
	if v >= 0 {
		return token{kind: kindUint, n: uint64(v)}
	}
	smaller := int64(-32)
	if width > 1 {
		smaller = -1 << (4*width - 1)
	}
	return token{kind: kindInt, n: uint64(v), smallest: v < smaller}
}

// smallerLength is the largest number that fits a form narrower than width bytes.
func smallerLength(width int) uint64 {
	if width == 1 {
		return 0
	}
	return 1<<(4*width) - 1
}

// ext reads the type byte of an extension.
func (r *Reader[B]) ext(start int, t token) (token, error) {
	if r.off >= len(r.b) {
		return token{}, r.fail(start, "the input ends inside the head of a value")
	}
	t.ext = int8(r.b[r.off])
	r.off++
	return r.sized(start, t)
}

// sized compares a declared length with the bytes that are left; an element
// takes at least one byte, a pair two.
func (r *Reader[B]) sized(start int, t token) (token, error) {
	need := t.n
	if t.kind == kindMap {
		need *= 2
	}
	if left := uint64(len(r.b) - r.off); need > left {
		return token{}, r.fail(start, "%v of length %d is longer than the %d bytes left", t.kind, t.n, left)
	}
	return t, nil
}

// bigEndian reads a number of 1, 2, 4 or 8 bytes, which must be there.
func (r *Reader[B]) bigEndian(width int) (n uint64) {
	b := r.b[r.off : r.off+width]
	r.off += width
	switch width {
	case 8:
		return uint64(b[0])<<56 | uint64(b[1])<<48 | uint64(b[2])<<40 | uint64(b[3])<<32 |
			uint64(b[4])<<24 | uint64(b[5])<<16 | uint64(b[6])<<8 | uint64(b[7])
	case 4:
		return uint64(b[0])<<24 | uint64(b[1])<<16 | uint64(b[2])<<8 | uint64(b[3])
	case 2:
		return uint64(b[0])<<8 | uint64(b[1])
	default:
		return uint64(b[0])
	}
}
