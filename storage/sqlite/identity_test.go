package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
)

func TestStoreIDIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	ids := map[uuid.UUID]bool{}
	for _, readOnly := range []bool{false, false, true} {
		f := open(t, Config{Dir: dir, ReadOnly: readOnly})
		ids[f.ID()] = true
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 1 || ids[uuid.Nil] {
		t.Errorf("ids are %v, want one", ids)
	}
}

// A copy is the same store: the id says whose jobs and streams these are.
func TestCopyHasTheSameID(t *testing.T) {
	f := openModel(t, Config{})
	update(t, f, newResources(0, 3, 10))
	id, dir := f.ID(), f.dir
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "copy")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	c := open(t, Config{Dir: copied})
	if c.ID() != id {
		t.Errorf("the copy has id %s, the original %s", c.ID(), id)
	}
	update(t, c, newResources(3, 3, 10))
	if n, m := dump(t, c), dump(t, open(t, Config{Dir: dir})); n != 6 || m != 3 {
		t.Errorf("the copy has %d resources and the original %d, want 6 and 3", n, m)
	}
}

// A process that dies while it makes a store may leave tables without an id; the
// next one makes it.
func TestStoreWithoutAnIDGetsOne(t *testing.T) {
	dir := t.TempDir()
	f := open(t, Config{Dir: dir})
	run(t, f, `DELETE FROM specstar_store`)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, Config{Dir: dir})
	if again.ID() == uuid.Nil {
		t.Error("the store has no id")
	}
	if other := open(t, Config{Dir: dir}); other.ID() != again.ID() {
		t.Errorf("the id is %s, then %s", again.ID(), other.ID())
	}
}
