package jobs

import "testing"

func TestWordsAreWhatWasRead(t *testing.T) {
	var w words
	for _, text := range []string{"", "create", "tcreae", "x", "create", "é", "resource_id", "revision_id", "resource_id"} {
		if got := w.get([]byte(text)); got != text {
			t.Errorf("%q was read as %q", text, got)
		}
	}
}

func TestUsualWordsNeedNoMemory(t *testing.T) {
	var w words
	if n := testing.AllocsPerRun(10, func() {
		for _, word := range []string{"schema", "kind", "model", "args", "op", "resource_id", "data", "time", "user", "save", "normal", "create"} {
			w.get([]byte(word))
		}
	}); n != 0 {
		t.Errorf("they took %v allocations", n)
	}
}
