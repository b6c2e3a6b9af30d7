package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Objects reads single objects of a bucket that need not be a store's. The right to
// read them is enough. It is safe for concurrent use.
type Objects struct{ s *Store }

// OpenObjects prepares reading objects of a bucket; nothing is asked of the service.
// The prefix of c means nothing.
func OpenObjects(ctx context.Context, c Config) (*Objects, error) {
	c.Prefix, c.ReadOnly = "", true
	s, err := prepare(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("reach bucket %s: %w", c.Bucket, err)
	}
	return &Objects{s}, nil
}

// Close frees connections that are idle.
func (o *Objects) Close() error { return o.s.Close() }

// ObjectInfo describes an object.
type ObjectInfo struct {
	// Size is in bytes.
	Size int64
	// ETag tells the object from all others that had its key, without quotes.
	ETag string
	// Modified is when it was written, to the second.
	Modified time.Time
}

// Look describes the object with a key; storage.ErrNotFound when there is none, or no
// bucket, storage.ErrUnavailable when the service does not answer.
func (o *Objects) Look(ctx context.Context, key string) (ObjectInfo, error) {
	f, err := o.s.head(ctx, key)
	if err != nil {
		return ObjectInfo{}, err
	}
	return ObjectInfo{Size: f.size, ETag: f.etag, Modified: f.modified}, nil
}

// unquoted returns an ETag without its quotes, empty for none.
func unquoted(etag *string) string { return strings.Trim(aws.ToString(etag), `"`) }

// goodPart is from how many bytes on an answer that is cut off has brought the reader on:
// it goes on at once, as if it had asked for no more.
const goodPart = 4 << 10

// getRange returns the bytes from from up to byte to of the version of an object that has
// the ETag. A connection that breaks costs what had not come. ErrReplaced when there is
// another version, storage.ErrNotFound when there is none.
func (s *Store) getRange(ctx context.Context, key, etag string, from, to int64) ([]byte, error) {
	b, n := make([]byte, to-from), int64(0)
	for n < int64(len(b)) {
		err := s.do(ctx, "read "+key, func(ctx context.Context, moved func()) (err error) {
			before := n
			n, err = s.getPart(ctx, key, etag, b, from, n, moved)
			if n-before >= goodPart && ctx.Err() == nil {
				return nil
			}
			return err
		})
		if a, ok := errors.AsType[*answer](err); ok && (errors.Is(err, errExists) || a.code == "InvalidRange") {
			return nil, fmt.Errorf("read %s: %w", key, ErrReplaced)
		}
		if err != nil {
			return nil, s.absent(key, err)
		}
	}
	return b, nil
}

// getPart sends one request for what b, whose first n bytes are there, lacks, and returns
// how many it has then.
func (s *Store) getPart(ctx context.Context, key, etag string, b []byte, from, n int64, moved func()) (int64, error) {
	out, err := s.api.GetObject(ctx, &awss3.GetObjectInput{
		Bucket: &s.cfg.Bucket, Key: &key, IfMatch: aws.String(`"` + etag + `"`),
		Range: aws.String(fmt.Sprintf("bytes=%d-%d", from+n, from+int64(len(b))-1)),
	})
	if err != nil {
		return n, err
	}
	err = checkRange(out, etag, int64(len(b))-n)
	if err == nil {
		n, err = fill(b, n, out.Body, moved)
	}
	return n, errors.Join(err, out.Body.Close())
}

// checkRange refuses an answer that is not of so many bytes of the version that is meant:
// not every service minds what is asked for.
func checkRange(out *awss3.GetObjectOutput, etag string, length int64) error {
	switch {
	case unquoted(out.ETag) != etag:
		return ErrReplaced
	case out.ContentLength == nil:
		return errNoLength
	case *out.ContentLength != length:
		return errNoRange
	}
	return nil
}

// fill reads a body into b behind the n bytes that it has, and returns how many it has
// then.
func fill(b []byte, n int64, r io.Reader, moved func()) (int64, error) {
	for n < int64(len(b)) {
		m, err := r.Read(b[n:])
		if n += int64(m); m > 0 {
			moved()
		}
		if err != nil && n < int64(len(b)) {
			return n, fmt.Errorf("the answer ends after %d of %d bytes: %w", n, len(b), io.ErrUnexpectedEOF)
		}
	}
	return n, nil
}
