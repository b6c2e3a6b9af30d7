package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/unpack"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// unpackOldStore writes a store that the last program of layout 1 made, with the
// dump that it made of it, and returns the directory.
func unpackOldStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	unpack.Into(t, dir, "../../storage/sqlite/testdata/layout1.tar.gz")
	return dir
}

// TestStoreOfAnOlderLayout reads a store as it is, upgrades it by the first
// command that writes, and finds the same in it each time.
func TestStoreOfAnOlderLayout(t *testing.T) {
	dir := unpackOldStore(t)
	store := "sqlite:" + dir
	file := filepath.Join(dir, "specstar.db")
	old, want := mustRead(t, file), mustRead(t, filepath.Join(dir, "dump.acbak"))
	jobs := cli(t, "jobs", "list", "--store", store, "-o", "json").ok(t)
	same := func(when string) {
		t.Helper()
		if !bytes.Equal(dumpOf(t, store), want) {
			t.Errorf("%s the dump differs from that of the old program", when)
		}
		cli(t, "verify", "--store", store).ok(t)
		var models []modelRow
		cli(t, "models", "--store", store, "-o", "json").into(t, &models)
		if len(models) != 3 || models[1].Metas != 9 || len(models[1].IndexedFields) != 5 || models[1].Declared {
			t.Errorf("%s the models are %+v", when, models)
		}
	}
	same("before the upgrade")
	if r := gc(t, store); r.Blobs.Candidates != 0 {
		t.Errorf("gc reports %+v", r)
	}
	if !bytes.Equal(mustRead(t, file), old) {
		t.Error("reading changed the file")
	}
	gc(t, store, "--delete")
	if bytes.Equal(mustRead(t, file), old) {
		t.Error("writing did not upgrade the file")
	}
	same("after the upgrade")
	if got := cli(t, "jobs", "list", "--store", store, "-o", "json").ok(t); got != jobs {
		t.Errorf("the jobs are %s; were %s", got, jobs)
	}
	// What waited is done: the job whose message the old program had published is
	// handed out again by this one's queue.
	cli(t, "backfill", "--store", store).ok(t)
	var list []struct{ State string }
	if err := json.Unmarshal([]byte(cli(t, "jobs", "list", "--store", store, "-o", "json").ok(t)), &list); err != nil || len(list) != 7 {
		t.Errorf("jobs are %+v, %v", list, err)
	}
}

// TestCopyOfAStoreKeepsItsID: the copy is the same store for everything that
// goes by the id, so that a queue takes either for the other.
func TestCopyOfAStoreKeepsItsID(t *testing.T) {
	dir := t.TempDir()
	cli(t, "load", "testdata/small.acbak", "--store", "sqlite:"+dir).ok(t)
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if a, b := storeID(t, dir), storeID(t, copied); a != b {
		t.Errorf("the copy is store %s, the original %s", b, a)
	}
	fresh := t.TempDir()
	cli(t, "dump", "--store", "sqlite:"+dir, "--out", filepath.Join(fresh, "d.acbak")).ok(t)
	other := t.TempDir()
	cli(t, "load", filepath.Join(fresh, "d.acbak"), "--store", "sqlite:"+other).ok(t)
	if storeID(t, dir) == storeID(t, other) {
		t.Error("a store that was made of a dump has the id of the first")
	}
	if !bytes.Equal(dumpOf(t, "sqlite:"+copied), dumpOf(t, "sqlite:"+other)) {
		t.Error("their dumps differ")
	}
}

func storeID(t *testing.T, dir string) uuid.UUID {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.ID()
}
