package s3

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/spool"
)

const (
	// partSize is how large the parts of an upload are, unless that makes more than
	// maxParts.
	partSize = 8 << 20
	maxParts = 10_000
	// patience is how many times longer than other requests the one may take that
	// puts the parts together.
	patience = 12
	// abortFor is how long is tried to take back an upload that failed.
	abortFor = 10 * time.Second
)

// putLarge writes an object in parts. It is visible only when it is whole.
func (s *Store) putLarge(ctx context.Context, o object, c *spool.Content) error {
	id, err := s.beginUpload(ctx, o)
	if err != nil {
		return err
	}
	parts, err := s.uploadParts(ctx, o.key, id, c)
	if err == nil {
		err = s.completeUpload(ctx, o, id, parts)
	}
	if err == nil {
		return nil
	}
	abort, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortFor)
	defer cancel()
	return errors.Join(err, s.abortUpload(abort, o.key, id))
}

func (s *Store) beginUpload(ctx context.Context, o object) (id string, err error) {
	in := &awss3.CreateMultipartUploadInput{Bucket: &s.cfg.Bucket, Key: &o.key, Metadata: o.meta}
	if o.contentType != "" {
		in.ContentType = &o.contentType
	}
	err = s.do(ctx, "begin to upload "+o.key, func(ctx context.Context, _ func()) error {
		out, err := s.api.CreateMultipartUpload(ctx, in)
		if err == nil {
			id = aws.ToString(out.UploadId)
		}
		return err
	})
	return id, err
}

// uploadParts sends the parts, many at a time.
func (s *Store) uploadParts(ctx context.Context, key, id string, c *spool.Content) ([]types.CompletedPart, error) {
	size := int64(partSize)
	if least := (c.Size() + maxParts - 1) / maxParts; least > size {
		size = least
	}
	parts := make([]types.CompletedPart, (c.Size()+size-1)/size)
	err := s.parallel(ctx, len(parts), func(ctx context.Context, i int) error {
		from, number := int64(i)*size, int32(i)+1
		return s.do(ctx, fmt.Sprintf("upload part %d of %s", number, key), func(ctx context.Context, moved func()) error {
			out, err := s.api.UploadPart(ctx, &awss3.UploadPartInput{
				Bucket: &s.cfg.Bucket, Key: &key, UploadId: &id, PartNumber: &number,
				Body: moving{c.Part(from, min(size, c.Size()-from)), moved},
			})
			if err == nil {
				parts[i] = types.CompletedPart{ETag: out.ETag, PartNumber: &number}
			}
			return err
		})
	})
	return parts, err
}

// completeUpload puts the parts together. An upload that is gone at the first attempt
// was taken away; later it was completed by an attempt whose answer was lost, or the
// caller will not find the object.
func (s *Store) completeUpload(ctx context.Context, o object, id string, parts []types.CompletedPart) error {
	in := &awss3.CompleteMultipartUploadInput{
		Bucket: &s.cfg.Bucket, Key: &o.key, UploadId: &id,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
	if o.create {
		in.IfNoneMatch = aws.String("*")
	}
	attempts := 0
	err := s.doWithin(ctx, "complete the upload of "+o.key, patience*s.cfg.Stall, func(ctx context.Context, _ func()) error {
		attempts++
		_, err := s.api.CompleteMultipartUpload(ctx, in)
		return err
	})
	if attempts == 1 && errors.Is(err, storage.ErrNotFound) { // which the error below is not
		return fmt.Errorf("%w: somebody aborts uploads that run, see the lifecycle rules of the bucket: %s", storage.ErrUnavailable, err.Error())
	}
	return ignore(err, storage.ErrNotFound)
}

// abortUpload frees what an upload holds; one that is gone is no error.
func (s *Store) abortUpload(ctx context.Context, key, id string) error {
	err := s.do(ctx, "abort the upload of "+key, func(ctx context.Context, _ func()) error {
		_, err := s.api.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: &s.cfg.Bucket, Key: &key, UploadId: &id})
		return err
	})
	return ignore(err, storage.ErrNotFound)
}
