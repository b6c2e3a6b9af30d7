package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What the original writes after a change was prepared stays, whatever the change is.
func TestWritesOfTheOriginalStay(t *testing.T) {
	old, ours, theirs := metaOf("a", 1), metaOf("a", 2), metaOf("a", 3)
	for _, tc := range []struct {
		what      string
		before    []byte
		change    storage.MetaChange
		meanwhile []byte // nil: the file is removed
	}{
		{"replaced", old, storage.MetaChange{ID: "a", Old: old, New: ours}, theirs},
		{"replaced, but removed", old, storage.MetaChange{ID: "a", Old: old, New: ours}, nil},
		{"created", nil, storage.MetaChange{ID: "a", New: ours}, theirs},
		{"removed", old, storage.MetaChange{ID: "a", Old: old}, theirs},
	} {
		dir := t.TempDir()
		m := catMetas(t, dir)
		if tc.before != nil {
			writeMeta(t, dir, "a", tc.before)
		}
		left := change(t, m, func() {
			if tc.meanwhile != nil {
				writeMeta(t, dir, "a", tc.meanwhile)
			} else if err := os.Remove(metaFile(dir, "a")); err != nil {
				t.Fatal(err)
			}
		}, tc.change)
		if !slices.Equal(left, []resource.ID{"a"}) {
			t.Errorf("%s: left are %v, want a", tc.what, left)
		}
		if got := found(t, m, "a"); got["a"] != string(tc.meanwhile) {
			t.Errorf("%s: the meta is %q, want %q", tc.what, got["a"], tc.meanwhile)
		}
		noTemps(t, dir)
	}
}

// withOneMeta returns the directory of a store, the store, and its model cat, of which the
// original wrote one meta.
func withOneMeta(t *testing.T) (dir string, r *Metas, m storage.ModelMetas) {
	t.Helper()
	dir = t.TempDir()
	r = openMetas(t, Config{Dir: dir})
	m, err := r.Model(t.Context(), "cat", true)
	if err != nil {
		t.Fatal(err)
	}
	writeMeta(t, dir, "a", metaOf("a", 1))
	return dir, r, m
}

// The original opens a file before ours takes its name, and writes after: that is seen
// as long as the directory is not synced.
func TestLateWritesOfTheOriginalArePutBack(t *testing.T) {
	for _, ours := range [][]byte{metaOf("a", 2), nil} {
		dir, r, m := withOneMeta(t)
		theirs, err := os.OpenFile(metaFile(dir, "a"), os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer theirs.Close()
		wrote := false
		r.part("cat").files.before = func(s step) error {
			if s.op != "syncdir" || wrote {
				return nil
			}
			wrote = true
			_, err := theirs.WriteAt(metaOf("a", 3), 0)
			return err
		}
		left := change(t, m, nil, storage.MetaChange{ID: "a", Old: metaOf("a", 1), New: ours})
		if got := found(t, m, "a"); len(left) != 1 || got["a"] != string(metaOf("a", 3)) {
			t.Errorf("left are %v, the meta is %q", left, got["a"])
		}
	}
}

// A file that is being written is read again, one that stays torn is given as it is.
func TestTornMetasAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	m := catMetas(t, dir)
	writeMeta(t, dir, "a", nil)
	done := make(chan error, 1)
	go func() {
		time.Sleep(3 * tornPause)
		done <- os.WriteFile(metaFile(dir, "a"), metaOf("a", 1), 0o600)
	}()
	if got := found(t, m, "a"); got["a"] != string(metaOf("a", 1)) {
		t.Errorf("the meta is %q", got["a"])
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	half := metaOf("b", 1)[:30]
	writeMeta(t, dir, "b", half)
	if got := found(t, m, "b"); got["b"] != string(half) {
		t.Errorf("the torn meta is %q", got["b"])
	}
	if metas, unfilled, err := m.Count(t.Context()); metas != 2 || unfilled != 2 || err != nil {
		t.Errorf("%d metas, %d unfilled, %v", metas, unfilled, err)
	}
}

// shrinking is a file that loses its end once its size was asked for.
type shrinking struct{ *os.File }

func (f shrinking) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	return info, errors.Join(err, os.Truncate(f.Name(), info.Size()/2))
}

func TestAFileThatBecomesShorterIsNotTakenForWhole(t *testing.T) {
	name := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(name, []byte("some bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := readRegular(shrinking{f}); !errors.Is(err, errShrunk) {
		t.Errorf("read %q, %v", b, err)
	}
}

// Another process opens the model while the metas that are replaced, which are old, have
// other names for a moment: they are not taken for what a crash left.
func TestOpeningLeavesWhatIsBeingReplaced(t *testing.T) {
	for _, ours := range [][]byte{metaOf("a", 2), nil} {
		dir, r, m := withOneMeta(t)
		past := time.Now().Add(-24 * time.Hour)
		if err := os.Chtimes(metaFile(dir, "a"), past, past); err != nil {
			t.Fatal(err)
		}
		r.part("cat").files.before = func(s step) error {
			if s.op == "syncdir" {
				catMetas(t, dir)
			}
			return nil
		}
		left := change(t, m, nil, storage.MetaChange{ID: "a", Old: metaOf("a", 1), New: ours})
		if len(left) != 0 || found(t, m, "a")["a"] != string(ours) {
			t.Errorf("left are %v, the meta is %q, want %q", left, found(t, m, "a")["a"], ours)
		}
		noTemps(t, dir)
	}
}
