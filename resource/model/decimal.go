package model

import (
	"bytes"
	"strconv"
)

// decimal is a decimal number as the original's have it: a coefficient and an
// exponent, so that 1.50 and 1.5 differ; or no number at all.
type decimal struct {
	negative bool
	// special is "Infinity", "NaN" or "sNaN"; digits are the payload of a NaN then.
	special string
	// digits are the coefficient without leading zeros, "0" for zero.
	digits   []byte
	exponent int64
}

// Bounds of the original's exponents.
const (
	maxExponent = 999_999_999_999_999_999
	minExponent = -1_999_999_999_999_999_997
)

// parseDecimal reads a decimal as the original's constructor does: white space
// around it, underscores between and leading zeros are dropped. Digits must be
// ASCII.
func parseDecimal(s []byte) (decimal, bool) {
	s = bytes.Trim(s, " \t\n\r\v\f")
	if bytes.IndexByte(s, '_') >= 0 {
		s = bytes.ReplaceAll(s, []byte{'_'}, nil)
	}
	var d decimal
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return d, false
	}
	if c := s[0]; c != '.' && (c < '0' || c > '9') {
		return d.parseSpecial(s)
	}
	return d.parseNumber(s)
}

func (d decimal) parseSpecial(s []byte) (decimal, bool) {
	lower := bytes.ToLower(s)
	switch {
	case string(lower) == "inf" || string(lower) == "infinity":
		d.special = "Infinity"
		return d, true
	case bytes.HasPrefix(lower, []byte("nan")):
		d.special, s = "NaN", s[3:]
	case bytes.HasPrefix(lower, []byte("snan")):
		d.special, s = "sNaN", s[4:]
	default:
		return d, false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return d, false
		}
	}
	d.digits = bytes.TrimLeft(s, "0")
	return d, true
}

func (d decimal) parseNumber(s []byte) (decimal, bool) {
	whole := digitsOf(s)
	rest := s[len(whole):]
	var fraction []byte
	if len(rest) > 0 && rest[0] == '.' {
		fraction = digitsOf(rest[1:])
		rest = rest[1+len(fraction):]
	}
	if len(whole)+len(fraction) == 0 {
		return d, false
	}
	exponent, ok := parseExponent(rest)
	if !ok {
		return d, false
	}
	d.digits = whole
	if len(fraction) > 0 {
		d.digits = append(whole[:len(whole):len(whole)], fraction...)
	}
	if d.digits = bytes.TrimLeft(d.digits, "0"); len(d.digits) == 0 {
		d.digits = []byte{'0'}
	}
	d.exponent = exponent - int64(len(fraction))
	return d, d.exponent >= minExponent && d.adjusted() <= maxExponent
}

func digitsOf(s []byte) []byte {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i]
}

// parseExponent reads what stands behind the digits, which may be nothing.
func parseExponent(s []byte) (int64, bool) {
	if len(s) == 0 {
		return 0, true
	}
	if s[0]|0x20 != 'e' {
		return 0, false
	}
	s = s[1:]
	if digits := bytes.TrimLeft(s, "+-"); len(digits) == 0 || len(digits) < len(s)-1 || len(digitsOf(digits)) < len(digits) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(s), 10, 64)
	return n, err == nil && n > 2*minExponent && n < 2*maxExponent
}

// adjusted is the exponent of the first digit.
func (d decimal) adjusted() int64 { return d.exponent + int64(len(d.digits)) - 1 }

// append writes d as the original does: fixed notation while the exponent is not
// positive and there are no more than six zeros in front, else scientific.
func (d decimal) append(b []byte) []byte {
	if d.negative {
		b = append(b, '-')
	}
	if d.special != "" {
		return append(append(b, d.special...), d.digits...)
	}
	left := d.exponent + int64(len(d.digits))
	if d.exponent > 0 || left <= -6 {
		return d.appendScientific(b)
	}
	if left <= 0 {
		b = append(b, '0', '.')
		for range -left {
			b = append(b, '0')
		}
		return append(b, d.digits...)
	}
	b = append(b, d.digits[:left]...)
	if int(left) < len(d.digits) {
		b = append(append(b, '.'), d.digits[left:]...)
	}
	return b
}

func (d decimal) appendScientific(b []byte) []byte {
	b = append(b, d.digits[0])
	if len(d.digits) > 1 {
		b = append(append(b, '.'), d.digits[1:]...)
	}
	e := d.adjusted()
	b = append(b, 'E')
	if e >= 0 {
		b = append(b, '+')
	}
	return strconv.AppendInt(b, e, 10)
}

// rank is the place among numbers.
func (d decimal) rank() rank {
	switch d.special {
	case "":
	case "Infinity":
		return rank{class: rankNumber, negative: d.negative, n: 1 << 62, text: "1"}
	default:
		return rank{class: rankNone}
	}
	digits := bytes.TrimRight(d.digits, "0")
	if len(digits) == 0 {
		return rank{class: rankNumber}
	}
	return rank{class: rankNumber, negative: d.negative, n: d.adjusted(), text: string(digits)}
}
