package qb

import (
	"encoding/base64"
	"math"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// jsonView returns a value of indexed data as [resource.Indexed.AppendJSON] writes
// it, whatever the meta is encoded in: bytes are base64, times are RFC 3339, NaN and
// the infinities are null. What is left is nil, bool, int64, uint64, float64, string,
// []any and map[string]any. Lists and maps are changed in place.
func jsonView(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case time.Time:
		return timeText(v)
	case []any:
		for i, e := range v {
			v[i] = jsonView(e)
		}
	case map[string]any:
		for k, e := range v {
			v[k] = jsonView(e)
		}
	}
	return v
}

// timeText is the text of a time in indexed data.
func timeText(t time.Time) string { return string(resource.AppendTime(nil, t)) }

// orderTimeText is the order of a text and a time operand: that of the instants, false
// when the text is no time. A time without a zone is taken as UTC.
func orderTimeText(text string, at time.Time) (int, bool) {
	t, err := resource.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return compareScalars(t, at), true
}
