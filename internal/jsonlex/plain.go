package jsonlex

import (
	"math/bits"
	"unicode/utf8"
)

// Plain returns the place, from i on, of the first byte that does not stand for itself
// in a JSON text in ASCII: a quote, a backslash, a control character or one that is not
// ASCII; len(b) when there is none.
func Plain(b []byte, i int) int {
	for ; len(b)-i >= 8; i += 8 {
		x := word(b, i)
		if special := escapedIn(x) | x&highBits; special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(b) && b[i] < utf8.RuneSelf && !isEscaped(b[i]) {
		i++
	}
	return i
}

// nextEscaped returns the place, from i on, of the first byte that is escaped; len(s)
// when there is none.
func nextEscaped[S ~string | ~[]byte](s S, i int) int {
	for ; len(s)-i >= 8; i += 8 {
		if special := escapedIn(word(s, i)); special != 0 {
			return i + bits.TrailingZeros64(special)/8
		}
	}
	for i < len(s) && !isEscaped(s[i]) {
		i++
	}
	return i
}

func isEscaped(c byte) bool { return c < ' ' || c == '"' || c == '\\' }

// The lowest and the highest bit of each byte of a word.
const (
	lowBits  = 0x0101010101010101
	highBits = 0x8080808080808080
)

// word returns the eight bytes at i, the first one lowest.
func word[S ~string | ~[]byte](s S, i int) uint64 {
	w := s[i : i+8]
	return uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 |
		uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
}

// escapedIn returns a word whose lowest bit set is the highest one of the first byte of x
// that a text escapes, 0 when x has none. Behind that byte a borrow may set others.
func escapedIn(x uint64) uint64 {
	quote, backslash := x^'"'*lowBits, x^'\\'*lowBits
	return ((x-' '*lowBits)&^x | (quote-lowBits)&^quote | (backslash-lowBits)&^backslash) & highBits
}
