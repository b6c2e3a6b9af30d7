package s3

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/storage"
)

// uploadsAhead is how many parts of an upload are on their way while the next one is
// filled.
const uploadsAhead = 3

// Upload is an object of unknown length that is being written by one goroutine. It is
// not there before Commit, and what had its key stays until then.
type Upload struct {
	s       *Store
	key     string
	ctx     context.Context
	id      string // of the multipart upload, once begun
	part    []byte // that is being filled
	sending *errgroup.Group
	within  context.Context
	parts   []types.CompletedPart
	free    chan []byte
}

// Create begins to write an object. ctx is that of all writing; nothing is asked of the
// service before a part is full.
func (o *Objects) Create(ctx context.Context, key string) (*Upload, error) {
	if len(key) > maxKey {
		return nil, fmt.Errorf("the key of %d bytes is longer than %d: %w", len(key), maxKey, storage.ErrUnusableName)
	}
	u := &Upload{s: o.s, key: key, ctx: ctx, free: make(chan []byte, uploadsAhead+1)}
	u.sending, u.within = errgroup.WithContext(ctx)
	u.sending.SetLimit(uploadsAhead)
	return u, nil
}

// sizeOfPart is how long the next part is: parts grow, since there can be only so many.
func (u *Upload) sizeOfPart() int { return partSize << min(len(u.parts)/2000, 3) }

// Write implements io.Writer. It returns the error of a part that could not be sent.
func (u *Upload) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if err := u.within.Err(); err != nil {
			return n, u.failed()
		}
		if u.part == nil {
			u.part = u.memory()
		}
		m := min(len(p), u.sizeOfPart()-len(u.part))
		u.part = append(u.part, p[:m]...)
		n, p = n+m, p[m:]
		if len(u.part) == u.sizeOfPart() {
			if err := u.send(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// failed returns why parts are no longer sent.
func (u *Upload) failed() error {
	if err := u.sending.Wait(); err != nil {
		return err
	}
	return context.Cause(u.within)
}

// memory returns an empty part.
func (u *Upload) memory() []byte {
	select {
	case b := <-u.free:
		return b[:0]
	default:
		return make([]byte, 0, partSize)
	}
}

// send sends the part, while the next one is filled.
func (u *Upload) send() (err error) {
	if u.id == "" {
		if u.id, err = u.s.beginUpload(u.ctx, object{key: u.key}); err != nil {
			return err
		}
	}
	body, number := u.part, int32(len(u.parts))+1
	u.part = nil
	if number > maxParts {
		return fmt.Errorf("%s is longer than %d parts", u.key, maxParts)
	}
	etag := new(string)
	u.parts = append(u.parts, types.CompletedPart{PartNumber: &number, ETag: etag})
	u.sending.Go(caught.Guard(func() error {
		err := u.s.do(u.within, fmt.Sprintf("upload part %d of %s", number, u.key), func(ctx context.Context, moved func()) error {
			out, err := u.s.api.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: &u.s.cfg.Bucket, Key: &u.key, UploadId: &u.id, PartNumber: &number,
				Body: moving{bytes.NewReader(body), moved},
			})
			if err == nil {
				*etag = aws.ToString(out.ETag)
			}
			return err
		})
		select {
		case u.free <- body:
		default:
		}
		return err
	}))
	return nil
}

// Commit makes the object be there as a whole.
func (u *Upload) Commit(ctx context.Context) error {
	if u.id == "" {
		return u.s.put(ctx, object{key: u.key, body: func() io.ReadSeeker { return bytes.NewReader(u.part) }})
	}
	if len(u.part) > 0 {
		if err := u.send(); err != nil {
			return err
		}
	}
	if err := u.sending.Wait(); err != nil {
		return err
	}
	return u.s.completeUpload(ctx, object{key: u.key}, u.id, u.parts)
}

// Discard frees what was sent, after the parts that are on their way have come to their
// end.
func (u *Upload) Discard(ctx context.Context) error {
	u.part = nil
	_ = u.sending.Wait() // what failed is why it is discarded
	if u.id == "" {
		return nil
	}
	return u.s.abortUpload(ctx, u.key, u.id)
}
