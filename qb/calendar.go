package qb

import "time"

// The helpers below select calendar periods that contain or precede now, in the
// zone of now, as the original's QB helpers of the same names do. Bounds are
// included; a period ends one microsecond before the next begins. Days begin at
// the zone's own midnight, also around a change of daylight saving time.

// Today is the day of now.
func (f TimeField) Today(now time.Time) Cond { return f.days(now, 0, 1) }

// Yesterday is the day before that of now.
func (f TimeField) Yesterday(now time.Time) Cond { return f.days(now, -1, 1) }

// ThisWeek is the week of now, which begins on the day start.
func (f TimeField) ThisWeek(now time.Time, start time.Weekday) Cond {
	since := (int(now.Weekday()) - int(start) + 7) % 7
	return f.days(now, -since, 7)
}

// LastDays is the day of now and the n-1 days before, without an upper bound.
func (f TimeField) LastDays(now time.Time, n int) Cond { return f.Gte(midnight(now, 1-n)) }

// ThisMonth is the month of now. The original's helper ends at the time of day
// of now on the first of the next month; this one ends with the month.
func (f TimeField) ThisMonth(now time.Time) Cond {
	y, m, _ := now.Date()
	return f.until(time.Date(y, m, 1, 0, 0, 0, 0, now.Location()), time.Date(y, m+1, 1, 0, 0, 0, 0, now.Location()))
}

// ThisYear is the year of now.
func (f TimeField) ThisYear(now time.Time) Cond {
	y := now.Year()
	return f.until(time.Date(y, 1, 1, 0, 0, 0, 0, now.Location()), time.Date(y+1, 1, 1, 0, 0, 0, 0, now.Location()))
}

// days is n days from the day that is shift days off now.
func (f TimeField) days(now time.Time, shift, n int) Cond {
	return f.until(midnight(now, shift), midnight(now, shift+n))
}

// until is from an instant on and before another.
func (f TimeField) until(from, next time.Time) Cond {
	return f.Between(from, next.Add(-time.Microsecond))
}

// midnight is the beginning of the day that is shift days off now.
func midnight(now time.Time, shift int) time.Time {
	y, m, d := now.Date()
	return time.Date(y, m, d+shift, 0, 0, 0, 0, now.Location())
}
