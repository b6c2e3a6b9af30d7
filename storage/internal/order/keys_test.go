package order

import (
	"slices"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func TestKeysComeByNumberThenVersion(t *testing.T) {
	key := func(revision resource.RevisionID, version ...string) resource.RevisionKey {
		k := resource.RevisionKey{Resource: "a", Revision: revision}
		if len(version) > 0 {
			k.SchemaVersion = opt.Of(version[0])
		}
		return k
	}
	want := []resource.RevisionKey{key("a:1"), key("a:2"), key("a:2", ""), key("a:2", "10"), key("a:2", "9"), key("a:10"), key("a:10", "1")}
	for i, a := range want {
		for j, b := range want {
			if got := Keys(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("Keys(%v, %v) = %d", a, b, got)
			}
		}
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	if slices.SortFunc(got, Keys); !slices.Equal(got, want) {
		t.Errorf("the order is %v", got)
	}
}
