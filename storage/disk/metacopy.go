package disk

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/diskerror"
)

// metaCopy is a copy of the metas of a model in one temporary file, which has no name:
// a process that dies leaves none behind.
type metaCopy struct {
	metaSet
	file *os.File
	ids  []resource.ID // ascending
	ends []int64       // where each ends in the file
}

var _ storage.MetaCopy = (*metaCopy)(nil)

// Copy copies the metas as they are now.
func (m *modelMetas) Copy(ctx context.Context) (storage.MetaCopy, error) {
	c, err := newMetaCopy()
	if err == nil {
		if err = c.fill(ctx, m); err != nil {
			err = errors.Join(err, c.Close())
		}
	}
	switch {
	case diskerror.IsFull(err):
		return nil, fmt.Errorf("copy metas of model %s: no space is left for temporary files: free some or set TMPDIR: %w (%w)", m.name, storage.ErrUnavailable, err)
	case err != nil:
		return nil, fmt.Errorf("copy metas of model %s: %w", m.name, err)
	}
	return c, nil
}

func newMetaCopy() (*metaCopy, error) {
	file, err := os.CreateTemp("", "specstar-metas-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(file.Name()); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	c := &metaCopy{file: file}
	c.metaSet = metaSet{list: func(context.Context) ([]resource.ID, error) { return c.ids, nil }, read: c.readAt}
	return c, nil
}

func (c *metaCopy) fill(ctx context.Context, m *modelMetas) error {
	w := bufio.NewWriterSize(c.file, 1<<18)
	end := int64(0)
	for s, err := range m.All(ctx) {
		if err != nil {
			return err
		}
		if _, err := w.Write(s.Data); err != nil {
			return err
		}
		end += int64(len(s.Data))
		c.ids, c.ends = append(c.ids, s.ID), append(c.ends, end)
	}
	return w.Flush()
}

func (c *metaCopy) readAt(ctx context.Context, ids []resource.ID) ([][]byte, error) {
	found := make([][]byte, len(ids))
	for i, id := range ids {
		at, ok := slices.BinarySearch(c.ids, id)
		if !ok {
			continue
		}
		from := int64(0)
		if at > 0 {
			from = c.ends[at-1]
		}
		found[i] = make([]byte, c.ends[at]-from)
		if _, err := c.file.ReadAt(found[i], from); err != nil {
			return nil, fmt.Errorf("read copied metas: %w", err)
		}
	}
	return found, ctx.Err()
}

// Close frees the file.
func (c *metaCopy) Close() error { return c.file.Close() }
