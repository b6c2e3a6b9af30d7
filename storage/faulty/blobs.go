package faulty

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/specstar-worker/worker/storage"
)

// NewBlobs returns a blob store under a plan.
func NewBlobs(b storage.BlobStore, p *Plan) storage.BlobStore { return blobs{b, p} }

type blobs struct {
	b storage.BlobStore
	p *Plan
}

func (b blobs) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (storage.BlobInfo, error) {
	return ask(ctx, b.p, "Blobs.Put", func(ctx context.Context) (storage.BlobInfo, error) { return b.b.Put(ctx, r, o) })
}

// Open is not wrapped in ask: the context goes on to be that of the content.
func (b blobs) Open(ctx context.Context, fileID string) (io.ReadCloser, storage.BlobInfo, error) {
	e := b.p.next("Blobs.Open")
	ctx, stop, err := e.begin(ctx)
	if err != nil {
		return nil, storage.BlobInfo{}, err
	}
	rc, info, err := b.b.Open(ctx, fileID)
	if err != nil {
		stop()
		return nil, info, err
	}
	if e.after != nil && !e.short {
		stop()
		return nil, storage.BlobInfo{}, errors.Join(e.after, rc.Close())
	}
	return &content{ReadCloser: rc, stop: stop, effect: e, left: e.items}, info, nil
}

func (b blobs) Stat(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	return ask(ctx, b.p, "Blobs.Stat", func(ctx context.Context) (storage.BlobInfo, error) { return b.b.Stat(ctx, fileID) })
}

func (b blobs) Delete(ctx context.Context, fileID string) error {
	return b.p.call(ctx, "Blobs.Delete", func(ctx context.Context) error { return b.b.Delete(ctx, fileID) })
}

func (b blobs) List(ctx context.Context) iter.Seq2[storage.BlobInfo, error] {
	return sequence(ctx, b.p, "Blobs.List", b.b.List)
}

func (b blobs) Touch(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	return ask(ctx, b.p, "Blobs.Touch", func(ctx context.Context) (storage.BlobInfo, error) { return b.b.Touch(ctx, fileID) })
}

func (b blobs) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return sequence(ctx, b.p, "Blobs.Old", func(ctx context.Context) iter.Seq2[storage.OldBlob, error] { return b.b.Old(ctx, before) })
}

func (b blobs) DeleteOld(ctx context.Context, fileIDs []string, before time.Time) ([]bool, error) {
	return ask(ctx, b.p, "Blobs.DeleteOld", func(ctx context.Context) ([]bool, error) { return b.b.DeleteOld(ctx, fileIDs, before) })
}

func (b blobs) Sweep(ctx context.Context, before time.Time, remove bool) (storage.Tally, error) {
	return ask(ctx, b.p, "Blobs.Sweep", func(ctx context.Context) (storage.Tally, error) { return b.b.Sweep(ctx, before, remove) })
}

// content is an opened blob.
type content struct {
	io.ReadCloser
	stop   context.CancelFunc
	effect Effect
	left   int
}

func (c *content) Read(p []byte) (int, error) {
	if !c.effect.short {
		return c.ReadCloser.Read(p)
	}
	if c.left == 0 {
		if c.effect.after != nil {
			return 0, c.effect.after
		}
		return 0, io.EOF
	}
	n, err := c.ReadCloser.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func (c *content) Close() error {
	defer c.stop()
	return c.ReadCloser.Close()
}
