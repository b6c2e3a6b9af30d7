package disk

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// metaSuffix ends the name of a file with a meta.
const metaSuffix = ".data"

// modelMetas are the metas of one model.
type modelMetas struct {
	modelDir
	metaSet
}

var _ storage.ModelMetas = (*modelMetas)(nil)

func newModelMetas(r *place, name string) *modelMetas {
	m := &modelMetas{modelDir: modelDir{r: r, name: name, parts: []string{ownDir}}}
	m.metaSet = metaSet{list: m.list, read: m.read}
	return m
}

// metaName returns the name of the file of a meta, or why there can be none.
func metaName(id resource.ID) (string, error) {
	err := checkName("resource id", string(id))
	if err == nil {
		err = checkName("resource id with "+metaSuffix, string(id)+metaSuffix)
	}
	return string(id) + metaSuffix, err
}

// metaID returns the id that a file is named after, "" when it is not that of a meta.
func metaID(e os.DirEntry) resource.ID {
	id, ok := strings.CutSuffix(e.Name(), metaSuffix)
	if !ok || e.IsDir() {
		return ""
	}
	return resource.ID(id)
}

// list returns the ids of all metas, ascending.
func (m *modelMetas) list(ctx context.Context) (ids []resource.ID, err error) {
	t, err := m.open()
	if err != nil || t == nil {
		return nil, errors.Join(err, ctx.Err())
	}
	err = pages(ctx, t.Root, ".", func(page []os.DirEntry) error {
		for _, e := range page {
			if id := metaID(e); id != "" {
				ids = append(ids, id)
			}
		}
		return nil
	})
	slices.Sort(ids)
	return ids, m.r.explain("list", err)
}

// read returns the bytes of metas, nil for those that are not there.
func (m *modelMetas) read(ctx context.Context, ids []resource.ID) ([][]byte, error) {
	found := make([][]byte, len(ids))
	t, err := m.open()
	if err != nil || t == nil {
		return found, errors.Join(err, ctx.Err())
	}
	err = m.each(ctx, len(ids), func(i int) error {
		name, err := metaName(ids[i])
		if err != nil {
			return nil // there can be none
		}
		found[i], err = readMeta(ctx, t, name)
		return err
	})
	return found, m.r.explain("read", err)
}

// A file that is not a whole meta is read so often, with a pause between: the original
// empties it before it writes, in some microseconds.
const (
	tornTries = 20
	tornPause = 5 * time.Millisecond
)

// readMeta returns the bytes of a file, nil when it is not there. A file that stays
// torn, because the original died while it wrote, is returned as it is.
func readMeta(ctx context.Context, t *tree, name string) (b []byte, err error) {
	for range tornTries {
		b, err = readFile(t.Root, name)
		switch {
		case isAbsent(err):
			return nil, nil
		case err != nil && !errors.Is(err, errShrunk):
			return nil, wrapIn(name, err)
		case err == nil && isWholeMeta(b):
			return b, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(tornPause):
		}
	}
	return b, wrapIn(name, err)
}

func isWholeMeta(b []byte) bool {
	_, err := decodeMeta(b)
	return err == nil
}

// decodeMeta decodes a meta in either encoding: a map begins with no brace in msgpack.
func decodeMeta(b []byte) (resource.Meta, error) {
	if len(b) > 0 && b[0] == '{' {
		return resource.DecodeMeta(resource.JSON, b)
	}
	return resource.DecodeMeta(resource.Msgpack, b)
}

// Sample returns up to n metas.
func (m *modelMetas) Sample(ctx context.Context, n int) (some []storage.StoredMeta, err error) {
	t, err := m.open()
	if err != nil || t == nil {
		return nil, errors.Join(err, ctx.Err())
	}
	var ids []resource.ID
	err = pages(ctx, t.Root, ".", func(page []os.DirEntry) error {
		for _, e := range page {
			if id := metaID(e); id != "" && len(ids) < n {
				ids = append(ids, id)
			}
		}
		if len(ids) == n {
			return errStopped
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStopped) {
		return nil, m.r.explain("list", err)
	}
	found, err := m.read(ctx, ids)
	for i, b := range found {
		if b != nil {
			some = append(some, storage.StoredMeta{ID: ids[i], Data: b})
		}
	}
	return some, err
}
