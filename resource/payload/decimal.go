package payload

import (
	"bytes"
	"strconv"
)

// decimal is a number written out: 0.digits times 10 to the exponent. Without
// zeros at either end of the digits, it has one form for each number.
type decimal struct {
	negative bool
	digits   []byte
	exponent int
}

// sameDecimal reports whether two JSON numbers are equal (RFC 6902 §4.6).
func sameDecimal(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, y := newDecimal(a), newDecimal(b)
	return x.negative == y.negative && x.exponent == y.exponent && bytes.Equal(x.digits, y.digits)
}

// newDecimal reads a JSON number that was checked.
func newDecimal(s []byte) decimal {
	var d decimal
	if s[0] == '-' {
		d.negative, s = true, s[1:]
	}
	if e := bytes.IndexAny(s, "eE"); e >= 0 {
		d.exponent, _ = strconv.Atoi(string(s[e+1:])) // of a float that was in range or written by us
		s = s[:e]
	}
	whole, fraction, _ := bytes.Cut(s, []byte("."))
	d.exponent += len(whole)
	d.digits = whole
	if len(fraction) > 0 {
		d.digits = append(append(make([]byte, 0, len(s)), whole...), fraction...)
	}
	n := len(d.digits)
	d.digits = bytes.TrimLeft(d.digits, "0")
	d.exponent -= n - len(d.digits)
	if d.digits = bytes.TrimRight(d.digits, "0"); len(d.digits) == 0 {
		return decimal{}
	}
	return d
}
