package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/specstar-worker/worker/storage"
)

// resumes is how often in a row reading begins again without a byte more.
const resumes = 10

// Open returns the content of a blob, to be closed by the caller. When the
// connection breaks, reading goes on where it was; a blob that is replaced
// meanwhile is an error, and so is one that is shorter than it says.
func (b *Blobs) Open(ctx context.Context, fileID string) (io.ReadCloser, storage.BlobInfo, error) {
	if err := checkBlobID(fileID); err != nil {
		return nil, storage.BlobInfo{}, fmt.Errorf("%w: %w", err, storage.ErrNotFound)
	}
	r := &stream{s: b.s, ctx: ctx, key: b.dir + fileID}
	if err := r.open(); err != nil {
		return nil, storage.BlobInfo{}, b.s.absent(r.key, err)
	}
	return r, describe(fileID, r.found), nil
}

// stream reads an object from a position on.
type stream struct {
	s     *Store
	ctx   context.Context
	key   string
	found found
	etag  *string
	at    int64
	body  io.ReadCloser
	// cancel ends the request of body.
	cancel context.CancelCauseFunc
	idle   int // how often reading began again without a byte
	closed bool
}

// open asks for the object from the position on.
func (r *stream) open() error {
	in := &awss3.GetObjectInput{Bucket: &r.s.cfg.Bucket, Key: &r.key, IfMatch: r.etag}
	if r.at > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", r.at))
	}
	err := r.s.do(r.ctx, "read "+r.key, func(attempt context.Context, _ func()) error {
		ctx, cancel := context.WithCancelCause(r.ctx)
		stop := context.AfterFunc(attempt, func() { cancel(context.Cause(attempt)) })
		out, err := r.s.api.GetObject(ctx, in)
		if !stop() && err == nil {
			err = errors.Join(context.Cause(attempt), out.Body.Close())
		}
		if err != nil {
			cancel(nil)
			return err
		}
		if r.etag != nil && aws.ToString(out.ETag) != *r.etag { // not every service minds IfMatch
			cancel(nil)
			return errors.Join(ErrReplaced, out.Body.Close())
		}
		if out.ContentLength == nil {
			cancel(nil)
			return errors.Join(errNoLength, out.Body.Close())
		}
		r.take(out, cancel)
		return nil
	})
	if errors.Is(err, errExists) {
		return fmt.Errorf("read %s: %w", r.key, ErrReplaced)
	}
	return err
}

// take makes an answer the one to read from. The first one describes the object.
func (r *stream) take(out *awss3.GetObjectOutput, cancel context.CancelCauseFunc) {
	r.body, r.cancel = out.Body, cancel
	if r.at > 0 || r.etag != nil {
		return
	}
	r.etag = out.ETag
	r.found = found{
		size: aws.ToInt64(out.ContentLength), contentType: aws.ToString(out.ContentType),
		meta: out.Metadata, modified: aws.ToTime(out.LastModified),
	}
}

// Read reads on, in a new request when the one before broke.
func (r *stream) Read(p []byte) (int, error) {
	for {
		if err := r.ctx.Err(); err != nil {
			return 0, err
		}
		if r.closed {
			return 0, errors.New("read of a blob that is closed")
		}
		if r.at == r.found.size {
			return 0, io.EOF
		}
		if r.body == nil {
			if err := r.resume(); err != nil {
				return 0, err
			}
		}
		n, err := r.readOnce(p[:min(int64(len(p)), r.found.size-r.at)])
		r.at += int64(n)
		if err != nil {
			r.drop()
		}
		if n > 0 || len(p) == 0 {
			r.idle = 0
			return n, nil
		}
	}
}

// resume begins again, a few times in a row at most.
func (r *stream) resume() error {
	if r.idle++; r.idle > resumes {
		return fmt.Errorf("read %s: the connection breaks after %d of %d bytes again and again: %w",
			r.key, r.at, r.found.size, storage.ErrUnavailable)
	}
	if r.idle > 1 {
		if err := sleep(r.ctx, backoff(r.idle), time.Now().Add(backoffMost)); err != nil {
			return err
		}
	}
	return r.open()
}

// readOnce reads from the request that runs, no longer than it may stall.
func (r *stream) readOnce(p []byte) (int, error) {
	cancel := r.cancel
	timer := time.AfterFunc(r.s.cfg.Stall, func() { cancel(errStalled) })
	defer timer.Stop()
	return r.body.Read(p)
}

// drop ends the request that runs.
func (r *stream) drop() {
	if r.body != nil {
		r.cancel(nil)
		_ = r.body.Close() // it was read, or broke
		r.body = nil
	}
}

// Close ends reading. It may be called again.
func (r *stream) Close() error {
	r.closed = true
	r.drop()
	return nil
}
