package qb_test

import (
	"testing"
	"time"
	_ "time/tzdata" // the zones are known wherever the tests run

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

func TestZones(t *testing.T) {
	winter := time.Date(2024, 1, 1, 12, 0, 0, 0, time.UTC)
	for text, offset := range map[string]string{
		"+8": "+08:00", "8": "+08:00", "-5": "-05:00", "0": "Z", "-0": "Z", "+05:30": "+05:30", "-3:30": "-03:30", "23": "+23:00",
		"08": "+08:00", "UTC": "Z", "Europe/Berlin": "+01:00", "Asia/Kolkata": "+05:30", "Etc/GMT+5": "-05:00",
	} {
		zone, err := qb.Zone(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := winter.In(zone).Format("Z07:00"); got != offset {
			t.Errorf("%s is at %s, want %s", text, got, offset)
		}
	}
	if zone, err := qb.Zone("Local"); err != nil || zone != time.Local {
		t.Errorf("Local is %v, %v", zone, err)
	}
	for _, text := range []string{"", "+", "-", "24", "-24", "+8.5", "8h", "+-8", "+8:60", "+8:5", "+8:", ":30", "Mars/Olympus", "../etc/passwd"} {
		if zone, err := qb.Zone(text); err == nil {
			t.Errorf("%q is %v", text, zone)
		}
	}
}

// TestDaysOfAClockChange: the hours of days on which the clock goes forward or
// back, at night, at midnight, or by a whole day.
func TestDaysOfAClockChange(t *testing.T) {
	for _, tc := range []struct {
		zone     string
		day      string
		from, to string // of the next day, which is not included
		hours    float64
	}{
		{"Europe/Berlin", "2024-03-31", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00", 23},
		{"Europe/Berlin", "2024-10-27", "2024-10-27T00:00:00+02:00", "2024-10-28T00:00:00+01:00", 25},
		{"Australia/Lord_Howe", "2024-10-06", "2024-10-06T00:00:00+10:30", "2024-10-07T00:00:00+11:00", 23.5},
		// There is no midnight: the clock goes from 23:59:59 to 01:00.
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00", 23},
		{"America/Sao_Paulo", "2018-11-03", "2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00", 24},
		{"Asia/Beirut", "2024-03-31", "2024-03-31T01:00:00+03:00", "2024-04-01T00:00:00+03:00", 23},
		// The hour before midnight comes twice.
		{"America/Sao_Paulo", "2018-02-17", "2018-02-17T00:00:00-02:00", "2018-02-18T00:00:00-03:00", 25},
		{"Asia/Beirut", "2024-10-26", "2024-10-26T00:00:00+03:00", "2024-10-27T00:00:00+02:00", 25},
		// Midnight comes twice: the hour after it is repeated.
		{"America/Havana", "2024-11-03", "2024-11-03T00:00:00-04:00", "2024-11-04T00:00:00-05:00", 25},
		// A minute after midnight the clock goes back to the day before, which goes on.
		{"America/St_Johns", "2010-11-06", "2010-11-06T00:00:00-02:30", "2010-11-07T00:00:00-03:30", 25},
		// The day does not exist.
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00", 0},
		{"Pacific/Apia", "2011-12-29", "2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00", 24},
		// The day comes twice.
		{"Pacific/Kwajalein", "1969-09-30", "1969-09-30T00:00:00+11:00", "1969-10-01T00:00:00-12:00", 47},
	} {
		zone := mustZone(t, tc.zone)
		day, err := time.Parse(time.DateOnly, tc.day)
		if err != nil {
			t.Fatal(err)
		}
		noon := time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, zone)
		c := qb.CreatedTime().Today(noon)
		if noon.Format(time.DateOnly) != tc.day { // there is no such day to stand on
			c = qb.CreatedTime().Yesterday(noon)
		}
		from, to := bounds(t, c)
		end := to.Add(time.Microsecond)
		if got := [2]string{from.Format(time.RFC3339), end.Format(time.RFC3339)}; got != [2]string{tc.from, tc.to} {
			t.Errorf("%s in %s is from %s to %s, want %s to %s", tc.day, tc.zone, got[0], got[1], tc.from, tc.to)
		}
		if got := end.Sub(from).Hours(); got != tc.hours {
			t.Errorf("%s in %s has %v hours, want %v", tc.day, tc.zone, got, tc.hours)
		}
	}
}

// TestPeriodsBeginWhenTheirDateStays looks at the days around every change of
// the clock: before its beginning the clock shows an earlier date, after it never
// again. So every instant is in exactly one day.
func TestPeriodsBeginWhenTheirDateStays(t *testing.T) {
	changes := 0
	for _, name := range []string{
		"Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "America/Havana", "America/St_Johns", "Pacific/Apia",
		"Australia/Lord_Howe", "Africa/Monrovia", "Antarctica/Troll", "America/Asuncion", "Asia/Gaza", "Africa/Cairo",
		"Atlantic/Azores", "America/Scoresbysund", "Asia/Pyongyang", "America/Caracas", "Asia/Tehran", "Pacific/Kiritimati",
	} {
		zone := mustZone(t, name)
		at := time.Date(1970, 1, 1, 12, 0, 0, 0, zone)
		for _, until := at.ZoneBounds(); !until.IsZero() && until.Year() < 2038; _, until = until.ZoneBounds() {
			changes++
			for shift := -2; shift <= 2; shift++ {
				checkDay(t, until.AddDate(0, 0, shift))
			}
			if t.Failed() {
				return
			}
		}
	}
	if changes < 1000 {
		t.Errorf("only %d changes of clocks were looked at", changes)
	}
}

func checkDay(t *testing.T, now time.Time) {
	t.Helper()
	from, to := bounds(t, qb.CreatedTime().Today(now))
	day := now.Format(time.DateOnly)
	if was := from.Add(-1).Format(time.DateOnly); was >= day {
		t.Errorf("%s in %s begins late: it was %s before %v", day, now.Location(), was, from)
	}
	for at := from; at.Before(from.Add(50 * time.Hour)); at = at.Add(13 * time.Minute) {
		if shown := at.Format(time.DateOnly); shown < day {
			t.Errorf("%s in %s begins early: it is %s at %v", day, now.Location(), shown, at)
		}
	}
	// From noon on, a day later is the next date that there is.
	next, _ := bounds(t, qb.CreatedTime().Today(time.Date(now.Year(), now.Month(), now.Day()+1, 12, 0, 0, 0, now.Location())))
	if end := to.Add(time.Microsecond); next.Before(end) || next.Format(time.DateOnly) == day {
		t.Errorf("%s in %s ends at %v, the next begins at %v", day, now.Location(), end, next)
	}
}

// TestLongPeriodsAcrossAClockChange: weeks, months and years begin and end with
// their first and last day.
func TestLongPeriodsAcrossAClockChange(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	berlin, paulo, cairo := mustZone(t, "Europe/Berlin"), mustZone(t, "America/Sao_Paulo"), mustZone(t, "Africa/Cairo")
	f := qb.CreatedTime()
	for name, tc := range map[string]struct {
		c        qb.Cond
		from, to string
	}{
		"week": {
			f.ThisWeek(time.Date(2024, 3, 30, 23, 0, 0, 0, berlin), time.Monday),
			"2024-03-25T00:00:00+01:00", "2024-04-01T00:00:00+02:00",
		},
		"week that begins without midnight": {
			f.ThisWeek(time.Date(2018, 11, 10, 12, 0, 0, 0, paulo), time.Sunday),
			"2018-11-04T01:00:00-02:00", "2018-11-11T00:00:00-02:00",
		},
		"month": {
			f.ThisMonth(time.Date(2024, 10, 1, 0, 0, 0, 0, berlin)),
			"2024-10-01T00:00:00+02:00", "2024-11-01T00:00:00+01:00",
		},
		"month that ends with a leap day": {
			f.ThisMonth(time.Date(2024, 2, 29, 23, 59, 59, 0, berlin)),
			"2024-02-01T00:00:00+01:00", "2024-03-01T00:00:00+01:00",
		},
		"december": {
			f.ThisMonth(time.Date(2024, 12, 31, 1, 0, 0, 0, berlin)),
			"2024-12-01T00:00:00+01:00", "2025-01-01T00:00:00+01:00",
		},
		"month that begins without midnight": {
			f.ThisMonth(time.Date(1981, 5, 20, 12, 0, 0, 0, cairo)),
			"1981-05-01T01:00:00+03:00", "1981-06-01T00:00:00+03:00",
		},
		"year": {
			f.ThisYear(time.Date(2024, 7, 1, 12, 0, 0, 0, paulo)),
			"2024-01-01T00:00:00-03:00", "2025-01-01T00:00:00-03:00",
		},
	} {
		from, to := bounds(t, tc.c)
		if !from.Equal(at(tc.from)) || !to.Add(time.Microsecond).Equal(at(tc.to)) {
			t.Errorf("%s: from %v to %v, want %s to %s", name, from, to, tc.from, tc.to)
		}
	}
	last := f.LastDays(time.Date(2018, 11, 6, 12, 0, 0, 0, paulo), 3).(qb.Comparison)
	if from := last.Values()[0].(time.Time); last.Op() != qb.OpGte || !from.Equal(at("2018-11-04T01:00:00-02:00")) {
		t.Errorf("the last three days are %s %v", last.Op(), from)
	}
}

// TestCalendarOfData: times in indexed data are texts, and are compared by instant.
func TestCalendarOfData(t *testing.T) {
	now, f := time.Date(2024, 3, 31, 12, 0, 0, 0, mustZone(t, "Europe/Berlin")), qb.Data("at")
	for name, c := range map[string]qb.Cond{
		"today": f.Today(now), "yesterday": f.Yesterday(now.AddDate(0, 0, 1)), "week": f.ThisWeek(now, time.Monday),
		"days": f.LastDays(now, 1), "month": f.ThisMonth(now), "year": f.ThisYear(now),
	} {
		for text, want := range map[string]any{
			"2024-03-31T23:00:00+02:00": true, "2024-03-31T10:00:00": true, "2023-12-31T22:59:59Z": false, "soon": nil,
		} {
			m := resource.Meta{IndexedData: opt.Of(indexed(t, map[string]any{"at": text}))}
			if got := truthOf(m, c); got != want {
				t.Errorf("%s: %s is %v", name, text, got)
			}
		}
	}
}

// bounds returns those of a calendar condition.
func bounds(t *testing.T, c qb.Cond) (from, to time.Time) {
	t.Helper()
	first, last := c.(qb.And)[0].(qb.Comparison), c.(qb.And)[1].(qb.Comparison)
	if first.Op() != qb.OpGte || last.Op() != qb.OpLte {
		t.Fatalf("bounds are %s and %s", first.Op(), last.Op())
	}
	return first.Values()[0].(time.Time), last.Values()[0].(time.Time)
}

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := qb.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
