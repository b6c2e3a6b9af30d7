package uniquepath

import (
	"errors"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestCheck(t *testing.T) {
	for path, fits := range map[string]bool{
		"email": true, "home.zip": true, "ünï": true, "a b": true, "": false, `q"`: false, "q'": false, `b\`: false, "line\n": false, "\xff": false,
	} {
		if err := Check(path); errors.Is(err, storage.ErrUnusableName) == fits || fits != (err == nil) {
			t.Errorf("path %q gives %v", path, err)
		}
	}
}

func TestStored(t *testing.T) {
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	x, err := resource.NewIndexed(map[string]any{"a": at, "b": "text"})
	if err != nil {
		t.Fatal(err)
	}
	for enc, want := range map[resource.Encoding]any{resource.JSON: "2024-03-01T12:00:00Z", resource.Msgpack: at} {
		if got, err := Stored(enc, "a", x); err != nil || got != want {
			t.Errorf("as %s a time is %v (%v), want %v", enc, got, err, want)
		}
	}
	if got, err := Stored(resource.JSON, "nowhere", x); err != nil || got != nil {
		t.Errorf("a path without a value has %v (%v)", got, err)
	}
}
