package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// contentsOf returns the names of the blobs of a store in a directory.
func contentsOf(t *testing.T, dir string) []string {
	t.Helper()
	files, err := os.ReadDir(filepath.Join(dir, "_blobs"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		if !strings.Contains(f.Name(), ".") {
			names = append(names, f.Name())
		}
	}
	return names
}

// TestSaveOfLargeOperations: what does not fit into the queue goes through the blobs, is
// no garbage while its job waits, and is gone when it is done.
func TestSaveOfLargeOperations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store := "sqlite:" + dir
	line := func(id string, size int) string {
		return fmt.Sprintf(`{"op":"create","resource_id":%q,"data":{"text":%q}}`+"\n", id, strings.Repeat("x", size))
	}
	lines := line("small", 10) + line("large", 300<<10) + line("larger", 5<<20) + line("last", 10)
	cliIn(t, lines, "submit", "save", "note", "--from", "-", "--store", store).ok(t)
	if n := len(contentsOf(t, dir)); n != 2 {
		t.Fatalf("%d contents", n)
	}
	for _, name := range contentsOf(t, dir) { // older than any grace
		old := time.Now().Add(-1000 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "_blobs", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	cli(t, "gc", "--delete", "--store", store).ok(t)
	if n := len(contentsOf(t, dir)); n != 2 {
		t.Fatalf("%d contents after a collection", n)
	}
	var r saveResult
	whole := line("a", 200<<10) + line("b", 200<<10)
	cliIn(t, whole, "save", "note", "--from", "-", "--on-error", "fail", "--store", store, "-o", "json").into(t, &r)
	if r.Done != 2 || r.Refused+r.Dead != 0 {
		t.Fatalf("%+v", r)
	}
	eventually(t, "all is done", func() bool {
		return strings.Contains(cli(t, "count", "note", "--store", store, "-o", "json").ok(t), "6")
	})
	if names := contentsOf(t, dir); len(names) != 0 {
		t.Fatalf("contents are left: %v", names)
	}
}

// TestContentOfAJobStaysUntilItIsDropped: a job that ended otherwise keeps its content for
// a retry.
func TestContentOfAJobStaysUntilItIsDropped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store := "sqlite:" + dir
	line := fmt.Sprintf(`{"op":"create","resource_id":"a","data":{"text":%q}}`, strings.Repeat("x", 300<<10))
	id := strings.TrimSpace(cliIn(t, line, "submit", "save", "note", "--from", "-", "--expires", "1h", "--store", store).ok(t))
	cli(t, "jobs", "cancel", id, "--store", store).ok(t)
	for _, name := range contentsOf(t, dir) {
		old := time.Now().Add(-1000 * time.Hour)
		if err := os.Chtimes(filepath.Join(dir, "_blobs", name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	cli(t, "gc", "--delete", "--store", store).ok(t)
	if n := len(contentsOf(t, dir)); n != 1 {
		t.Fatalf("%d contents while the job can be tried again", n)
	}
	cli(t, "jobs", "drop", id, "--store", store).ok(t)
	if n := len(contentsOf(t, dir)); n != 0 {
		t.Fatalf("%d contents when the job is gone", n)
	}
}
