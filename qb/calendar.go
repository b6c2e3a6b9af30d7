package qb

import "time"

// The helpers below select calendar periods that contain or precede now, in the
// zone of now (see [Zone]), as the original's helpers of the same names do.
// Bounds are included; a period ends one microsecond before the next begins. A
// day begins when its date has come to stay: where the clock skips midnight with
// the first instant after the gap, where it strikes midnight twice on one date
// with the first stroke. So days around a change of the clock have 23, 25 or
// another number of hours, and no instant is in two days or in none.

// Today is the day of now.
func (f TimeField) Today(now time.Time) Cond { return f.Between(days(now, 0, 1)) }

// Yesterday is the day before that of now.
func (f TimeField) Yesterday(now time.Time) Cond { return f.Between(days(now, -1, 1)) }

// ThisWeek is the week of now, which begins on the day start.
func (f TimeField) ThisWeek(now time.Time, start time.Weekday) Cond {
	return f.Between(week(now, start))
}

// LastDays is the day of now and the n-1 days before, without an upper bound.
func (f TimeField) LastDays(now time.Time, n int) Cond { return f.Gte(dayStart(now, 1-n)) }

// ThisMonth is the month of now. The original's helper ends at the time of day
// of now on the first of the next month; this one ends with the month.
func (f TimeField) ThisMonth(now time.Time) Cond { return f.Between(month(now)) }

// ThisYear is the year of now.
func (f TimeField) ThisYear(now time.Time) Cond { return f.Between(year(now)) }

// Today is the day of now, see [TimeField.Today]; so are the other helpers.
func (f DataField) Today(now time.Time) Cond { return f.Between(days(now, 0, 1)) }

// Yesterday is the day before that of now.
func (f DataField) Yesterday(now time.Time) Cond { return f.Between(days(now, -1, 1)) }

// ThisWeek is the week of now, which begins on the day start.
func (f DataField) ThisWeek(now time.Time, start time.Weekday) Cond {
	return f.Between(week(now, start))
}

// LastDays is the day of now and the n-1 days before, without an upper bound.
func (f DataField) LastDays(now time.Time, n int) Cond { return f.Gte(dayStart(now, 1-n)) }

// ThisMonth is the month of now.
func (f DataField) ThisMonth(now time.Time) Cond { return f.Between(month(now)) }

// ThisYear is the year of now.
func (f DataField) ThisYear(now time.Time) Cond { return f.Between(year(now)) }

// days is n days from the day that is shift days off now, with both bounds.
func days(now time.Time, shift, n int) (from, to time.Time) {
	return dayStart(now, shift), before(dayStart(now, shift+n))
}

func week(now time.Time, start time.Weekday) (from, to time.Time) {
	since := (int(now.Weekday()) - int(start) + 7) % 7
	return days(now, -since, 7)
}

func month(now time.Time) (from, to time.Time) {
	y, m, _ := now.Date()
	return startOf(y, m, 1, now.Location()), before(startOf(y, m+1, 1, now.Location()))
}

func year(now time.Time) (from, to time.Time) {
	return startOf(now.Year(), 1, 1, now.Location()), before(startOf(now.Year()+1, 1, 1, now.Location()))
}

// before is the last instant of a period that ends where another begins.
func before(next time.Time) time.Time { return next.Add(-time.Microsecond) }

// dayStart is the beginning of the day that is shift days off now.
func dayStart(now time.Time, shift int) time.Time {
	y, m, d := now.Date()
	return startOf(y, m, d+shift, now.Location())
}

// startOf is the instant from which on the zone's clock shows the day or a later
// one. Of each offset that the zone has around that day it is where midnight is
// by it or, when the clock is changed before, that change; the last of these
// counts.
func startOf(y int, m time.Month, d int, zone *time.Location) time.Time {
	const reach = 26 * time.Hour // no clock is further from UTC
	midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	var last time.Time
	for at := midnight.Add(-reach); !at.After(midnight.Add(reach)); {
		local := at.In(zone)
		_, seconds := local.Zone()
		since, until := local.ZoneBounds()
		shown := midnight.Add(-time.Duration(seconds) * time.Second)
		if !until.IsZero() && until.Before(shown) {
			shown = until
		}
		if shown.After(since) && shown.After(last) {
			last = shown
		}
		if until.IsZero() {
			break
		}
		at = until
	}
	return last.In(zone)
}
