package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/specstar-worker/worker/storage"
)

// Put stores contents under uids that are free.
func (m *modelRevisions) Put(ctx context.Context, contents []storage.Content) ([]bool, error) {
	if err := m.writable(); err != nil {
		return nil, err
	}
	done := make([]bool, len(contents))
	err := m.s.parallel(ctx, len(contents), func(ctx context.Context, i int) (err error) {
		done[i], err = m.putContent(ctx, contents[i])
		return err
	})
	return done, err
}

// putContent creates data, then info. Data alone was left by a process that died:
// equal data is taken over, and whoever creates the info owns the content.
func (m *modelRevisions) putContent(ctx context.Context, c storage.Content) (bool, error) {
	key, err := m.contentKey(c.UID)
	if err != nil {
		return false, err
	}
	created, err := m.s.create(ctx, key+dataName, c.Data)
	if err != nil {
		return false, err
	}
	if !created {
		if free, err := m.isHalf(ctx, key, c.Data); err != nil || !free {
			return false, err
		}
	}
	return m.s.create(ctx, key+infoName, c.Info)
}

// isHalf reports whether there is data and no info, and the data is equal.
func (m *modelRevisions) isHalf(ctx context.Context, key string, data []byte) (bool, error) {
	_, err := m.s.head(ctx, key+infoName)
	if !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	there, err := m.s.get(ctx, key+dataName)
	return err == nil && bytes.Equal(there, data), ignore(err, storage.ErrNotFound)
}

// Replace stores contents, whatever is there.
func (m *modelRevisions) Replace(ctx context.Context, contents []storage.Content) error {
	if err := m.writable(); err != nil {
		return err
	}
	return m.s.parallel(ctx, len(contents), func(ctx context.Context, i int) error {
		key, err := m.contentKey(contents[i].UID)
		if err != nil {
			return err
		}
		if err := m.s.put(ctx, object{key: key + dataName, body: bytesBody(contents[i].Data)}); err != nil {
			return err
		}
		return m.s.put(ctx, object{key: key + infoName, body: bytesBody(contents[i].Info)})
	})
}

// Infos returns the infos of contents.
func (m *modelRevisions) Infos(ctx context.Context, uids []string) ([][]byte, error) {
	infos := make([][]byte, len(uids))
	err := m.s.parallel(ctx, len(uids), func(ctx context.Context, i int) error {
		key, err := m.contentKey(uids[i])
		if err != nil {
			return err
		}
		infos[i], err = m.s.get(ctx, key+infoName)
		return ignore(err, storage.ErrNotFound)
	})
	return infos, err
}

// Read returns contents.
func (m *modelRevisions) Read(ctx context.Context, uids []string) ([]storage.Content, error) {
	contents := make([]storage.Content, len(uids))
	err := m.s.parallel(ctx, len(uids), func(ctx context.Context, i int) (err error) {
		contents[i], err = m.readContent(ctx, uids[i])
		return err
	})
	return contents, err
}

// readContent returns a content. One that is removed meanwhile is not there; data
// that is missing beside its info is damage.
func (m *modelRevisions) readContent(ctx context.Context, uid string) (storage.Content, error) {
	absent := storage.Content{UID: uid}
	key, err := m.contentKey(uid)
	if err != nil {
		return absent, err
	}
	info, err := m.s.get(ctx, key+infoName)
	if err != nil {
		return absent, ignore(err, storage.ErrNotFound)
	}
	data, err := m.s.get(ctx, key+dataName)
	if err == nil {
		return storage.Content{UID: uid, Info: info, Data: data}, nil
	}
	if !errors.Is(err, storage.ErrNotFound) {
		return absent, err
	}
	if _, err := m.s.head(ctx, key+infoName); err != nil {
		return absent, ignore(err, storage.ErrNotFound)
	}
	return absent, fmt.Errorf("content %s: %s is missing beside the info: restore it", uid, key+dataName)
}

// Contents returns what is stored, half of a content too.
func (m *modelRevisions) Contents(ctx context.Context) iter.Seq2[storage.StoredContent, error] {
	return func(yield func(storage.StoredContent, error) bool) {
		if m.err != nil {
			yield(storage.StoredContent{}, m.err)
			return
		}
		var c storage.StoredContent
		for o, err := range m.s.list(ctx, m.store) {
			if err != nil {
				yield(storage.StoredContent{}, err)
				return
			}
			uid, name, ok := strings.Cut(o.key, "/")
			if !ok || "/"+name != dataName && "/"+name != infoName {
				continue
			}
			if uid != c.UID && c.UID != "" && !yield(c, nil) {
				return
			}
			if uid != c.UID {
				c = storage.StoredContent{UID: uid}
			}
			c.Bytes += o.size
			if o.modified.After(c.Time) {
				c.Time = o.modified
			}
		}
		if c.UID != "" {
			yield(c, nil)
		}
	}
}

// RemoveContents removes contents, info first: data alone is nothing.
func (m *modelRevisions) RemoveContents(ctx context.Context, uids []string) error {
	if err := m.writable(); err != nil {
		return err
	}
	return m.s.parallel(ctx, len(uids), func(ctx context.Context, i int) error {
		key, err := m.contentKey(uids[i])
		if err != nil {
			return err
		}
		if err := m.s.remove(ctx, key+infoName); err != nil {
			return err
		}
		return m.s.remove(ctx, key+dataName)
	})
}
