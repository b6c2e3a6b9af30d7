package sqlite_test

import (
	"testing"

	"github.com/specstar-worker/worker/storage/sqlite"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestSearchStreams(t *testing.T) {
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	storagetest.Streams(t, f)
}
