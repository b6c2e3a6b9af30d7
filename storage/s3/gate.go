package s3

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// gate is an object that names the blobs which a process deletes by their age, so
// that no Put and no Touch of them is lost: a deleter writes the gate, then looks at
// a blob's age, then removes it; a writer writes the blob or its mark, then looks at
// the gate. Whatever the order, one of the two sees the other.
//
// A deleter has gateWork to do its work, by its own clock. A gate that a process has
// seen for gateLife was left by one that died, and counts no more.
type gate struct {
	s   *Store
	key string
	// life and work are gateLife and gateWork, but in tests.
	life, work time.Duration
	// turn holds one element while this process has a gate.
	turn chan struct{}

	mu sync.Mutex
	// seen is the gate that was there last, since when it was first seen.
	seen  []byte
	since time.Time
}

const (
	gateLife  = 30 * time.Second
	gateWork  = 12 * time.Second
	gatePause = 10 * time.Millisecond
	gateMost  = 500 * time.Millisecond // the longest pause
)

// gateBody is what the object holds: whose it is, and which blobs it is about.
type gateBody struct {
	Token string   `json:"token"`
	IDs   []string `json:"ids"`
}

// names reports whether a gate is about a blob. One that cannot be read is about all.
func names(body []byte, id string) bool {
	var g gateBody
	return json.Unmarshal(body, &g) != nil || slices.Contains(g.IDs, id)
}

// expired notes that a gate is there, and reports whether it has been for too long.
func (g *gate) expired(body []byte) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !bytes.Equal(g.seen, body) {
		g.seen, g.since = body, time.Now()
	}
	return time.Since(g.since) >= g.life
}

// pass waits until nobody deletes a blob who may have looked at it before now.
func (g *gate) pass(ctx context.Context, id string) error {
	for pause := gatePause; ; pause = min(2*pause, gateMost) {
		body, err := g.s.get(ctx, g.key)
		if errors.Is(err, storage.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if g.expired(body) || !names(body, id) {
			return nil
		}
		if err := sleep(ctx, pause, time.Now().Add(gateMost+time.Second)); err != nil {
			return err
		}
	}
}

// hold calls do while the gate names ids and nobody else has one. The context of do
// ends when the gate may count no more. Where do is not sure that all it asked for
// is done or never will be, the gate stays until it expires.
func (g *gate) hold(ctx context.Context, ids []string, do func(ctx context.Context) (sure bool, err error)) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	body, err := json.Marshal(gateBody{uuid.NewString(), ids})
	if err != nil {
		return err
	}
	work, cancel, err := g.enter(ctx, body)
	if err != nil {
		return err
	}
	defer cancel()
	sure, err := do(work)
	if work.Err() != nil || err != nil || !sure {
		return g.late(ctx, work, err)
	}
	if err := g.s.remove(work, g.key); err != nil {
		return g.late(ctx, work, err)
	}
	return nil
}

// late returns err, or what it means that the time of the gate is over while the
// caller still waits.
func (g *gate) late(ctx, work context.Context, err error) error {
	if over := work.Err(); over != nil && ctx.Err() == nil {
		return fmt.Errorf("delete blobs: it takes longer than %v, the object store is slow: %w (%w)", g.work, storage.ErrUnavailable, over)
	}
	return err
}

// enter writes the gate, and waits for that of another process before.
func (g *gate) enter(ctx context.Context, body []byte) (context.Context, context.CancelFunc, error) {
	for pause := gatePause; ; pause = min(2*pause, gateMost) {
		there, etag, err := g.look(ctx)
		if err != nil {
			return nil, nil, err
		}
		if there == nil || g.expired(there) {
			work, cancel := context.WithTimeout(ctx, g.work)
			ours, err := g.write(work, body, there != nil, etag)
			if err == nil && ours {
				return work, cancel, nil
			}
			if err != nil {
				err = g.late(ctx, work, err)
				cancel()
				return nil, nil, err
			}
			cancel()
		}
		if err := sleep(ctx, pause, time.Now().Add(gateMost+time.Second)); err != nil {
			return nil, nil, err
		}
	}
}

// look returns the gate that is there, nil for none.
func (g *gate) look(ctx context.Context) (body []byte, etag *string, err error) {
	err = g.s.do(ctx, "get "+g.key, func(ctx context.Context, moved func()) error {
		out, err := g.s.api.GetObject(ctx, &awss3.GetObjectInput{Bucket: &g.s.cfg.Bucket, Key: &g.key})
		if err != nil {
			return err
		}
		etag = out.ETag
		body, err = whole(out.Body, out.ContentLength, moved)
		return errors.Join(err, out.Body.Close())
	})
	return body, etag, ignore(err, storage.ErrNotFound)
}

// write writes the gate, in place of an expired one or where there is none, and
// reports whether it is ours. Without conditional writes it is looked at again,
// which finds most of those who came at the same time.
func (g *gate) write(ctx context.Context, body []byte, replace bool, etag *string) (bool, error) {
	in := awss3.PutObjectInput{Bucket: &g.s.cfg.Bucket, Key: &g.key}
	switch {
	case !g.s.exclusive:
	case replace:
		in.IfMatch = etag
	default:
		in.IfNoneMatch = aws.String("*")
	}
	err := g.s.do(ctx, "put "+g.key, func(ctx context.Context, moved func()) error {
		in := in
		in.Body = moving{bytes.NewReader(body), moved}
		_, err := g.s.api.PutObject(ctx, &in)
		return err
	})
	if err != nil && !errors.Is(err, errExists) && !errors.Is(err, storage.ErrNotFound) {
		return false, err
	}
	there, _, err := g.look(ctx) // the answer to an attempt may have been lost
	return bytes.Equal(there, body), err
}
