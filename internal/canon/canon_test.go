package canon

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOf(t *testing.T) {
	got := Of(t, map[string]string{"created_time": "2024-03-01T20:00:00+08:00", "updated_time": "2024-03-01T12:00:00", "name": "2024-03-01T20:00:00+08:00"})
	want := map[string]any{"created_time": "2024-03-01T12:00:00Z", "updated_time": "2024-03-01T12:00:00", "name": "2024-03-01T20:00:00+08:00"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
