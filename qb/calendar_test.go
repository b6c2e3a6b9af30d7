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
		zone, err := qb.Zone(strings.Trim(string(h.TZ), `"`))
		if err != nil {
			t.Fatal(err)
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
