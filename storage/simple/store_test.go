package simple_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/simple"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// held are transactions over a state that nothing but this process holds.
type held struct {
	turn    chan struct{}
	current atomic.Pointer[simple.State]
}

func (h *held) Read(ctx context.Context) (*simple.State, error) { return h.current.Load(), ctx.Err() }

func (h *held) Write(ctx context.Context, change func(*simple.State) error) error {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	next, err := copyOf(h.current.Load())
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = change(next)
	}
	switch {
	case err == simple.ErrUnchanged:
		return nil
	case err != nil:
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	h.current.Store(next)
	return nil
}

func copyOf(st *simple.State) (*simple.State, error) {
	data, err := st.Encode()
	if err != nil {
		return nil, err
	}
	return simple.Decode(data)
}

// closing is a store with the method that package simple leaves to others.
type closing struct {
	*simple.Store
}

func (*closing) Close() error { return nil }

func TestGuarantees(t *testing.T) {
	storagetest.Run(t, storagetest.Harness{
		Open: func(ctx context.Context, _ string) (storage.Factory, error) {
			h := &held{turn: make(chan struct{}, 1)}
			h.current.Store(simple.NewState())
			s, err := simple.New(ctx, h, storage.Traits{AtomicBatch: true, AtomicLoad: true, Writers: 1})
			if err != nil {
				return nil, err
			}
			return &closing{Store: s}, nil
		},
		Lacks: []check.Need{check.Durable, check.Blobs},
	})
}
