package model

import (
	"cmp"
	"strconv"
	"strings"
)

// rank is the place of a scalar in the order of the values that a set is written
// in. Two of different class have no order.
type rank struct {
	class    rankClass
	negative bool
	// n and m are compared first; those of a number are its exponent of ten.
	n, m int64
	// text is compared then; that of a number are its digits.
	text string
}

type rankClass uint8

const (
	rankNone rankClass = iota // no order even with its own kind
	rankNull
	rankNumber
	rankText
	rankAware
	rankNaive
	rankDuration
)

func rankOfText(s []byte) rank { return rank{class: rankText, text: string(s)} }

// rankOfNumber ranks the number with the given digits.
func rankOfNumber(digits string) rank {
	d, ok := parseDecimal([]byte(digits))
	if !ok {
		return rank{class: rankNone}
	}
	return d.rank()
}

func rankOfFloat(v float64) rank { return rankOfNumber(strconv.FormatFloat(v, 'e', -1, 64)) }

// comparable reports whether a set may hold both values.
func (r rank) comparable(o rank) bool { return r.class == o.class && r.class != rankNone }

// compare orders two values of the same class.
func (r rank) compare(o rank) int {
	if r.class != rankNumber {
		return cmp.Or(cmp.Compare(r.n, o.n), cmp.Compare(r.m, o.m), strings.Compare(r.text, o.text))
	}
	if s := cmp.Compare(r.sign(), o.sign()); s != 0 || r.sign() == 0 {
		return s
	}
	return r.sign() * cmp.Or(cmp.Compare(r.n, o.n), strings.Compare(r.text, o.text))
}

// sign of a number.
func (r rank) sign() int {
	switch {
	case r.text == "":
		return 0
	case r.negative:
		return -1
	}
	return 1
}
