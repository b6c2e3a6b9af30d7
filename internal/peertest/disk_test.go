package peertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
)

// TestRevisionsOnDiskAreThoseOfTheOriginal reads with storage/disk every revision
// that a random application of the original wrote, writes them to another directory
// with it, and has the original read them there.
func TestRevisionsOnDiskAreThoseOfTheOriginal(t *testing.T) {
	p := pypeer.Start(t)
	for _, seed := range seeds(2) {
		dir, written := t.TempDir(), t.TempDir()
		c := pypeer.Config{Models: pypeer.Random, Seed: seed, Store: pypeer.Store{Kind: "disk", Dir: dir}}
		app := p.MustNew(t, c)
		if _, err := app.Run(seed, 150); err != nil {
			t.Fatal(err)
		}
		want := app.MustState(t)
		from, to := openDisk(t, disk.Config{Dir: dir, ReadOnly: true}), openDisk(t, disk.Config{Dir: written})
		got := pypeer.State{}
		for _, m := range app.Models {
			copyRevisions(t, m.Name, from.Model(m.Name), to.Model(m.Name), got)
			copyDir(t, filepath.Join(written, m.Name, "meta"), filepath.Join(dir, m.Name, "meta"))
		}
		copyDir(t, filepath.Join(written, "_blobs"), filepath.Join(dir, "_blobs"))
		revisions := pypeer.State{}
		for key, value := range want {
			if strings.Contains(key, "\trevision\t") {
				revisions[key] = value
			}
		}
		if len(revisions) < 100 {
			t.Fatalf("too little was done: %d values of revisions", len(revisions))
		}
		equal(t, "read by storage/disk", revisions, got)
		c.Store.Dir = written
		equal(t, "written by storage/disk", want, p.MustNew(t, c).MustState(t))
	}
}

func openDisk(t *testing.T, c disk.Config) *disk.Revisions {
	t.Helper()
	r, err := disk.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// copyRevisions writes the revisions of a model to another medium, and notes them in
// a state.
func copyRevisions(t *testing.T, model string, from, to storage.ModelMedium, noted pypeer.State) {
	t.Helper()
	for e, err := range from.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		contents, err := from.Read(t.Context(), []string{e.UID})
		if err == nil {
			_, err = to.Put(t.Context(), contents)
		}
		if err == nil {
			_, err = to.Claim(t.Context(), []storage.Entry{e})
		}
		if err != nil {
			t.Fatal(err)
		}
		info, err := resource.DecodeRevisionInfo(resource.JSON, contents[0].Info)
		if err != nil {
			t.Fatal(err)
		}
		if info.UID.String() != e.UID || info.Key() != e.Key {
			t.Errorf("%s leads to %s, which is %s %s", e.Key.Revision, e.UID, info.RevisionID, info.UID)
		}
		at := strings.Join([]string{model, "revision", string(e.Key.Revision), e.Key.SchemaVersion.Or("")}, "\t")
		noted[at+"\tinfo"] = info.Append(resource.Msgpack, nil)
		noted[at+"\tdata"] = contents[0].Data
	}
}

// copyDir copies a directory that need not be there.
func copyDir(t *testing.T, to, from string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(fmt.Errorf("copy %s: %w", from, err))
	}
}
