package sqlite

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/unpack"
)

// unpackLayout writes the store that a program of an earlier layout left.
func unpackLayout(t *testing.T, layout int) string {
	t.Helper()
	dir := t.TempDir()
	unpack.Into(t, dir, fmt.Sprintf("testdata/layout%d.tar.gz", layout))
	return dir
}

// upgradeKeepsEverything opens a store of an earlier layout with so many jobs: its rows
// stay as they were in the columns that they had.
func upgradeKeepsEverything(t *testing.T, dir string, layout, jobs int) *Factory {
	t.Helper()
	columns := columnsOf(t, dir)
	before := rowsOf(t, dir, columns)
	if len(before["specstar_jobs"]) != jobs || layoutOf(t, dir) != layout {
		t.Fatalf("the old file has layout %d and %d jobs", layoutOf(t, dir), len(before["specstar_jobs"]))
	}
	f := open(t, Config{Dir: dir})
	if v := layoutOf(t, dir); v != layoutVersion {
		t.Errorf("the layout is %d", v)
	}
	if diff := cmp.Diff(before, rowsOf(t, dir, columns)); diff != "" {
		t.Errorf("rows changed: %s", diff)
	}
	return f
}
