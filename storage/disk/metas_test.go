package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func openMetas(t *testing.T, c Config) *Metas {
	t.Helper()
	m, err := OpenMetas(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// catMetas opens the metas of cats for writing.
func catMetas(t *testing.T, dir string) storage.ModelMetas {
	t.Helper()
	m, err := openMetas(t, Config{Dir: dir}).Model(t.Context(), "cat", true)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// metaOf returns an encoded meta that counts n revisions.
func metaOf(id resource.ID, n int) []byte {
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	return resource.Meta{
		ResourceID: id, CurrentRevisionID: id.Revision(n), TotalRevisionCount: n,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "a", UpdatedBy: "a",
	}.Append(resource.JSON, nil)
}

// metaFile is where the original has a meta of the model.
func metaFile(dir string, id resource.ID) string {
	return filepath.Join(dir, "cat/meta", string(id)+".data")
}

// writeMeta writes a file as the original does: in place.
func writeMeta(t *testing.T, dir string, id resource.ID, b []byte) {
	t.Helper()
	if err := os.WriteFile(metaFile(dir, id), b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// change makes changes while meanwhile runs between Set and Commit.
func change(t *testing.T, m storage.ModelMetas, meanwhile func(), changes ...storage.MetaChange) []resource.ID {
	t.Helper()
	x, err := m.Begin(t.Context())
	if err == nil {
		err = x.Set(changes)
	}
	if err != nil {
		t.Fatal(err)
	}
	if meanwhile != nil {
		meanwhile()
	}
	left, err := x.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return left
}

// found returns what is there of the given ids, by id.
func found(t *testing.T, m storage.MetaPages, ids ...resource.ID) map[resource.ID]string {
	t.Helper()
	stored, err := m.Find(t.Context(), ids)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[resource.ID]string{}
	for id, b := range stored {
		texts[id] = string(b)
	}
	return texts
}

func TestMetasAreFilesOfTheOriginals(t *testing.T) {
	dir := t.TempDir()
	m := catMetas(t, dir)
	ids := []resource.ID{"a", "a-b", "cat:1", "päx"}
	var changes []storage.MetaChange
	for _, id := range ids {
		changes = append(changes, storage.MetaChange{ID: id, New: metaOf(id, 1)})
	}
	change(t, m, nil, changes...)
	for _, id := range ids {
		if b, err := os.ReadFile(metaFile(dir, id)); err != nil || !bytes.Equal(b, metaOf(id, 1)) {
			t.Errorf("the file of %s has %q, %v", id, b, err)
		}
	}
	change(t, m, nil, storage.MetaChange{ID: "a", Old: metaOf("a", 1), New: metaOf("a", 2)}, storage.MetaChange{ID: "cat:1", Old: metaOf("cat:1", 1)})
	want := map[resource.ID]string{"a": string(metaOf("a", 2)), "a-b": string(metaOf("a-b", 1)), "päx": string(metaOf("päx", 1))}
	if got := found(t, m, ids...); !maps.Equal(got, want) {
		t.Errorf("found %v, want %v", got, want)
	}
	noTemps(t, dir)
	// What is not a meta's is none.
	for name, make := range map[string]func(string) error{
		"notes.txt": func(path string) error { return os.WriteFile(path, []byte("x"), 0o600) },
		".data":     func(path string) error { return os.WriteFile(path, metaOf("", 1), 0o600) },
		"dir.data":  func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		if err := make(filepath.Join(dir, "cat/meta", name)); err != nil {
			t.Fatal(err)
		}
	}
	for what, pages := range map[string]storage.MetaPages{"files": m, "a copy": copyOf(t, m)} {
		var got []resource.ID
		for s, err := range pages.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if string(s.Data) != want[s.ID] {
				t.Errorf("%s: %s has %q", what, s.ID, s.Data)
			}
			got = append(got, s.ID)
		}
		equal(t, "ids of "+what, got, "a", "a-b", "päx")
		if metas, unfilled, err := pages.Count(t.Context()); metas != 3 || unfilled != 3 || err != nil {
			t.Errorf("%s: %d metas, %d unfilled, %v", what, metas, unfilled, err)
		}
		page, err := pages.Unfilled(t.Context(), storage.Range{After: "a"}, 1)
		if err != nil || len(page) != 1 || page[0].ID != "a-b" {
			t.Errorf("%s: the first unfilled behind a is %v, %v", what, page, err)
		}
	}
}

func copyOf(t *testing.T, m storage.ModelMetas) storage.MetaCopy {
	t.Helper()
	c, err := m.Copy(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// A copy does not change when a file is written in place.
func TestCopyOfMetasStays(t *testing.T) {
	dir := t.TempDir()
	m := catMetas(t, dir)
	change(t, m, nil, storage.MetaChange{ID: "a", New: metaOf("a", 1)})
	c := copyOf(t, m)
	writeMeta(t, dir, "a", metaOf("a", 2))
	writeMeta(t, dir, "b", metaOf("b", 1))
	if got := found(t, c, "a", "b"); len(got) != 1 || got["a"] != string(metaOf("a", 1)) {
		t.Errorf("the copy has %v", got)
	}
}

func TestMetasThatCannotBeFiles(t *testing.T) {
	m := catMetas(t, t.TempDir())
	for _, id := range []resource.ID{"", "..", "a/b", "a\x00", resource.ID(strings.Repeat("x", 251))} {
		x, err := m.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := x.Set([]storage.MetaChange{{ID: id, New: metaOf(id, 1)}}); !errors.Is(err, storage.ErrUnusableName) {
			t.Errorf("%q: %v", id, err)
		}
		if err := x.Rollback(); err != nil {
			t.Error(err)
		}
		if got := found(t, m, id); len(got) != 0 {
			t.Errorf("%q is there", id)
		}
	}
}

func TestModelsOfMetas(t *testing.T) {
	dir := t.TempDir()
	m := openMetas(t, Config{Dir: dir})
	for _, name := range []string{"cat/meta", "dog/meta", "bird/data", ".worker/meta"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	names, err := m.Models(t.Context())
	equal(t, "models", must(t, names, err), "cat", "dog")
	if _, err := m.Model(t.Context(), "bird", false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a model without metas: %v", err)
	}
	readOnly := openMetas(t, Config{Dir: dir, ReadOnly: true})
	if _, err := readOnly.Model(t.Context(), "new", true); !errors.Is(err, errReadOnly) {
		t.Errorf("a model made for reading: %v", err)
	}
	cat, err := readOnly.Model(t.Context(), "cat", false)
	if err != nil {
		t.Fatal(err)
	}
	some, err := cat.Sample(t.Context(), 3)
	if len(must(t, some, err)) != 0 {
		t.Errorf("a sample of nothing: %v", some)
	}
	if _, err := os.Stat(filepath.Join(dir, "cat/meta", ownDir)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("reading made a directory")
	}
	for i := range 5 {
		writeMeta(t, dir, resource.ID(fmt.Sprint("c", i)), metaOf("c", 1))
	}
	some, err = cat.Sample(t.Context(), 3)
	if len(must(t, some, err)) != 3 {
		t.Errorf("a sample of 3: %v", some)
	}
}
