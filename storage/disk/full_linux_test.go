package disk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/specstar-worker/worker/storage"
)

// onSmallDisk opens a directory that takes 4 MiB: a file system of its own or, for
// those who may not mount one, one whose writes fail.
func onSmallDisk(t *testing.T, dir string) *Revisions {
	t.Helper()
	r := open(t, Config{Dir: dir})
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m")
	if err == nil {
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		return open(t, Config{Dir: dir})
	}
	var used atomic.Int64
	r.before = func(s step) error {
		if s.op == "removeall" {
			used.Store(0)
		}
		if s.op == "write" && used.Add(int64(len(s.data))) > 4<<20 {
			return unix.ENOSPC
		}
		return nil
	}
	return r
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	m := onSmallDisk(t, dir).Model("cat")
	big := bytes.Repeat([]byte("x"), 1<<20)
	contents := make([]storage.Content, 8)
	for i := range contents {
		contents[i] = storage.Content{UID: fmt.Sprint("u", i), Info: []byte("info"), Data: big}
	}
	if _, err := m.Put(t.Context(), contents); !errors.Is(err, storage.ErrUnavailable) {
		t.Fatalf("put gives %v, want %v", err, storage.ErrUnavailable)
	}
	noTemps(t, dir)
	var whole []string
	for _, c := range collect(t, m.Contents(t.Context())) {
		if c.Bytes != 1<<20+4 {
			t.Errorf("%s has %d bytes", c.UID, c.Bytes)
		}
		whole = append(whole, c.UID)
	}
	if err := m.RemoveContents(t.Context(), whole); err != nil {
		t.Fatalf("a full disk cannot be emptied: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(dir, "cat/data/store"))
	if err != nil || len(left) != 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
	stored, err := m.Put(t.Context(), contents[:3])
	equal(t, "put when there is space again", must(t, stored, err), true, true, true)
}
