package payload

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// number walks a number. It is an integer when it has neither fraction nor
// exponent: numbers keep their lexical kind.
func (r *jsonReader) number() error {
	start := r.pos
	if r.b[r.pos] == '-' {
		r.pos++
	}
	leading := r.pos
	whole := r.digits()
	if whole == 0 || whole > 1 && r.b[leading] == '0' {
		return r.fail("the number is malformed")
	}
	integral := true
	if r.take(".") {
		integral = false
		if r.digits() == 0 {
			return r.fail("a digit is expected behind the decimal point")
		}
	}
	if r.take("e") || r.take("E") {
		integral = false
		if !r.take("+") {
			r.take("-")
		}
		if r.digits() == 0 {
			return r.fail("a digit is expected in the exponent")
		}
	}
	if integral {
		return at(start, r.integer(r.b[start:r.pos]))
	}
	f, err := strconv.ParseFloat(string(r.b[start:r.pos]), 64)
	if err != nil {
		return &SyntaxError{Offset: start, Reason: "the number is out of range"}
	}
	return at(start, r.to.float(f))
}

func (r *jsonReader) integer(digits []byte) error {
	negative := digits[0] == '-'
	bare := digits
	if negative {
		bare = digits[1:]
	}
	if len(bare) > MaxDigits {
		return refusal(fmt.Sprintf("the integer has more than %d digits", MaxDigits))
	}
	n, err := strconv.ParseUint(string(bare), 10, 64)
	switch {
	case err != nil || negative && n > 1<<63:
		return r.to.bigInteger(digits)
	case n == 0:
		return r.to.integer(false, 0)
	}
	return r.to.integer(negative, n)
}

func (r *jsonReader) digits() int {
	start := r.pos
	for r.pos < len(r.b) && r.b[r.pos] >= '0' && r.b[r.pos] <= '9' {
		r.pos++
	}
	return r.pos - start
}

// str reads a string and returns its text, valid until the next call.
func (r *jsonReader) str() ([]byte, error) {
	start := r.pos + 1
	for i := start; i < len(r.b); i++ {
		c := r.b[i]
		switch {
		case c == '"':
			r.pos = i + 1
			return r.b[start:i], nil
		case c == '\\' || c >= utf8.RuneSelf || c < ' ':
			r.pos = i
			r.text = append(r.text[:0], r.b[start:i]...)
			return r.longStr(start - 1)
		}
	}
	return nil, &SyntaxError{Offset: start - 1, Reason: "the string has no end"}
}

// longStr reads the rest of a string that is not plain ASCII.
func (r *jsonReader) longStr(start int) ([]byte, error) {
	for r.pos < len(r.b) {
		switch c := r.b[r.pos]; {
		case c == '"':
			r.pos++
			return r.text, nil
		case c < ' ':
			return nil, r.fail("a control character in a string is not escaped")
		case c == '\\':
			if err := r.escape(); err != nil {
				return nil, err
			}
		case c < utf8.RuneSelf:
			r.text = append(r.text, c)
			r.pos++
		default:
			_, size := utf8.DecodeRune(r.b[r.pos:])
			if size == 1 {
				return nil, r.fail("the text is not UTF-8")
			}
			r.text = append(r.text, r.b[r.pos:r.pos+size]...)
			r.pos += size
		}
	}
	return nil, &SyntaxError{Offset: start, Reason: "the string has no end"}
}

// escape reads one escape sequence into r.text.
func (r *jsonReader) escape() error {
	if r.pos+1 >= len(r.b) {
		return r.fail("the escape has no end")
	}
	c := r.b[r.pos+1]
	if c == 'u' {
		return r.unicodeEscape()
	}
	plain, ok := unescape(c)
	if !ok {
		return r.fail(fmt.Sprintf("escape %q is not known", c))
	}
	r.text = append(r.text, plain)
	r.pos += 2
	return nil
}

// unicodeEscape reads \uXXXX, or two of them that form a surrogate pair. Half
// a pair is no text and refused.
func (r *jsonReader) unicodeEscape() error {
	c, ok := r.hex4(r.pos)
	if !ok {
		return r.fail("\\u is not followed by four hex digits")
	}
	size := 6
	if utf16.IsSurrogate(c) {
		low, ok := r.hex4(r.pos + 6)
		if c = utf16.DecodeRune(c, low); !ok || c == utf8.RuneError {
			return r.fail("the escape is half of a surrogate pair")
		}
		size = 12
	}
	r.text = utf8.AppendRune(r.text, c)
	r.pos += size
	return nil
}

// hex4 reads \uXXXX at offset i.
func (r *jsonReader) hex4(i int) (rune, bool) {
	if len(r.b)-i < 6 || r.b[i] != '\\' || r.b[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(r.b[i+2:i+6]), 16, 16)
	return rune(n), err == nil
}

func unescape(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}
