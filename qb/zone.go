package qb

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Zone reads a time zone: hours off UTC as the original's helpers take them
// ("+8", "8", "-5"), hours and minutes ("+05:30"), a name of the IANA database
// ("Europe/Berlin", "UTC"), or "Local" for that of the process. Names need the
// database: that of the system, or of package time/tzdata.
func Zone(text string) (*time.Location, error) {
	if zone, ok := offset(text); ok {
		return zone, nil
	}
	if text == "" || strings.ContainsAny(text[:1], "+-0123456789") {
		return nil, fmt.Errorf("time zone %q is neither hours off UTC, less than a day, nor a name", text)
	}
	zone, err := time.LoadLocation(text)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	return zone, nil
}

// offset reads hours, and minutes, off UTC.
func offset(text string) (*time.Location, bool) {
	sign, digits := 1, text
	switch {
	case strings.HasPrefix(text, "-"):
		sign, digits = -1, text[1:]
	case strings.HasPrefix(text, "+"):
		digits = text[1:]
	}
	hours, minutes, both := strings.Cut(digits, ":")
	h, err := strconv.ParseUint(hours, 10, 8)
	if err != nil || h > 23 {
		return nil, false
	}
	var m uint64
	if both {
		if m, err = strconv.ParseUint(minutes, 10, 8); err != nil || m > 59 || len(minutes) != 2 {
			return nil, false
		}
	}
	seconds := sign * int(h*3600+m*60)
	if seconds == 0 {
		return time.UTC, true
	}
	return time.FixedZone("", seconds), true
}
