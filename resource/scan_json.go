package resource

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// jsonScanner reads JSON values one after another from a string, strictly by
// RFC 8259. Texts without escapes are parts of the input.
type jsonScanner struct {
	s      string
	off    int
	values int // built so far by value
}

// jsonError is an error that knows its place.
type jsonError struct {
	offset int
	msg    string
}

func (e *jsonError) Error() string { return fmt.Sprintf("%s at byte %d", e.msg, e.offset) }

func (r *jsonScanner) fail(format string, args ...any) error {
	return &jsonError{offset: r.off, msg: fmt.Sprintf(format, args...)}
}

// peek skips white space and returns the next byte, 0 at the end.
func (r *jsonScanner) peek() byte {
	for ; r.off < len(r.s); r.off++ {
		switch c := r.s[r.off]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// expect reads the one byte c.
func (r *jsonScanner) expect(c byte) error {
	switch got := r.peek(); {
	case r.off >= len(r.s):
		return r.fail("the input ends where %q is expected", string(c))
	case got != c:
		return r.fail("expected %q, found %q", string(c), string(rune(got)))
	}
	r.off++
	return nil
}

// more reads the punctuation before the next element of an object or array and
// reports whether there is one.
func (r *jsonScanner) more(first bool, end byte) (bool, error) {
	if r.peek() == end && r.off < len(r.s) {
		r.off++
		return false, nil
	}
	if first {
		return true, nil
	}
	return true, r.expect(',')
}

// literal reads word if it is next.
func (r *jsonScanner) literal(word string) bool {
	r.peek()
	if len(r.s)-r.off < len(word) || r.s[r.off:r.off+len(word)] != word {
		return false
	}
	r.off += len(word)
	return true
}

// str reads a text.
func (r *jsonScanner) str() (string, error) {
	if err := r.expect('"'); err != nil {
		return "", err
	}
	start := r.off
	for ; r.off < len(r.s); r.off++ {
		switch c := r.s[r.off]; {
		case c == '"':
			text := r.s[start:r.off]
			if !utf8.ValidString(text) {
				return "", r.fail("text is not UTF-8")
			}
			r.off++
			return text, nil
		case c == '\\':
			return r.escaped(start)
		case c < 0x20:
			return "", r.fail("control character in a text")
		}
	}
	return "", r.fail("the input ends inside a text")
}

// escaped reads the rest of a text that began at start and has an escape.
func (r *jsonScanner) escaped(start int) (string, error) {
	out := append(make([]byte, 0, r.off-start+32), r.s[start:r.off]...)
	for r.off < len(r.s) {
		c := r.s[r.off]
		switch {
		case c == '"':
			if !utf8.Valid(out) {
				return "", r.fail("text is not UTF-8")
			}
			r.off++
			return string(out), nil
		case c < 0x20:
			return "", r.fail("control character in a text")
		case c != '\\':
			out = append(out, c)
			r.off++
			continue
		}
		var err error
		if out, err = r.escape(out); err != nil {
			return "", err
		}
	}
	return "", r.fail("the input ends inside a text")
}

// escape reads one escape.
func (r *jsonScanner) escape(out []byte) ([]byte, error) {
	if r.off+1 >= len(r.s) {
		return out, r.fail("the input ends inside an escape")
	}
	c := r.s[r.off+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		return r.unicodeEscape(out)
	default:
		return out, r.fail("unknown escape")
	}
	r.off += 2
	return append(out, c), nil
}

// unicodeEscape reads \uXXXX, and two of them when they are a surrogate pair.
func (r *jsonScanner) unicodeEscape(out []byte) ([]byte, error) {
	hi, ok := r.hex4(r.off)
	if !ok {
		return out, r.fail("incomplete escape")
	}
	size := 6
	if utf16.IsSurrogate(hi) {
		lo, ok := r.hex4(r.off + 6)
		if hi = utf16.DecodeRune(hi, lo); !ok || hi == utf8.RuneError {
			return out, r.fail("half of a surrogate pair")
		}
		size = 12
	}
	r.off += size
	return utf8.AppendRune(out, hi), nil
}

func (r *jsonScanner) hex4(at int) (rune, bool) {
	if at+6 > len(r.s) || r.s[at:at+2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(r.s[at+2:at+6], 16, 16)
	return rune(n), err == nil
}

// number reads a number and reports whether it is an integer by its form.
func (r *jsonScanner) number() (text string, integer bool, err error) {
	r.peek()
	start := r.off
	r.accept('-', '-')
	switch {
	case r.accept('0', '0'):
	case !r.digits():
		return "", false, r.fail("expected a number")
	}
	integer = true
	if r.accept('.', '.') {
		integer = false
		if !r.digits() {
			return "", false, r.fail("number without a digit behind its point")
		}
	}
	if r.accept('e', 'E') {
		integer = false
		r.accept('+', '-')
		if !r.digits() {
			return "", false, r.fail("number without an exponent")
		}
	}
	return r.s[start:r.off], integer, nil
}

// accept reads the next byte if it is a or b.
func (r *jsonScanner) accept(a, b byte) bool {
	if r.off < len(r.s) && (r.s[r.off] == a || r.s[r.off] == b) {
		r.off++
		return true
	}
	return false
}

func (r *jsonScanner) digits() bool {
	start := r.off
	for r.off < len(r.s) && r.s[r.off] >= '0' && r.s[r.off] <= '9' {
		r.off++
	}
	return r.off > start
}

// value reads a value of any type: nil, bool, int64, uint64 (only above the
// largest int64), float64, string, []any or map[string]any.
func (r *jsonScanner) value(depth int) (any, error) {
	if r.values++; r.values > msgpack.MaxValues {
		return nil, r.fail("more than %d values", msgpack.MaxValues)
	}
	switch c := r.peek(); {
	case c == '"':
		return r.str()
	case c == '{':
		return r.object(depth)
	case c == '[':
		return r.array(depth)
	case r.literal("null"):
		return nil, nil
	case r.literal("true"):
		return true, nil
	case r.literal("false"):
		return false, nil
	}
	return r.numeric()
}

func (r *jsonScanner) numeric() (any, error) {
	text, integer, err := r.number()
	switch {
	case err != nil:
		return nil, err
	case integer:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
		if n, err := strconv.ParseUint(text, 10, 64); err == nil {
			return n, nil
		}
		return nil, r.fail("integer %.40s does not fit 64 bits", text)
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, r.fail("number %.40s is out of range", text)
	}
	return f, nil
}

func (r *jsonScanner) object(depth int) (any, error) {
	if depth >= msgpack.MaxDepth {
		return nil, r.fail("nested deeper than %d", msgpack.MaxDepth)
	}
	r.off++
	out := map[string]any{}
	for {
		ok, err := r.more(len(out) == 0, '}')
		if err != nil || !ok {
			return out, err
		}
		key, err := r.str()
		if err != nil {
			return nil, err
		}
		if err := r.expect(':'); err != nil {
			return nil, err
		}
		if out[key], err = r.value(depth + 1); err != nil {
			return nil, err
		}
	}
}

func (r *jsonScanner) array(depth int) (any, error) {
	if depth >= msgpack.MaxDepth {
		return nil, r.fail("nested deeper than %d", msgpack.MaxDepth)
	}
	r.off++
	out := []any{}
	for {
		ok, err := r.more(len(out) == 0, ']')
		if err != nil || !ok {
			return out, err
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
}
