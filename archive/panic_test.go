package archive_test

import (
	"errors"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/caught"
)

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("no byte of mine") }

// TestAPanicOfTheReadingGoroutineIsAnError: who reads may survive it.
func TestAPanicOfTheReadingGoroutineIsAnError(t *testing.T) {
	var last error
	for _, err := range archive.NewReader(panicking{}, archive.Limits{}).Records() {
		last = err
	}
	if _, is := errors.AsType[*caught.PanicError](last); !is {
		t.Fatalf("%v", last)
	}
	if _, bad := errors.AsType[*archive.Error](last); bad {
		t.Fatalf("the archive is blamed: %v", last)
	}
}
