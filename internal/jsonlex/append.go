package jsonlex

import (
	"math"
	"strconv"
)

// AppendFloat writes the shortest digits that read back equal: fixed notation
// from 1e-5 up to 1e16, else an exponent without plus and padding. JSON has no
// infinities; they become null as in the original.
func AppendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	size := math.Abs(v)
	if size == 0 || size >= 1e-5 && size < 1e16 {
		start := len(b)
		b = strconv.AppendFloat(b, v, 'f', -1, 64)
		for _, c := range b[start:] {
			if c == '.' {
				return b
			}
		}
		return append(b, ".0"...)
	}
	b = strconv.AppendFloat(b, v, 'e', -1, 64)
	e := len(b) - 1
	for b[e] != 'e' {
		e--
	}
	exp, _ := strconv.Atoi(string(b[e+1:])) // written by AppendFloat just above
	return strconv.AppendInt(b[:e+1], int64(exp), 10)
}

// AppendText writes a string with the escapes of the original: quote,
// backslash and control characters only.
func AppendText[S ~string | ~[]byte](b []byte, s S) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	plain := 0
	for i := nextEscaped(s, 0); i < len(s); i = nextEscaped(s, plain) {
		b = append(b, s[plain:i]...)
		plain = i + 1
		switch c := s[i]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[plain:]...), '"')
}
