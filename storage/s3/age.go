package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/specstar-worker/worker/storage"
)

const (
	// stampName is the metadata in which an object says when it was written, since
	// S3 keeps whole seconds alone.
	stampName = "specstar-time"
	// skew is how far our clock and that of the service may be apart, and more: S3
	// refuses signatures that are 15 minutes off.
	skew = 20 * time.Minute
)

// stamp is the metadata of an object that is written now.
func (b *Blobs) stamp() map[string]string {
	return map[string]string{stampName: b.s.cfg.Now().UTC().Format(time.RFC3339Nano)}
}

// time is when an object was written: by its stamp, or by the service when that is
// later, as it is when the original wrote it or it was copied.
func (f found) time() time.Time {
	stamp, err := time.Parse(time.RFC3339Nano, f.meta[stampName])
	if err != nil || f.modified.After(stamp) {
		return f.modified
	}
	return stamp
}

// mark makes a blob that is there as new as now: an object beside it bears the
// time. Copying the blob onto itself would do so, too, but takes as long as the
// blob is large, and not at all above 5 GiB.
func (b *Blobs) mark(ctx context.Context, id string) error {
	return b.s.put(ctx, object{key: b.marks + id, body: bytesBody(nil), meta: b.stamp()})
}

// Touch describes a blob and makes it as new as a Put does.
func (b *Blobs) Touch(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	if b.s.cfg.ReadOnly {
		return storage.BlobInfo{}, errReadOnly
	}
	if _, err := b.find(ctx, fileID); err != nil {
		return storage.BlobInfo{}, err
	}
	if err := b.mark(ctx, fileID); err != nil {
		return storage.BlobInfo{}, fmt.Errorf("touch blob %s: %w", fileID, err)
	}
	return b.settle(ctx, fileID)
}

// settle ends a Put or a Touch: what was written is safe from deletions that look
// at it from now on, and those that looked before are waited for. ErrNotFound when
// they took the blob.
func (b *Blobs) settle(ctx context.Context, id string) (storage.BlobInfo, error) {
	if err := b.gate.pass(ctx, id); err != nil {
		return storage.BlobInfo{}, err
	}
	return b.Stat(ctx, id)
}

// dated is a blob and its mark as two listings tell them; what is not there has no
// key.
type dated struct{ blob, mark listed }

// Old returns the blobs that were last put or touched before a time. What two
// listings cannot tell, since their times are those of another clock, is looked
// at, many blobs at a time.
func (b *Blobs) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return flat(ahead(ctx, b.s.cfg.Parallel, b.candidates(ctx, before), func(ctx context.Context, d dated) ([]storage.OldBlob, error) {
		old := storage.OldBlob{FileID: d.blob.key, Size: d.blob.size, Time: later(d.blob.modified, d.mark.modified)}
		if old.Time.Before(before.Add(-skew)) {
			return []storage.OldBlob{old}, nil
		}
		at, err := b.time(ctx, old.FileID)
		if errors.Is(err, storage.ErrNotFound) || err == nil && !at.Before(before) {
			return nil, nil
		}
		old.Time = at
		return []storage.OldBlob{old}, err
	}))
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// candidates are the blobs that the service's clock does not call new.
func (b *Blobs) candidates(ctx context.Context, before time.Time) iter.Seq2[dated, error] {
	return func(yield func(dated, error) bool) {
		for d, err := range b.dated(ctx) {
			if err == nil && (d.blob.key == "" || !later(d.blob.modified, d.mark.modified).Before(before)) {
				continue
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// time is when a blob was last put or touched; ErrNotFound.
func (b *Blobs) time(ctx context.Context, id string) (time.Time, error) {
	f, err := b.find(ctx, id)
	if err != nil {
		return time.Time{}, err
	}
	m, err := b.s.head(ctx, b.marks+id)
	return later(f.time(), m.time()), ignore(err, storage.ErrNotFound)
}

// dated walks through blobs and marks side by side, by id. Marks without a blob are
// left by crashes.
func (b *Blobs) dated(ctx context.Context) iter.Seq2[dated, error] {
	return func(yield func(dated, error) bool) {
		nextBlob, stopBlobs := iter.Pull2(b.blobObjects(ctx))
		defer stopBlobs()
		nextMark, stopMarks := iter.Pull2(b.s.list(ctx, b.marks))
		defer stopMarks()
		blob, blobErr, blobs := nextBlob()
		mark, markErr, marks := nextMark()
		for blobs || marks {
			if err := errors.Join(blobErr, markErr); err != nil {
				yield(dated{}, err)
				return
			}
			var d dated
			takeBlob := blobs && (!marks || blob.key <= mark.key)
			takeMark := marks && (!blobs || mark.key <= blob.key)
			if takeBlob {
				d.blob = blob
				blob, blobErr, blobs = nextBlob()
			}
			if takeMark {
				d.mark = mark
				mark, markErr, marks = nextMark()
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
