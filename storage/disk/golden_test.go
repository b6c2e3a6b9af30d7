package disk

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/unpack"
	"github.com/specstar-worker/worker/storage"
)

// files returns what the revisions in a directory consist of: files with their
// content, links with their target, directories.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	root := os.DirFS(dir)
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Name() == ownDir {
			return fs.SkipDir
		}
		parts := strings.Split(name, "/")
		if len(parts) < 3 || parts[1] != "data" {
			return nil
		}
		switch d.Type() {
		case fs.ModeDir:
			all[name] = "directory"
		case fs.ModeSymlink:
			target, err := os.Readlink(filepath.Join(dir, name))
			all[name] = "link to " + target
			return err
		default:
			b, err := fs.ReadFile(root, name)
			all[name] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// copyModel writes every content and entry of one medium to another.
func copyModel(t *testing.T, from, to storage.ModelMedium) int {
	t.Helper()
	entries := collect(t, from.All(t.Context()))
	var uids []string
	for _, c := range collect(t, from.Contents(t.Context())) {
		uids = append(uids, c.UID)
	}
	contents, err := from.Read(t.Context(), uids)
	if _, err := to.Put(t.Context(), must(t, contents, err)); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Claim(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestLayoutIsTheOriginals(t *testing.T) {
	for archive, want := range map[string]map[string]int{
		"sqlite_disk_msgpack.tar.gz":  {"document": 4, "person": 13, "sales-order": 3},
		"schema_versions_disk.tar.gz": {"cat": 7},
	} {
		t.Run(archive, func(t *testing.T) {
			golden, dir := t.TempDir(), t.TempDir()
			unpack.Into(t, golden, filepath.Join("testdata", archive))
			from, to := open(t, Config{Dir: golden, ReadOnly: true}), open(t, Config{Dir: dir})
			names, err := from.Models(t.Context())
			got := map[string]int{}
			for _, name := range must(t, names, err) {
				got[name] = copyModel(t, from.Model(name), to.Model(name))
			}
			if !maps.Equal(got, want) {
				t.Errorf("entries by model: %v, want %v", got, want)
			}
			ours, theirs := files(t, dir), files(t, golden)
			for name, content := range theirs {
				if ours[name] != content {
					t.Errorf("%s is %q, want %q", name, ours[name], content)
				}
			}
			for name := range ours {
				if _, ok := theirs[name]; !ok {
					t.Errorf("%s is not of the layout", name)
				}
			}
		})
	}
}
