package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// Uploads is the bucket of the archives that are put beside the queue for loads.
const Uploads = "UPLOADS"

// Objects are files of any size beside a queue, in an object store of its server:
// whoever reaches the queue reaches them. It is the [jobs.SourcePlace] of "object:NAME",
// and safe for concurrent use.
type Objects struct {
	api    *api
	queue  QueueConfig
	bucket string
}

// NewObjects returns a bucket of a queue, such as [Uploads]. Nothing is asked of the
// server; the bucket is made when something is put into it, unless the queue is not to be
// made here.
func NewObjects(line *Line, q QueueConfig, bucket string) (*Objects, error) {
	api, err := newAPI(line)
	if err != nil {
		return nil, err
	}
	return objectsOver(api, q, bucket), nil
}

func objectsOver(a *api, q QueueConfig, bucket string) *Objects {
	return &Objects{api: a, queue: q.withDefaults(), bucket: "SPECSTAR_" + q.Namespace + "_" + bucket}
}

// config is how the bucket is made. It is as large as the server lets it be.
func (o *Objects) config() jetstream.ObjectStoreConfig {
	return jetstream.ObjectStoreConfig{
		Bucket: o.bucket, Description: "files of a SpecStar store", Storage: jetstream.FileStorage, Replicas: o.queue.Replicas,
		Metadata: map[string]string{metadataStore: o.queue.Store.String()},
	}
}

// ensure binds to the bucket, making it when it is not there and may be made.
func (o *Objects) ensure(ctx context.Context) (jetstream.ObjectStore, error) {
	b, err := o.bind(ctx)
	if !errors.Is(err, storage.ErrNotFound) {
		return b, err
	}
	if !o.queue.Create {
		return nil, fmt.Errorf("object store %s: %w (%w)", o.bucket, ErrNotMade, jetstream.ErrBucketNotFound)
	}
	if b, err = o.api.get().CreateObjectStore(ctx, o.config()); err != nil {
		if b, again := o.bind(ctx); again == nil { // somebody else made it
			return b, nil
		}
		return nil, o.failed("make it", err)
	}
	return b, nil
}

// bind binds to the bucket; storage.ErrNotFound when it is not there.
func (o *Objects) bind(ctx context.Context) (jetstream.ObjectStore, error) {
	b, err := o.api.get().ObjectStore(ctx, o.bucket)
	if err != nil {
		return nil, o.failed("look for it", err)
	}
	status, err := b.Status(ctx)
	if err != nil {
		return nil, o.failed("look at it", err)
	}
	if of := status.Metadata()[metadataStore]; of != o.queue.Store.String() {
		return nil, fmt.Errorf("object store %s: %w: %q instead of %q; use another namespace", o.bucket, ErrOtherStore, of, o.queue.Store)
	}
	return b, nil
}

// failed says what an error of the server means: storage.ErrNotFound when there is no
// such object or bucket, storage.ErrUnavailable when there is no answer.
func (o *Objects) failed(doing string, err error) error {
	if err == nil {
		return nil
	}
	var is error
	switch {
	case errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrObjectNotFound), errors.Is(err, jetstream.ErrStreamNotFound):
		is = storage.ErrNotFound
	case isOutage(err):
		is = storage.ErrUnavailable
	case isFull(err):
		return fmt.Errorf("object store %s: %s: the queue's server has no room for it: give it more, or put the archive into S3 or a directory of --sources: %w", o.bucket, doing, err)
	}
	if is != nil {
		return fmt.Errorf("object store %s: %s: %w (%w)", o.bucket, doing, is, err)
	}
	return fmt.Errorf("object store %s: %s: %w", o.bucket, doing, err)
}

