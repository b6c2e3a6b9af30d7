package goapi_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/examples/goapi"
	"github.com/specstar-worker/worker/internal/pypeer"
)

// TestTheOriginalTakesTheDataSet loads the archive with the original and checks
// that payloads, hashes and indexed data are what it would have written, and
// that there is something to backfill.
func TestTheOriginalTakesTheDataSet(t *testing.T) {
	app := pypeer.Start(t).MustNew(t, pypeer.Config{Models: pypeer.GoAPI})
	loaded, err := app.Load(plain(t), "raise_error")
	if err != nil {
		t.Fatal(err)
	}
	for model, least := range map[string]int{"go-symbol": 20_000, "go-package": 150, "go-release": 27} {
		n, err := app.Check(model)
		if err != nil {
			t.Fatal(err)
		}
		if n < least || int64(n) != loaded[model].Loaded {
			t.Errorf("%s: %d resources, %+v; want at least %d", model, n, loaded[model], least)
		}
	}
	filled, err := app.Backfill()
	if err != nil {
		t.Fatal(err)
	}
	if filled["go-symbol"] != 0 || filled["go-package"] < 150 || filled["go-release"] != 27 {
		t.Errorf("a backfill filled %v", filled)
	}
}

// plain writes the decompressed archive to a file.
func plain(t *testing.T) string {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(goapi.Archive()))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	path := filepath.Join(t.TempDir(), "goapi.acbak")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, z); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
