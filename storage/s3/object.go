package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/specstar-worker/worker/storage"
)

// object is what is written.
type object struct {
	key string
	// body returns the bytes, from the beginning each time.
	body func() io.ReadSeeker
	// contentType may be "" for none, meta may be nil.
	contentType string
	meta        map[string]string
	// create refuses an object that exists, with errExists, where the service can.
	create bool
}

// found describes an object that is there.
type found struct {
	size        int64
	contentType string
	meta        map[string]string
	modified    time.Time // to the second
	etag        string    // without quotes
}

func bytesBody(b []byte) func() io.ReadSeeker {
	return func() io.ReadSeeker { return bytes.NewReader(b) }
}

// moving tells when bytes have passed.
type moving struct {
	io.ReadSeeker
	moved func()
}

func (m moving) Read(p []byte) (int, error) {
	n, err := m.ReadSeeker.Read(p)
	if n > 0 {
		m.moved()
	}
	return n, err
}

// movingLeast is from how many bytes on a body tells of its progress: fewer pass at
// once. To wrap them would cost the SDK a buffer of 32 KiB for each hash, instead of
// none for bytes in memory.
const movingLeast = 32 << 10

// telling is a body that calls moved when bytes have passed.
func telling(body io.ReadSeeker, moved func()) io.ReadSeeker {
	if b, ok := body.(*bytes.Reader); ok && b.Len() < movingLeast {
		return body
	}
	return moving{body, moved}
}

// put writes an object. With create, errExists may mean that an attempt took
// effect whose answer was lost: create is for callers who need to know.
func (s *Store) put(ctx context.Context, o object) error {
	if len(o.key) > maxKey {
		return fmt.Errorf("the key of %d bytes is longer than %d: %w", len(o.key), maxKey, storage.ErrUnusableName)
	}
	in := awss3.PutObjectInput{Bucket: &s.cfg.Bucket, Key: &o.key, Metadata: o.meta}
	if o.contentType != "" {
		in.ContentType = &o.contentType
	}
	if o.create {
		in.IfNoneMatch = aws.String("*")
	}
	return s.do(ctx, "put "+o.key, func(ctx context.Context, moved func()) error {
		in := in
		in.Body = telling(o.body(), moved)
		_, err := s.api.PutObject(ctx, &in)
		return err
	})
}

// create writes an object unless there is one, and reports whether it did. An
// attempt whose answer was lost is recognised by the bytes that are there.
// Without conditional writes two creators may both hear that they did.
func (s *Store) create(ctx context.Context, key string, body []byte) (created bool, err error) {
	if !s.exclusive {
		if _, err := s.head(ctx, key); !errors.Is(err, storage.ErrNotFound) {
			return false, err
		}
		return true, s.put(ctx, object{key: key, body: bytesBody(body)})
	}
	var attempts int
	err = s.put(ctx, object{key: key, create: true, body: func() io.ReadSeeker {
		attempts++
		return bytes.NewReader(body)
	}})
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, errExists) || attempts == 1 {
		return false, ignore(err, errExists)
	}
	there, err := s.get(ctx, key)
	return err == nil && bytes.Equal(there, body), ignore(err, storage.ErrNotFound)
}

// ignore returns err unless it is one that is expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// maxWhole is how large an object may be that is read as a whole.
const maxWhole = 1 << 30

var errTooLarge = errors.New("the object is larger than 1 GiB")

// get returns an object's bytes; ErrNotFound.
func (s *Store) get(ctx context.Context, key string) (body []byte, err error) {
	err = s.do(ctx, "get "+key, func(ctx context.Context, moved func()) error {
		out, err := s.api.GetObject(ctx, &awss3.GetObjectInput{Bucket: &s.cfg.Bucket, Key: &key})
		if err != nil {
			return err
		}
		body, err = whole(out.Body, out.ContentLength, moved)
		return errors.Join(err, out.Body.Close())
	})
	return body, s.absent(key, err)
}

// errNoLength: without a length an answer that was cut cannot be told from a whole one.
var errNoLength = errors.New("the answer does not tell its length")

// whole reads a body of a known length.
func whole(r io.Reader, length *int64, moved func()) ([]byte, error) {
	if length == nil {
		return nil, errNoLength
	}
	size := *length
	if size > maxWhole {
		return nil, errTooLarge
	}
	b := make([]byte, size)
	for n := 0; n < len(b); {
		m, err := r.Read(b[n:])
		n += m
		moved()
		if err != nil && n < len(b) {
			return nil, fmt.Errorf("the answer ends after %d of %d bytes: %w", n, size, io.ErrUnexpectedEOF)
		}
	}
	return b, nil
}

// head describes an object; ErrNotFound.
func (s *Store) head(ctx context.Context, key string) (f found, err error) {
	err = s.do(ctx, "look for "+key, func(ctx context.Context, _ func()) error {
		out, err := s.api.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: &s.cfg.Bucket, Key: &key})
		if err != nil {
			return err
		}
		f = found{
			size: aws.ToInt64(out.ContentLength), contentType: aws.ToString(out.ContentType),
			meta: out.Metadata, modified: aws.ToTime(out.LastModified), etag: unquoted(out.ETag),
		}
		return nil
	})
	return f, s.absent(key, err)
}

// remove removes an object; an absent one is no error.
func (s *Store) remove(ctx context.Context, key string) error {
	_, err := s.removeSurely(ctx, key)
	return err
}

// removeSurely removes an object, and reports whether each attempt was answered:
// one that was not may yet take effect.
func (s *Store) removeSurely(ctx context.Context, key string) (sure bool, err error) {
	sure = true
	err = s.do(ctx, "remove "+key, func(ctx context.Context, _ func()) error {
		_, err := s.api.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: &s.cfg.Bucket, Key: &key})
		if r, ok := errors.AsType[*smithyhttp.ResponseError](err); err != nil && (!ok || r.HTTPStatusCode() == 0) {
			sure = false
		}
		return err
	})
	return sure, ignore(s.absent(key, err), storage.ErrNotFound)
}

// absent makes ErrNotFound of errors that mean it: a missing bucket is an empty one to
// readers, and an object cannot be where none may be.
func (s *Store) absent(key string, err error) error {
	if err != nil && (s.cfg.ReadOnly && errors.Is(err, errNoBucket) || isUnusable(key, err)) {
		return fmt.Errorf("%w: %w", storage.ErrNotFound, err)
	}
	return err
}

// longName is how long a part of a key may be where parts are names of files.
const longName = 255

// isUnusable reports whether a service cannot have the key. The answer to HEAD has
// no code that would tell.
func isUnusable(key string, err error) bool {
	a, ok := errors.AsType[*answer](err)
	tooLong := func(part string) bool { return len(part) > longName }
	return errors.Is(err, storage.ErrUnusableName) ||
		ok && a.status == http.StatusBadRequest && slices.ContainsFunc(strings.Split(key, "/"), tooLong)
}
