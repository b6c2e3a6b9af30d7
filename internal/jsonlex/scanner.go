package jsonlex

import (
	"bytes"
	"fmt"
	"strconv"
)

// Scanner reads one JSON text. Its methods leave Pos behind what they read, and
// at the cause of an error.
type Scanner struct {
	B   []byte
	Pos int
	// text holds the decoded form of the string that was read last.
	text []byte
}

// Fail returns an error at the current position.
func (s *Scanner) Fail(reason string) error { return &Error{Offset: s.Pos, Reason: reason} }

// Failf is Fail with a format.
func (s *Scanner) Failf(format string, args ...any) error {
	return s.Fail(fmt.Sprintf(format, args...))
}

// Space steps over insignificant white space.
func (s *Scanner) Space() {
	for s.Pos < len(s.B) {
		switch s.B[s.Pos] {
		case ' ', '\t', '\r', '\n':
			s.Pos++
		default:
			return
		}
	}
}

// Peek steps over white space and returns the byte behind it, 0 at the end.
func (s *Scanner) Peek() byte {
	if s.Space(); s.Pos < len(s.B) {
		return s.B[s.Pos]
	}
	return 0
}

// Take steps over word if it is next.
func (s *Scanner) Take(word string) bool {
	if len(s.B)-s.Pos < len(word) || string(s.B[s.Pos:s.Pos+len(word)]) != word {
		return false
	}
	s.Pos += len(word)
	return true
}

// Closes steps over white space and then over the bracket if it is next.
func (s *Scanner) Closes(bracket byte) bool {
	if s.Peek() == bracket && s.Pos < len(s.B) {
		s.Pos++
		return true
	}
	return false
}

// Next steps over what follows a member: a comma, or the bracket that ends all,
// which it reports.
func (s *Scanner) Next(bracket byte) (bool, error) {
	if s.Closes(bracket) {
		return true, nil
	}
	if !s.Take(",") {
		return false, s.Failf("',' or %q is expected", bracket)
	}
	return false, nil
}

// Key reads the key of a member and the colon behind it. The text is valid until
// the next string is read; start is where it begins, for [Scanner.Stable].
func (s *Scanner) Key() (key []byte, start int, err error) {
	if s.Peek() != '"' {
		return nil, s.Pos, s.Fail("a key in quotes is expected")
	}
	start = s.Pos
	key, err = s.Str()
	return key, start, err
}

// Colon steps over the colon behind a key.
func (s *Scanner) Colon() error {
	if s.Space(); !s.Take(":") {
		return s.Fail("':' is expected")
	}
	return nil
}

// Stable returns the text of the string that was just read from start in bytes
// that stay: the input's own, unless an escape made it shorter.
func (s *Scanner) Stable(start int, text []byte) []byte {
	if raw := s.B[start+1 : s.Pos-1]; len(raw) == len(text) {
		return raw
	}
	return bytes.Clone(text)
}

// Number reads a number and reports whether it is an integer, which it is when
// it has neither fraction nor exponent.
func (s *Scanner) Number() (digits []byte, integer bool, err error) {
	start := s.Pos
	s.Take("-")
	leading := s.Pos
	whole := s.digits()
	if whole == 0 || whole > 1 && s.B[leading] == '0' {
		return nil, false, s.Fail("the number is malformed")
	}
	integer = true
	if s.Take(".") {
		integer = false
		if s.digits() == 0 {
			return nil, false, s.Fail("a digit is expected behind the decimal point")
		}
	}
	if s.Take("e") || s.Take("E") {
		integer = false
		if !s.Take("+") {
			s.Take("-")
		}
		if s.digits() == 0 {
			return nil, false, s.Fail("a digit is expected in the exponent")
		}
	}
	if integer && whole > MaxDigits {
		return nil, false, &Error{Offset: start, Reason: fmt.Sprintf("the integer has more than %d digits", MaxDigits)}
	}
	return s.B[start:s.Pos], integer, nil
}

func (s *Scanner) digits() int {
	start := s.Pos
	for s.Pos < len(s.B) && s.B[s.Pos] >= '0' && s.B[s.Pos] <= '9' {
		s.Pos++
	}
	return s.Pos - start
}

// Integer returns the value of the digits of an integer, -magnitude when
// negative; false when it needs more than 64 bits.
func Integer(digits []byte) (negative bool, magnitude uint64, ok bool) {
	negative = digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	if len(digits) > 20 {
		return false, 0, false
	}
	for _, c := range digits {
		d := uint64(c - '0')
		if magnitude > (1<<64-1-d)/10 {
			return false, 0, false
		}
		magnitude = magnitude*10 + d
	}
	if negative && magnitude > 1<<63 {
		return false, 0, false
	}
	return negative && magnitude > 0, magnitude, true
}

// Float returns the value of a number; false when it is out of range.
func Float(digits []byte) (float64, bool) {
	f, err := strconv.ParseFloat(string(digits), 64)
	return f, err == nil
}
