package disk

import (
	"context"
	"errors"
	"iter"
	"os"

	"github.com/specstar-worker/worker/storage"
)

// Contents returns what is stored, torn contents too. The time is that of the info;
// a torn content has that of its data, or of its directory.
func (m *modelFiles) Contents(ctx context.Context) iter.Seq2[storage.StoredContent, error] {
	return func(yield func(storage.StoredContent, error) bool) {
		t, err := m.open()
		if err != nil || t == nil {
			if err = errors.Join(err, ctx.Err()); err != nil {
				yield(storage.StoredContent{}, err)
			}
			return
		}
		err = pages(ctx, t.Root, contentsDir, func(page []os.DirEntry) error {
			return m.yieldStored(ctx, t, page, yield)
		})
		if err = ignoreNotExist(err); err != nil && !errors.Is(err, errStopped) {
			yield(storage.StoredContent{}, m.r.explain("list", err))
		}
	}
}

// yieldStored hands out what is under some names.
func (m *modelFiles) yieldStored(ctx context.Context, t *tree, page []os.DirEntry, yield func(storage.StoredContent, error) bool) error {
	list := make([]storage.StoredContent, len(page))
	err := m.each(ctx, len(page), func(i int) (err error) {
		if page[i].IsDir() {
			list[i], err = stored(t, page[i].Name())
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range list {
		if c.UID != "" && !yield(c, nil) {
			return errStopped
		}
	}
	return nil
}

// stored describes one content; it has no uid when it was removed meanwhile.
func stored(t *tree, uid string) (storage.StoredContent, error) {
	c := storage.StoredContent{UID: uid}
	place := contentsDir + "/" + uid
	for _, name := range []string{infoFile, dataFile} {
		f, err := t.Lstat(place + "/" + name)
		if isAbsent(err) {
			continue
		}
		if err != nil {
			return c, err
		}
		c.Bytes += f.Size()
		if c.Time.IsZero() {
			c.Time = f.ModTime()
		}
	}
	if !c.Time.IsZero() {
		return c, nil
	}
	dir, err := t.Lstat(place)
	if isAbsent(err) {
		return storage.StoredContent{}, nil
	}
	if err != nil {
		return c, err
	}
	c.Time = dir.ModTime()
	return c, nil
}
