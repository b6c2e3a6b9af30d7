package model

import "time"

const (
	secondsOfDay = 24 * 60 * 60
	// maxDatetime is the longest text of a datetime: 2024-01-02T03:04:05.678901+08:00.
	maxDatetime = 32
)

// datetime is a date with a time of day and perhaps a zone.
type datetime struct {
	// days since 1970-01-01.
	days int64
	clock
}

// clock is a time of day, perhaps with a zone.
type clock struct {
	seconds int64
	micros  int
	zone    zone
}

// zone is an offset from UTC in seconds, or none.
type zone struct {
	seconds int
	naive   bool
}

// parseDatetime reads a datetime as the original does: date, one of "T", "t" and
// space, time with seconds, optional fraction (rounded to microseconds), and
// nothing (naive), Z or an offset with or without colon.
func parseDatetime(s []byte) (datetime, bool) {
	const date = len("2024-01-02")
	if len(s) < date+1 {
		return datetime{}, false
	}
	days, ok := parseDate(s)
	if c := s[date]; !ok || c != 'T' && c != 't' && c != ' ' {
		return datetime{}, false
	}
	t := datetime{days: days}
	if t.clock, ok = parseClock(s[date+1:]); !ok {
		return datetime{}, false
	}
	if t.seconds == secondsOfDay {
		t.seconds, t.days = 0, t.days+1
	}
	return t, t.days <= lastDay
}

// lastDay is 9999-12-31.
const lastDay = 2932896

// parseDate reads the date that s begins with, as days since 1970-01-01.
func parseDate(s []byte) (int64, bool) {
	if len(s) < len("2024-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	century, ok1 := twoDigits(s, 0)
	year, ok2 := twoDigits(s, 2)
	month, ok3 := twoDigits(s, 5)
	day, ok4 := twoDigits(s, 8)
	year += 100 * century
	if !ok1 || !ok2 || !ok3 || !ok4 || year < 1 || month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month) {
		return 0, false
	}
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay, true
}

func daysOfMonth(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// twoDigits is the number at s[i:i+2].
func twoDigits(s []byte, i int) (int, bool) {
	a, b := s[i]-'0', s[i+1]-'0'
	return int(a)*10 + int(b), a <= 9 && b <= 9
}

// parseClock reads a time of day. A fraction that rounds up to the end of the day
// gives that.
func parseClock(s []byte) (clock, bool) {
	const layout = len("03:04:05")
	if len(s) < layout || s[2] != ':' || s[5] != ':' {
		return clock{}, false
	}
	hour, ok1 := twoDigits(s, 0)
	minute, ok2 := twoDigits(s, 3)
	second, ok3 := twoDigits(s, 6)
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 59 {
		return clock{}, false
	}
	c := clock{seconds: int64(hour*60+minute)*60 + int64(second)}
	micros, rest, ok := parseFraction(s[layout:])
	if !ok {
		return clock{}, false
	}
	if c.micros = micros; micros == 1_000_000 {
		c.micros, c.seconds = 0, c.seconds+1
	}
	c.zone, ok = parseZone(rest)
	return c, ok
}

// parseFraction reads an optional fraction of a second and returns it in
// microseconds, half a microsecond rounded up, and what follows.
func parseFraction(s []byte) (micros int, rest []byte, ok bool) {
	if len(s) == 0 || s[0] != '.' {
		return 0, s, true
	}
	i := 1
	for scale := 100_000; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		digit := int(s[i] - '0')
		micros += digit * scale
		if i == 7 && digit >= 5 {
			micros++
		}
		scale /= 10
	}
	return micros, s[i:], i > 1
}

// parseZone reads what stands behind a time.
func parseZone(s []byte) (zone, bool) {
	switch {
	case len(s) == 0:
		return zone{naive: true}, true
	case len(s) == 1:
		return zone{}, s[0] == 'Z' || s[0] == 'z'
	case s[0] != '+' && s[0] != '-':
		return zone{}, false
	}
	at := 3
	switch {
	case len(s) == 6 && s[3] == ':':
		at = 4
	case len(s) != 5:
		return zone{}, false
	}
	hours, ok1 := twoDigits(s, 1)
	minutes, ok2 := twoDigits(s, at)
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return zone{}, false
	}
	seconds := (hours*60 + minutes) * 60
	if s[0] == '-' {
		seconds = -seconds
	}
	return zone{seconds: seconds}, true
}

// append writes t as the original does: RFC 3339 with the offset kept, Z for UTC
// and nothing for a naive time; six digits of fraction or none.
func (t datetime) append(b []byte) []byte {
	b = time.Unix(t.days*secondsOfDay, 0).UTC().AppendFormat(b, "2006-01-02")
	return t.zone.append(t.appendClock(append(b, 'T')))
}

// appendClock writes the time of day without its zone.
func (c clock) appendClock(b []byte) []byte {
	b = appendTwo(b, int(c.seconds/3600))
	b = appendTwo(append(b, ':'), int(c.seconds/60%60))
	b = appendTwo(append(b, ':'), int(c.seconds%60))
	if c.micros == 0 {
		return b
	}
	b = append(b, '.')
	for scale := 100_000; scale > 0; scale /= 10 {
		b = append(b, byte('0'+c.micros/scale%10))
	}
	return b
}

func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// append writes the zone.
func (z zone) append(b []byte) []byte {
	minutes := z.seconds / 60
	switch {
	case z.naive:
		return b
	case minutes == 0:
		return append(b, 'Z')
	case minutes < 0:
		b, minutes = append(b, '-'), -minutes
	default:
		b = append(b, '+')
	}
	return appendTwo(append(appendTwo(b, minutes/60), ':'), minutes%60)
}

// rank is the place among datetimes of the same sort: with a zone or without.
func (t datetime) rank() rank {
	r := t.clock.rank()
	r.n += t.days * secondsOfDay
	return r
}

func (c clock) rank() rank {
	r := rank{class: rankAware, n: c.seconds - int64(c.zone.seconds), m: int64(c.micros)}
	if c.zone.naive {
		r.class = rankNaive
	}
	return r
}
