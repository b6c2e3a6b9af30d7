package s3

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// gateBlobs is how many blobs are deleted while their writers wait.
const gateBlobs = 100

// DeleteOld removes those blobs that were last put or touched before a time.
func (b *Blobs) DeleteOld(ctx context.Context, fileIDs []string, before time.Time) ([]bool, error) {
	if b.s.cfg.ReadOnly {
		return nil, errReadOnly
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	gone := make([]bool, 0, len(fileIDs))
	for ids := range slices.Chunk(fileIDs, gateBlobs) {
		some, err := b.deleteSome(ctx, ids, before)
		if err != nil {
			return nil, err
		}
		gone = append(gone, some...)
	}
	return gone, nil
}

// deleteSome deletes blobs behind the gate. Ids that no key can hold are of no blob.
func (b *Blobs) deleteSome(ctx context.Context, ids []string, before time.Time) ([]bool, error) {
	gone := make([]bool, len(ids))
	var named []string
	for i, id := range ids {
		if gone[i] = checkBlobID(id) != nil; !gone[i] {
			named = append(named, id)
		}
	}
	if len(named) == 0 {
		return gone, nil
	}
	return gone, b.gate.hold(ctx, named, func(ctx context.Context) (bool, error) {
		var unsure atomic.Bool
		err := b.s.parallel(ctx, len(ids), func(ctx context.Context, i int) error {
			if gone[i] {
				return nil
			}
			sure, err := b.deleteOld(ctx, ids[i], before, &gone[i])
			if !sure {
				unsure.Store(true)
			}
			return err
		})
		return !unsure.Load(), err
	})
}

// deleteOld deletes one blob, its mark after it: a blob without a mark is older.
func (b *Blobs) deleteOld(ctx context.Context, id string, before time.Time, gone *bool) (sure bool, err error) {
	at, err := b.time(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		*gone = true
		return true, nil
	}
	if err != nil || !at.Before(before) {
		return true, err
	}
	sure, err = b.s.removeSurely(ctx, b.dir+id)
	if err != nil {
		return sure, err
	}
	*gone = true
	sureMark, err := b.s.removeSurely(ctx, b.marks+id)
	return sure && sureMark, err
}
