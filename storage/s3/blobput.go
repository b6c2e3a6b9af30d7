package s3

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/spool"
)

// smallBlob is how large a blob may be that is kept in memory while it is put.
const smallBlob = 8 << 20

// putTries is how often a blob is put that others remove meanwhile.
const putTries = 10

// Put stores the content of r.
func (b *Blobs) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (info storage.BlobInfo, err error) {
	if b.s.cfg.ReadOnly {
		return info, errReadOnly
	}
	if o.Key != "" {
		if err := checkBlobID(o.Key); err != nil {
			return info, err
		}
	}
	contentType, _ := o.ContentType.Get()
	if strings.ContainsFunc(contentType, func(r rune) bool { return r < ' ' || r > '~' }) {
		return info, fmt.Errorf("put a blob: content type %q has characters that no header can hold", contentType)
	}
	c, err := spool.Read(ctx, r, smallBlob, b.s.cfg.TempDir)
	if err != nil {
		return info, fmt.Errorf("put a blob: %w", err)
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	p := put{b: b, content: c, id: cmp.Or(o.Key, c.Hash()), keyed: o.Key != "", contentType: contentType}
	for range putTries {
		if err := p.write(ctx); err != nil {
			return info, fmt.Errorf("put blob %s: %w", p.id, err)
		}
		info, err := b.settle(ctx, p.id)
		if !errors.Is(err, storage.ErrNotFound) {
			return info, err
		}
	}
	return info, fmt.Errorf("put blob %s: it is removed again and again: %w", p.id, storage.ErrUnavailable)
}

// put is a blob that is being put.
type put struct {
	b           *Blobs
	content     *spool.Content
	id          string
	keyed       bool // the id is no hash: equal ids do not mean equal contents
	contentType string
}

// write makes the blob be there, as new as now.
func (p *put) write(ctx context.Context) error {
	create := p.b.s.exclusive && !p.keyed
	if create && p.content.InMemory() { // more often than not it is not there
		if err := p.upload(ctx, true); !errors.Is(err, errExists) {
			return err
		}
	}
	f, err := p.b.s.head(ctx, p.b.dir+p.id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		err = p.upload(ctx, create)
		if errors.Is(err, errExists) { // since just now
			return p.b.mark(ctx, p.id)
		}
		return err
	case err != nil:
		return err
	}
	same, err := p.isSame(ctx, f)
	if err != nil {
		return err
	}
	if same {
		return p.b.mark(ctx, p.id)
	}
	return p.upload(ctx, false)
}

// isSame compares a blob that is there with the content.
func (p *put) isSame(ctx context.Context, f found) (bool, error) {
	if f.size != p.content.Size() || !p.keyed {
		return f.size == p.content.Size(), nil
	}
	r, _, err := p.b.Open(ctx, p.id)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	hash := xxh3.New()
	_, err = io.Copy(hash, r)
	sum := hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:]) == p.content.Hash(), errors.Join(err, r.Close())
}

// upload writes the content; errExists.
func (p *put) upload(ctx context.Context, create bool) error {
	o := object{
		key: p.b.dir + p.id, contentType: p.contentType, create: create, meta: p.b.stamp(),
		body: func() io.ReadSeeker { return p.content.Part(0, p.content.Size()) },
	}
	if p.content.InMemory() {
		return p.b.s.put(ctx, o)
	}
	return p.b.s.putLarge(ctx, o, p.content)
}
