package manager

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// existingBlobs returns the ids of the blobs that a payload refers to and that
// are in the blob store. It makes them new, so that a garbage collection leaves
// them until the payload is written.
func (c *Catalog) existingBlobs(ctx context.Context, p []byte) ([]string, error) {
	if c.blobs == nil {
		return nil, nil
	}
	var ids []string
	for _, b := range payload.Binaries(p) {
		there, err := c.touch(ctx, b.FileID)
		if err != nil {
			return nil, err
		}
		if there {
			ids = append(ids, b.FileID)
		}
	}
	return ids, nil
}

// mentionedBlobs is existingBlobs for a text that may only become a part of a
// payload: it takes every id of a content in it for a reference.
func (c *Catalog) mentionedBlobs(ctx context.Context, text []byte) ([]string, error) {
	if c.blobs == nil {
		return nil, nil
	}
	mentioned := map[payload.ContentID]bool{}
	payload.ScanContentIDs(text, func(id payload.ContentID) { mentioned[id] = true })
	var ids []string
	for id := range mentioned {
		there, err := c.touch(ctx, hex.EncodeToString(id[:]))
		if err != nil {
			return nil, err
		}
		if there {
			ids = append(ids, hex.EncodeToString(id[:]))
		}
	}
	return ids, nil
}

// migrationBlobs is mentionedBlobs for the declared migrations of a model: what they
// set may be a reference.
func (m *Manager) migrationBlobs(ctx context.Context, model storage.ModelInfo) ([]string, error) {
	f, err := m.formOf(model)
	if err != nil || f.model == nil || len(f.model.Steps()) == 0 {
		return nil, err
	}
	return m.catalog.mentionedBlobs(ctx, model.Declaration)
}

// touch makes a blob new and reports whether it is there.
func (c *Catalog) touch(ctx context.Context, id string) (bool, error) {
	_, err := c.blobs.Touch(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnusableName) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for blob %.80s: %w", id, err)
	}
	return true, nil
}
