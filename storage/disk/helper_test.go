package disk

import (
	"iter"
	"slices"
	"syscall"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func open(t *testing.T, c Config) *Revisions {
	t.Helper()
	r, err := Open(t.Context(), c)
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

// cats opens the part of a model in a directory.
func cats(t *testing.T, dir string) storage.ModelMedium {
	t.Helper()
	return open(t, Config{Dir: dir}).Model("cat")
}

func contentOf(uid, text string) storage.Content {
	return storage.Content{UID: uid, Info: []byte("info " + text), Data: []byte("data " + text)}
}

func entry(id resource.ID, n int, version opt.Value[string], uid string) storage.Entry {
	return storage.Entry{Key: resource.RevisionKey{Resource: id, Revision: id.Revision(n), SchemaVersion: version}, UID: uid}
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var list []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

func equal[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func mkfifo(name string) error { return syscall.Mkfifo(name, 0o600) }
