package s3

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/specstar-worker/worker/storage"
)

// Sweep counts, and with remove also removes, what was begun before a time and not
// ended: uploads in parts, upload sessions of the original with what they have
// uploaded, marks without a blob, and probes.
func (b *Blobs) Sweep(ctx context.Context, before time.Time, remove bool) (storage.Tally, error) {
	if b.s.cfg.ReadOnly && remove {
		return storage.Tally{}, errReadOnly
	}
	w := sweep{b: b, before: before, remove: remove}
	for _, dir := range []string{b.dir + uploadsDir + "/", b.dir + sessionsDir + "/", b.s.cfg.Prefix + probeDir} {
		if err := w.objects(ctx, dir); err != nil {
			return w.tally, err
		}
	}
	if err := w.uploads(ctx); err != nil {
		return w.tally, err
	}
	return w.tally, w.marks(ctx)
}

// sweep carries one sweep.
type sweep struct {
	b      *Blobs
	before time.Time
	remove bool
	tally  storage.Tally
}

func (w *sweep) count(bytes int64) {
	w.tally.Count++
	w.tally.Bytes += bytes
}

// objects sweeps the old objects below a beginning of keys.
func (w *sweep) objects(ctx context.Context, dir string) error {
	for o, err := range w.b.s.list(ctx, dir) {
		if err != nil {
			return err
		}
		if !o.modified.Before(w.before) {
			continue
		}
		if w.remove {
			if err := w.b.s.remove(ctx, dir+o.key); err != nil {
				return err
			}
		}
		w.count(o.size)
	}
	return nil
}

// uploads sweeps uploads in parts of blobs. Services that list none have their own
// rules for them.
func (w *sweep) uploads(ctx context.Context) error {
	for u, err := range w.b.s.uploads(ctx, w.b.dir) {
		if isUnsupported(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if !aws.ToTime(u.Initiated).Before(w.before) {
			continue
		}
		size, err := w.b.s.uploadSize(ctx, u)
		if errors.Is(err, storage.ErrNotFound) {
			continue // it ended since
		}
		if err == nil && w.remove {
			err = w.b.s.abortUpload(ctx, aws.ToString(u.Key), aws.ToString(u.UploadId))
		}
		if err != nil {
			return err
		}
		w.count(size)
	}
	return nil
}

// marks sweeps marks of blobs that are not there, behind the gate like blobs.
func (w *sweep) marks(ctx context.Context) error {
	var lone []string
	for d, err := range w.b.dated(ctx) {
		if err != nil {
			return err
		}
		if d.blob.key != "" || !d.mark.modified.Before(w.before) {
			continue
		}
		if w.count(d.mark.size); w.remove {
			lone = append(lone, d.mark.key)
		}
		if len(lone) == gateBlobs {
			if err := w.removeMarks(ctx, lone); err != nil {
				return err
			}
			lone = lone[:0]
		}
	}
	if len(lone) == 0 {
		return nil
	}
	return w.removeMarks(ctx, lone)
}

func (w *sweep) removeMarks(ctx context.Context, ids []string) error {
	return w.b.gate.hold(ctx, ids, func(ctx context.Context) (bool, error) {
		var unsure atomic.Bool
		err := w.b.s.parallel(ctx, len(ids), func(ctx context.Context, i int) error {
			_, err := w.b.s.head(ctx, w.b.dir+ids[i])
			if !errors.Is(err, storage.ErrNotFound) {
				return err // a blob is there again, with its mark
			}
			sure, err := w.b.s.removeSurely(ctx, w.b.marks+ids[i])
			if !sure {
				unsure.Store(true)
			}
			return err
		})
		return !unsure.Load(), err
	})
}

// uploads lists the uploads in parts of keys that begin with prefix.
func (s *Store) uploads(ctx context.Context, prefix string) iter.Seq2[types.MultipartUpload, error] {
	return func(yield func(types.MultipartUpload, error) bool) {
		in := &awss3.ListMultipartUploadsInput{Bucket: &s.cfg.Bucket, Prefix: &prefix}
		for {
			var out *awss3.ListMultipartUploadsOutput
			err := s.do(ctx, "list uploads of "+prefix, func(ctx context.Context, _ func()) (err error) {
				out, err = s.api.ListMultipartUploads(ctx, in)
				return err
			})
			if err != nil {
				if err = ignore(ignore(err, storage.ErrNotFound), errNoBucket); err != nil {
					yield(types.MultipartUpload{}, err)
				}
				return
			}
			for _, u := range out.Uploads {
				if !yield(u, nil) {
					return
				}
			}
			if !aws.ToBool(out.IsTruncated) || len(out.Uploads) == 0 {
				return
			}
			in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
		}
	}
}

// uploadSize is what the parts of an upload take, of its first thousand parts.
func (s *Store) uploadSize(ctx context.Context, u types.MultipartUpload) (size int64, err error) {
	err = s.do(ctx, "list parts of "+aws.ToString(u.Key), func(ctx context.Context, _ func()) error {
		out, err := s.api.ListParts(ctx, &awss3.ListPartsInput{Bucket: &s.cfg.Bucket, Key: u.Key, UploadId: u.UploadId})
		if err != nil {
			return err
		}
		size = 0
		for _, p := range out.Parts {
			size += aws.ToInt64(p.Size)
		}
		return nil
	})
	return size, err
}
