package memory

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// blobStore holds blobs; only their age changes.
type blobStore struct {
	now   func() time.Time
	mu    sync.RWMutex
	blobs map[string]blob
}

type blob struct {
	info storage.BlobInfo
	data []byte
	at   time.Time // of the last Put or Touch
}

func newBlobStore(now func() time.Time) *blobStore {
	return &blobStore{now: now, blobs: map[string]blob{}}
}

func (s *blobStore) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (storage.BlobInfo, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return storage.BlobInfo{}, fmt.Errorf("read blob: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return storage.BlobInfo{}, err
	}
	info := storage.BlobInfo{FileID: o.Key, Size: int64(len(data)), ContentType: o.ContentType}
	if info.FileID == "" {
		info.FileID = resource.ContentHash(data)
	}
	if o.ContentType.Or("") == "" {
		info.ContentType = opt.Value[string]{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.blobs[info.FileID]; ok && bytes.Equal(old.data, data) {
		info, data = old.info, old.data
	}
	s.blobs[info.FileID] = blob{info: info, data: data, at: s.now()}
	return info, nil
}

func (s *blobStore) get(ctx context.Context, fileID string) (blob, error) {
	if err := ctx.Err(); err != nil {
		return blob{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	b, ok := s.blobs[fileID]
	if !ok {
		return blob{}, fmt.Errorf("blob %s: %w", fileID, storage.ErrNotFound)
	}
	return b, nil
}

func (s *blobStore) Open(ctx context.Context, fileID string) (io.ReadCloser, storage.BlobInfo, error) {
	b, err := s.get(ctx, fileID)
	if err != nil {
		return nil, storage.BlobInfo{}, err
	}
	return io.NopCloser(bytes.NewReader(b.data)), b.info, nil
}

func (s *blobStore) Stat(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	b, err := s.get(ctx, fileID)
	return b.info, err
}

func (s *blobStore) Delete(ctx context.Context, fileID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.blobs, fileID)
	return nil
}

func (s *blobStore) List(ctx context.Context) iter.Seq2[storage.BlobInfo, error] {
	return yieldEach(ctx, func() ([]string, func(string) storage.BlobInfo, error) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s.mu.RLock()
		all := maps.Clone(s.blobs)
		s.mu.RUnlock()
		return slices.Sorted(maps.Keys(all)), func(id string) storage.BlobInfo { return all[id].info }, nil
	})
}

func (s *blobStore) Touch(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	if err := ctx.Err(); err != nil {
		return storage.BlobInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blobs[fileID]
	if !ok {
		return storage.BlobInfo{}, fmt.Errorf("blob %s: %w", fileID, storage.ErrNotFound)
	}
	b.at = s.now()
	s.blobs[fileID] = b
	return b.info, nil
}

func (s *blobStore) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return yieldEach(ctx, func() ([]storage.OldBlob, func(storage.OldBlob) storage.OldBlob, error) {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		s.mu.RLock()
		defer s.mu.RUnlock()
		var old []storage.OldBlob
		for id, b := range s.blobs {
			if b.at.Before(before) {
				old = append(old, storage.OldBlob{FileID: id, Size: b.info.Size, Time: b.at})
			}
		}
		return old, func(b storage.OldBlob) storage.OldBlob { return b }, nil
	})
}

func (s *blobStore) DeleteOld(ctx context.Context, fileIDs []string, before time.Time) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := make([]bool, len(fileIDs))
	for i, id := range fileIDs {
		b, ok := s.blobs[id]
		if gone[i] = !ok || b.at.Before(before); gone[i] {
			delete(s.blobs, id)
		}
	}
	return gone, nil
}

// Sweep finds nothing: no write is interrupted in memory.
func (s *blobStore) Sweep(ctx context.Context, _ time.Time, _ bool) (storage.Tally, error) {
	return storage.Tally{}, ctx.Err()
}
