package s3

import (
	"slices"
	"testing"
)

func TestRemoveAllRemovesWhatIsBelowThePrefix(t *testing.T) {
	f := startFake(t)
	whole := openFake(t, f.config())
	for _, key := range []string{"a", "p/a", "p/b/c", "p/b/d", "pa"} {
		if err := whole.put(t.Context(), object{key: key, body: bytesBody(nil)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := whole.RemoveAll(t.Context()); err == nil {
		t.Fatal("the whole bucket was to be removed and nobody refused")
	}
	c := f.config()
	c.Prefix = "p"
	if err := openFake(t, c).RemoveAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left []string
	for o, err := range whole.list(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, o.key)
	}
	if !slices.Equal(left, []string{"a", "pa"}) {
		t.Fatalf("left: %v; want a and pa", left)
	}
}
