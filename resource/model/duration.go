package model

import "strconv"

const (
	// maxDuration is the longest text of a duration: -P999999999DT86399.999999S.
	maxDuration = 32
	// maxDays is the longest duration of the original.
	maxDays = 999_999_999
)

// duration is an ISO 8601 duration, split as it is written.
type duration struct {
	negative bool
	days     int64
	seconds  int64
	micros   int64
}

// parseDuration reads a duration as the original does: days, hours, minutes and
// seconds in this order, each at most once and at least one, in either case, the
// last perhaps with a fraction. It is rounded to microseconds.
func parseDuration(s []byte) (duration, bool) {
	var d duration
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) < 3 || s[0]|0x20 != 'p' {
		return d, false
	}
	p := durationParser{rest: s[1:], d: d, last: -1}
	for len(p.rest) > 0 {
		if !p.part() {
			return d, false
		}
	}
	if p.last < 0 || p.pending {
		return d, false
	}
	return p.d.normal()
}

// durationParser reads the parts of a duration.
type durationParser struct {
	rest []byte
	d    duration
	// time: the T was read. pending: nothing followed it yet.
	time, pending bool
	// last is the unit that was read last, final whether it had a fraction.
	last  int
	final bool
}

// unitSeconds are the lengths of days, hours, minutes and seconds.
var unitSeconds = [...]int64{secondsOfDay, 3600, 60, 1}

// part reads the T or a number with its unit.
func (p *durationParser) part() bool {
	if p.final {
		return false
	}
	if p.rest[0]|0x20 == 't' && !p.time {
		p.rest, p.time, p.pending = p.rest[1:], true, true
		return true
	}
	n, ok := p.digits()
	if !ok {
		return false
	}
	fraction := []byte(nil)
	if len(p.rest) > 0 && p.rest[0] == '.' {
		p.rest = p.rest[1:]
		from := p.rest
		if _, ok := p.fraction(); !ok {
			return false
		}
		fraction, p.final = from[:len(from)-len(p.rest)], true
	}
	unit, ok := p.unit()
	if !ok || unit <= p.last {
		return false
	}
	p.last, p.pending = unit, false
	p.rest = p.rest[1:]
	return p.add(n, fraction, unit)
}

// digits reads a number of up to 18 digits behind leading zeros.
func (p *durationParser) digits() (int64, bool) {
	var n int64
	i := 0
	for ; i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9'; i++ {
		if n = n*10 + int64(p.rest[i]-'0'); n > 1e17 {
			return 0, false
		}
	}
	p.rest = p.rest[i:]
	return n, i > 0
}

// fraction steps over digits.
func (p *durationParser) fraction() (int, bool) {
	i := 0
	for i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9' {
		i++
	}
	p.rest = p.rest[i:]
	return i, i > 0
}

// unit returns the place of the unit that comes next in unitSeconds.
func (p *durationParser) unit() (int, bool) {
	if len(p.rest) == 0 {
		return 0, false
	}
	switch p.rest[0] | 0x20 {
	case 'd':
		return 0, !p.time
	case 'h':
		return 1, p.time
	case 'm':
		return 2, p.time
	case 's':
		return 3, p.time
	}
	return 0, false
}

// add adds n and a fraction of a unit. Of the fraction of a second seven digits
// count, of that of another unit eleven.
func (p *durationParser) add(n int64, fraction []byte, unit int) bool {
	if n > maxDays*secondsOfDay {
		return false
	}
	if unit == 0 {
		p.d.days += n
	} else {
		p.d.seconds += n * unitSeconds[unit]
	}
	if p.d.days > maxDays || p.d.seconds > (maxDays+1)*secondsOfDay || p.d.seconds < 0 {
		return false
	}
	digits := 11
	if unit == 3 {
		digits = 7
	}
	var f, scale int64 = 0, 1
	for i := range digits {
		f *= 10
		scale *= 10
		if i < len(fraction) {
			f += int64(fraction[i] - '0')
		}
	}
	// f/scale of a unit, in microseconds and rounded; f*unit is below 9e15, and
	// the microseconds of the remainder below 1e17.
	f *= unitSeconds[unit]
	p.d.seconds += f / scale
	p.d.micros = (f%scale*1_000_000 + scale/2) / scale
	return true
}

// normal carries what is too much, and reports whether the original could hold it.
func (d duration) normal() (duration, bool) {
	d.seconds += d.micros / 1_000_000
	d.micros %= 1_000_000
	d.days += d.seconds / secondsOfDay
	d.seconds %= secondsOfDay
	if d.days == 0 && d.seconds == 0 && d.micros == 0 {
		d.negative = false
	}
	// The shortest is a whole number of days.
	whole := d.seconds == 0 && d.micros == 0
	return d, d.days < maxDays || d.days == maxDays && (!d.negative || whole)
}

// append writes d as the original does: days and seconds only.
func (d duration) append(b []byte) []byte {
	if d.negative {
		b = append(b, '-')
	}
	b = append(b, 'P')
	if d.days != 0 || d.seconds == 0 && d.micros == 0 {
		b = append(strconv.AppendInt(b, d.days, 10), 'D')
	}
	if d.seconds == 0 && d.micros == 0 {
		return b
	}
	b = strconv.AppendInt(append(b, 'T'), d.seconds, 10)
	if d.micros != 0 {
		b = append(b, '.')
		for scale, rest := int64(100_000), d.micros; rest > 0; scale /= 10 {
			b = append(b, byte('0'+rest/scale))
			rest %= scale
		}
	}
	return append(b, 'S')
}

// rank is the place among durations.
func (d duration) rank() rank {
	r := rank{class: rankDuration, n: d.days*secondsOfDay + d.seconds, m: d.micros}
	if d.negative {
		r.n, r.m = -r.n, -r.m
	}
	return r
}
