package qb_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// zones are those of the recorded bounds, by their JSON text.
var zones = map[string]*time.Location{
	`0`: time.UTC, `"+8"`: time.FixedZone("", 8*3600), `-5`: time.FixedZone("", -5*3600),
}

func TestCalendarHelpers(t *testing.T) {
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Helpers []struct {
			Now    time.Time       `json:"now_utc"`
			TZ     json.RawMessage `json:"tz"`
			Helper string
			Bounds [][2]string
		} `json:"time_helpers"`
	}
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	for _, h := range v.Helpers {
		zone, ok := zones[string(h.TZ)]
		if !ok {
			t.Fatalf("zone %s is not known", h.TZ)
		}
		c := calendar(t, h.Helper, h.Now.In(zone))
		checkBound(t, h.Helper, c, h.Bounds[0][1], -time.Microsecond)
		switch {
		case h.Helper == "this_month": // the original's end is off
			first, _ := time.Parse(time.RFC3339Nano, h.Bounds[0][1])
			checkBound(t, h.Helper, c, first.AddDate(0, 1, 0).Add(-time.Microsecond).Format(time.RFC3339Nano), time.Microsecond)
		case len(h.Bounds) == 2:
			checkBound(t, h.Helper, c, h.Bounds[1][1], time.Microsecond)
		}
	}
}

// checkBound checks that c holds at a bound and no longer one step outside.
func checkBound(t *testing.T, helper string, c qb.Cond, bound string, outside time.Duration) {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, bound)
	if err != nil {
		t.Fatal(err)
	}
	if !qb.Match(resource.Meta{CreatedTime: at}, c) {
		t.Errorf("%s does not hold at %s", helper, bound)
	}
	if qb.Match(resource.Meta{CreatedTime: at.Add(outside)}, c) {
		t.Errorf("%s holds %s off %s", helper, outside, bound)
	}
}

func calendar(t *testing.T, helper string, now time.Time) qb.Cond {
	t.Helper()
	f := qb.CreatedTime()
	switch helper {
	case "today":
		return f.Today(now)
	case "yesterday":
		return f.Yesterday(now)
	case "this_week":
		return f.ThisWeek(now, time.Monday)
	case "this_week_start_6":
		return f.ThisWeek(now, time.Sunday)
	case "this_month":
		return f.ThisMonth(now)
	case "this_year":
		return f.ThisYear(now)
	}
	days := map[string]int{"1": 1, "7": 7, "30": 30}[strings.TrimPrefix(helper, "last_n_days_")]
	if days == 0 {
		t.Fatalf("helper %q is not known", helper)
	}
	return f.LastDays(now, days)
}

// TestDayOfAClockChange: the clock goes forward on this day, so it has 23
// hours.
func TestDayOfAClockChange(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	if zone, err := time.LoadLocation("Europe/Berlin"); err == nil {
		berlin = zone
	}
	now := time.Date(2024, 3, 31, 12, 0, 0, 0, berlin)
	c := qb.CreatedTime().Today(now)
	for at, want := range map[time.Time]bool{
		time.Date(2024, 3, 31, 0, 0, 0, 0, berlin):            true,
		time.Date(2024, 3, 31, 23, 59, 59, 999999000, berlin): true,
		time.Date(2024, 4, 1, 0, 0, 0, 0, berlin):             false,
		time.Date(2024, 3, 30, 23, 59, 59, 999999000, berlin): false,
	} {
		if got := qb.Match(resource.Meta{CreatedTime: at}, c); got != want {
			t.Errorf("at %s %v, want %v", at, got, want)
		}
	}
}
