package resource

import "time"

// Naive marks a time that was written without a zone. The original's datetimes
// may be naive; such a time is encoded as ISO text without a zone again, and is
// compared as if it were UTC. Times in this location must not be shown to users
// as UTC.
var Naive = time.FixedZone("naive", 0)

// IsNaive reports whether t was written without a zone.
func IsNaive(t time.Time) bool { return t.Location() == Naive }