// isOutage reports whether the server did not answer.
func isOutage(err error) bool {
	for _, is := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrConnectionClosed, nats.ErrDisconnected, nats.ErrReconnectBufExceeded,
		jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat, jetstream.ErrAsyncPublishTimeout, context.DeadlineExceeded,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// isFull reports whether the server has no room left.
func isFull(err error) bool {
	e, ok := errors.AsType[jetstream.JetStreamError](err)
	if !ok || e.APIError() == nil {
		return false
	}
	switch e.APIError().ErrorCode {
	case 10023, 10047, 10077: // resources, storage, and the bytes of the stream
		return true
	}
	return false
}

// Put puts what r gives under a name, in place of what had it, as a whole or not at all,
// and returns its length and its digest.
func (o *Objects) Put(ctx context.Context, name string, r io.Reader) (size int64, digest string, err error) {
	b, err := o.ensure(ctx)
	if err != nil {
		return 0, "", err
	}
	info, err := b.Put(ctx, jetstream.ObjectMeta{Name: name}, r)
	if err != nil {
		return 0, "", o.failed("put "+name, err)
	}
	return int64(info.Size), info.Digest, nil
}

// Remove removes an object, which need not be there. Nothing is left of it, unlike of
// what the library deletes.
func (o *Objects) Remove(ctx context.Context, name string) error {
	info, err := o.info(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := o.api.get().Stream(ctx, o.stream())
	for _, subject := range []string{o.nameOf(name), o.partsOf(info.NUID)} {
		if err == nil {
			err = s.Purge(ctx, jetstream.WithPurgeSubject(subject))
		}
	}
	return o.failed("remove "+name, err)
}

// Exists reports whether there is an object with a name.
func (o *Objects) Exists(ctx context.Context, name string) (bool, error) {
	_, err := o.info(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (o *Objects) info(ctx context.Context, name string) (*jetstream.ObjectInfo, error) {
	b, err := o.bind(ctx)
	if err != nil {
		return nil, err
	}
	info, err := b.GetInfo(ctx, name)
	if err != nil {
		return nil, o.failed("look at "+name, err)
	}
	return info, nil
}

// Pins implements [jobs.SourcePlace]: an object is pinned by its length and its digest.
func (o *Objects) Pins(ctx context.Context, l jobs.Load) (jobs.Load, error) {
	_, now, err := o.look(ctx, l)
	if err != nil {
		return jobs.Load{}, err
	}
	return l.Pinned(now), l.ChangedFrom(now)
}

// Find implements [jobs.SourcePlace].
func (o *Objects) Find(ctx context.Context, l jobs.Load) (io.ReadCloser, error) {
	info, now, err := o.look(ctx, l)
	if err == nil {
		err = l.ChangedFrom(now)
	}
	if err != nil {
		return nil, err
	}
	return o.open(ctx, info)
}

// Open opens the object with a name for reading from its beginning, and returns its
// length. ctx is that of all reading. What is not what was put is an error at its end.
func (o *Objects) Open(ctx context.Context, name string) (io.ReadCloser, int64, error) {
	info, err := o.info(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	r, err := o.open(ctx, info)
	return r, int64(info.Size), err
}

// look describes the object that is the source of l.
func (o *Objects) look(ctx context.Context, l jobs.Load) (info *jetstream.ObjectInfo, now jobs.Load, err error) {
	_, name, err := jobs.SplitSource(l.Source)
	if err != nil {
		return nil, l, jobs.RefuseSource(jobs.CodeSourceRefused, l.Source, "%w", err)
	}
	info, err = o.info(ctx, name)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, l, jobs.RefuseSource(jobs.CodeSourceNotFound, l.Source, "it is no longer beside the queue (%s); submit the load again", o.bucket)
	}
	if err != nil {
		return nil, l, fmt.Errorf("source %s: %w", l.Source, err)
	}
	now = l
	now.Size, now.ETag, now.Modified = opt.Of(int64(info.Size)), info.Digest, time.Time{}
	if !l.Modified.IsZero() {
		now.Modified = info.ModTime
	}
	return info, now, nil
}
