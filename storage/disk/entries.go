package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// errStopped ends a listing whose reader wants no more.
var errStopped = errors.New("stopped")

// Entries returns the entries of resources. It reads [maxParallel] resources ahead.
func (m *modelFiles) Entries(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		t, err := m.open()
		if err != nil || t == nil {
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(storage.Entry{}, err)
			}
			return
		}
		some := make([]resource.ID, 0, maxParallel)
		for id := range ids {
			if some = append(some, id); len(some) < maxParallel {
				continue
			}
			if err = m.yieldEntries(ctx, t, some, yield); err != nil {
				break
			}
			some = some[:0]
		}
		if err == nil {
			err = m.yieldEntries(ctx, t, some, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(storage.Entry{}, m.r.explain("list entries of", err))
		}
	}
}

// Count counts the entries.
func (m *modelFiles) Count(ctx context.Context) (n int64, err error) {
	for _, err := range m.All(ctx) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// All returns every entry, in the order in which the directory has the resources.
func (m *modelFiles) All(ctx context.Context) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		t, err := m.open()
		if err != nil || t == nil {
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(storage.Entry{}, err)
			}
			return
		}
		err = pages(ctx, t.Root, entriesDir, func(page []os.DirEntry) error {
			var ids []resource.ID
			for _, e := range page {
				if e.IsDir() || e.Type() == fs.ModeSymlink { // listing the latter tells what is wrong
					ids = append(ids, resource.ID(e.Name()))
				}
			}
			for some := range slices.Chunk(ids, maxParallel) {
				if err := m.yieldEntries(ctx, t, some, yield); err != nil {
					return err
				}
			}
			return nil
		})
		if err = ignoreNotExist(err); err != nil && !errors.Is(err, errStopped) {
			yield(storage.Entry{}, m.r.explain("list entries of", err))
		}
	}
}

// yieldEntries hands out the entries of some resources.
func (m *modelFiles) yieldEntries(ctx context.Context, t *tree, ids []resource.ID, yield func(storage.Entry, error) bool) error {
	lists := make([][]storage.Entry, len(ids))
	err := m.each(ctx, len(ids), func(i int) (err error) {
		lists[i], err = entriesOf(t, ids[i])
		return err
	})
	if err != nil {
		return err
	}
	for _, list := range lists {
		for _, e := range list {
			if !yield(e, nil) {
				return errStopped
			}
		}
	}
	return nil
}

// entriesOf returns the entries of one resource in order. What is removed meanwhile
// may be among them or not.
func entriesOf(t *tree, id resource.ID) (list []storage.Entry, err error) {
	if checkName("resource id", string(id)) != nil {
		return nil, nil // there can be none
	}
	name := entriesDir + "/" + string(id)
	info, err := t.Lstat(name)
	if err == nil {
		err = refuseLink(info.Mode().Type(), name)
	}
	if err != nil || !info.IsDir() {
		return nil, ignoreAbsent(err)
	}
	dir, err := t.OpenRoot(name)
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	revisions, err := entries(dir, ".")
	if err != nil {
		return nil, ignoreAbsent(err)
	}
	for _, r := range revisions {
		if err := refuseLink(r.Type(), name+"/"+r.Name()); err != nil {
			return nil, err
		}
		if !r.IsDir() {
			continue
		}
		if list, err = appendEntries(list, dir, id, r.Name()); err != nil {
			return nil, fmt.Errorf("in %s: %w", name, err)
		}
	}
	slices.SortFunc(list, compareEntries)
	return list, nil
}

// appendEntries appends the entries of one revision, whose directory is in that of
// the resource.
func appendEntries(list []storage.Entry, dir *os.Root, id resource.ID, revision string) ([]storage.Entry, error) {
	links, err := entries(dir, revision)
	if err != nil {
		return list, ignoreAbsent(err)
	}
	for _, l := range links {
		version, ok := parseVersion(l.Name())
		if !ok {
			continue
		}
		uid, err := readLink(dir, revision+"/"+l.Name())
		if err != nil {
			return list, err
		}
		if uid != "" {
			key := resource.RevisionKey{Resource: id, Revision: resource.RevisionID(revision), SchemaVersion: version}
			list = append(list, storage.Entry{Key: key, UID: uid})
		}
	}
	return list, nil
}

// refuseLink reports a symbolic link where the layout has a directory: its entries
// are in another place, and leaving them out would go unnoticed.
func refuseLink(mode fs.FileMode, name string) error {
	if mode == fs.ModeSymlink {
		return fmt.Errorf("%s is a symbolic link instead of a directory", name)
	}
	return nil
}

func ignoreAbsent(err error) error {
	if isAbsent(err) {
		return nil
	}
	return err
}

// compareEntries orders entries of one resource.
func compareEntries(a, b storage.Entry) int { return order.Keys(a.Key, b.Key) }
