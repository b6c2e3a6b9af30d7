package jsonlex

import (
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Str reads a string, which must be next, and returns its text, valid until the
// next call.
func (s *Scanner) Str() ([]byte, error) {
	start := s.Pos + 1
	switch i := Plain(s.B, start); {
	case i >= len(s.B):
		return nil, &Error{Offset: start - 1, Reason: "the string has no end"}
	case s.B[i] == '"':
		s.Pos = i + 1
		return s.B[start:i], nil
	default:
		s.Pos = i
		s.text = append(s.text[:0], s.B[start:i]...)
		return s.longStr(start - 1)
	}
}

// longStr reads the rest of a string that is not plain ASCII.
func (s *Scanner) longStr(start int) ([]byte, error) {
	for s.Pos < len(s.B) {
		switch c := s.B[s.Pos]; {
		case c == '"':
			s.Pos++
			return s.text, nil
		case c < ' ':
			return nil, s.Fail("a control character in a string is not escaped")
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < utf8.RuneSelf:
			end := Plain(s.B, s.Pos)
			s.text = append(s.text, s.B[s.Pos:end]...)
			s.Pos = end
		default:
			_, size := utf8.DecodeRune(s.B[s.Pos:])
			if size == 1 {
				return nil, s.Fail("the text is not UTF-8")
			}
			s.text = append(s.text, s.B[s.Pos:s.Pos+size]...)
			s.Pos += size
		}
	}
	return nil, &Error{Offset: start, Reason: "the string has no end"}
}

// escape reads one escape sequence into s.text.
func (s *Scanner) escape() error {
	if s.Pos+1 >= len(s.B) {
		return s.Fail("the escape has no end")
	}
	c := s.B[s.Pos+1]
	if c == 'u' {
		return s.unicodeEscape()
	}
	plain, ok := unescape(c)
	if !ok {
		return s.Failf("escape %q is not known", c)
	}
	s.text = append(s.text, plain)
	s.Pos += 2
	return nil
}

// unicodeEscape reads \uXXXX, or two of them that form a surrogate pair. Half
// a pair is no text and refused.
func (s *Scanner) unicodeEscape() error {
	c, ok := s.hex4(s.Pos)
	if !ok {
		return s.Fail("\\u is not followed by four hex digits")
	}
	size := 6
	if utf16.IsSurrogate(c) {
		low, ok := s.hex4(s.Pos + 6)
		if c = utf16.DecodeRune(c, low); !ok || c == utf8.RuneError {
			return s.Fail("the escape is half of a surrogate pair")
		}
		size = 12
	}
	s.text = utf8.AppendRune(s.text, c)
	s.Pos += size
	return nil
}

// hex4 reads \uXXXX at offset i.
func (s *Scanner) hex4(i int) (rune, bool) {
	if len(s.B)-i < 6 || s.B[i] != '\\' || s.B[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.B[i+2:i+6]), 16, 16)
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
