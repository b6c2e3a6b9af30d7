package resource

import (
	"fmt"
	"time"
)

// maxTimeText is the longest text of a time: 2024-01-02T03:04:05.678901+08:00.
const maxTimeText = 32

// AppendTime appends t as the original writes a datetime in JSON: RFC 3339
// with the offset kept, Z for UTC and nothing for a naive time; six digits of
// fraction or none.
func AppendTime(b []byte, t time.Time) []byte {
	b = t.AppendFormat(b, "2006-01-02T15:04:05")
	if us := t.Nanosecond() / 1000; us != 0 {
		b = append(b, '.')
		for div := 100_000; div > 0; div /= 10 {
			b = append(b, byte('0'+us/div%10))
		}
	}
	if IsNaive(t) {
		return b
	}
	return appendOffset(b, t)
}

// appendOffset writes the offset in minutes; half a minute rounds to zero.
func appendOffset(b []byte, t time.Time) []byte {
	_, seconds := t.Zone()
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	minutes := (seconds + 29) / 60
	if minutes == 0 {
		return append(b, 'Z')
	}
	h, m := minutes/60, minutes%60
	return append(b, sign, byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10))
}

// ParseTime reads a datetime as the original does: date, one of "T", "t" and
// space, time with seconds, optional fraction (rounded to microseconds), and
// nothing (naive), Z or an offset with or without colon.
func ParseTime(s string) (time.Time, error) {
	t, ok := parseDateTime(s)
	if !ok {
		return time.Time{}, fmt.Errorf("%.40q is not an RFC 3339 time", s)
	}
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Time{}, fmt.Errorf("%.40q is outside of the years 1 to 9999", s)
	}
	return t, nil
}

func parseDateTime(s string) (time.Time, bool) {
	const layout = "0000-00-00T00:00:00"
	if len(s) < len(layout) {
		return time.Time{}, false
	}
	for i, c := range []byte(layout) {
		switch d := s[i]; c {
		case '0':
			if d < '0' || d > '9' {
				return time.Time{}, false
			}
		case 'T':
			if d != 'T' && d != 't' && d != ' ' {
				return time.Time{}, false
			}
		default:
			if d != c {
				return time.Time{}, false
			}
		}
	}
	year, month, day := 100*twoDigits(s, 0)+twoDigits(s, 2), twoDigits(s, 5), twoDigits(s, 8)
	hour, minute, sec := twoDigits(s, 11), twoDigits(s, 14), twoDigits(s, 17)
	if year < 1 || hour > 23 || minute > 59 || sec > 59 {
		return time.Time{}, false
	}
	micros, rest, ok := parseFraction(s[len(layout):])
	if !ok {
		return time.Time{}, false
	}
	loc, ok := parseZone(rest)
	if !ok {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, sec, 0, loc)
	if int(t.Month()) != month || t.Day() != day {
		return time.Time{}, false
	}
	return t.Add(time.Duration(micros) * time.Microsecond), true
}

// twoDigits is the number at s[i:i+2].
func twoDigits(s string, i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }

// parseFraction reads an optional fraction and returns it in microseconds, half
// a microsecond rounded up, and what follows.
func parseFraction(s string) (micros int, rest string, ok bool) {
	if s == "" || s[0] != '.' {
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

// parseZone reads the end of a datetime.
func parseZone(s string) (*time.Location, bool) {
	switch {
	case s == "":
		return Naive, true
	case s == "Z" || s == "z":
		return time.UTC, true
	case len(s) == 6 && s[3] == ':':
		s = s[:3] + s[4:]
	}
	if len(s) != 5 || s[0] != '+' && s[0] != '-' {
		return nil, false
	}
	for i := 1; i < 5; i++ {
		if s[i] < '0' || s[i] > '9' {
			return nil, false
		}
	}
	h, m := twoDigits(s, 1), twoDigits(s, 3)
	if h > 23 || m > 59 {
		return nil, false
	}
	seconds := (h*60 + m) * 60
	if seconds == 0 {
		return time.UTC, true
	}
	if s[0] == '-' {
		seconds = -seconds
	}
	return time.FixedZone("", seconds), true
}
