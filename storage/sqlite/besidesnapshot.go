package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// besideSnapshot holds copies of metas: who reads a file of the original for long keeps
// its writers waiting, or reads what they have just written.
type besideSnapshot struct {
	b      *beside
	copies map[string]storage.MetaCopy
}

// snapshot copies all metas while nobody of ours writes.
func (b *beside) snapshot(ctx context.Context) (storage.Snapshot, error) {
	s := &besideSnapshot{b: b, copies: map[string]storage.MetaCopy{}}
	var err error
	if b.f.readOnly {
		err = b.whileNobodyWrites(ctx, func() error { return s.copy(ctx) })
	} else {
		err = b.alone(ctx, "open snapshot of", func() error { return s.copy(ctx) })
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// whileNobodyWrites is alone for a store that is only read, where nobody has written
// or the lock may be taken.
func (b *beside) whileNobodyWrites(ctx context.Context, fn func() error) (err error) {
	if err := b.settled(ctx); err != nil {
		return err
	}
	release, err := holdIn(b.f.dir, func(root *os.Root) (func() error, error) {
		return filelock.Existing(lockName).Hold(ctx, root, filelock.Exclusive)
	})
	if err != nil {
		return err
	}
	defer func() { err = withUndone(err, release()) }()
	return fn()
}

func (s *besideSnapshot) copy(ctx context.Context) error {
	models, err := s.b.models(ctx)
	if err != nil {
		return err
	}
	for _, model := range models {
		metas, err := s.b.modelMetas(ctx, model)
		if err != nil {
			return err
		}
		c, err := metas.Copy(ctx)
		if err != nil {
			return err
		}
		s.copies[model] = c
	}
	return nil
}

// Build returns the readers of a model. Its revisions are those that are there.
func (s *besideSnapshot) Build(_ context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	c, ok := s.copies[model]
	if !ok {
		return nil, nil, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return besideReader{b: s.b, m: c, model: model, copy: true}, s.b.reader(model), nil
}

// Close frees the copies. A second Close does nothing.
func (s *besideSnapshot) Close() error {
	var errs []error
	for _, c := range s.copies {
		errs = append(errs, c.Close())
	}
	s.copies = nil
	return errors.Join(errs...)
}
