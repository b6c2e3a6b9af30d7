package tour_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/specstar-worker/worker/internal/cli/tour"
	"github.com/specstar-worker/worker/jobs"
)

func TestEditsAreValidAndTheSameEachTime(t *testing.T) {
	first, err := tour.NewEdits()
	if err != nil || len(first) != tour.Edits {
		t.Fatalf("NewEdits = %d edits, %v; want %d", len(first), err, tour.Edits)
	}
	again, err := tour.NewEdits()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i := range first {
		a, err := first[i].Encode()
		if err != nil {
			t.Fatal(err)
		}
		b, err := again[i].Encode()
		if err != nil || !bytes.Equal(a, b) {
			t.Fatalf("edit %d changed: %s, %s, %v", i, a, b, err)
		}
		op := first[i].Args.(jobs.Save).Operations[0]
		if seen[first[i].ID] || seen[string(op.ResourceID)] {
			t.Fatalf("edit %d repeats the id %s or the resource %s", i, first[i].ID, op.ResourceID)
		}
		seen[first[i].ID], seen[string(op.ResourceID)] = true, true
		var doc map[string]any
		if err := json.Unmarshal(op.Data, &doc); err != nil || doc["review"] == nil || doc["name"] == nil {
			t.Fatalf("edit %d is %s, %v", i, op.Data, err)
		}
	}
}
