package consumer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/storage"
)

const (
	// objectPatience is how long an object's next part may stay away.
	objectPatience = 30 * time.Second
	// objectAhead is how many bytes of an object are on their way at most.
	objectAhead = 8 << 20
)

// errNotWhatWasPut: an object is not what its digest says.
var errNotWhatWasPut = errors.New("its content is not what was put: put it again")

// objectReader reads an object in the order of its parts, which are messages. The
// library's own reader gives the whole object a few seconds.
type objectReader struct {
	o     *Objects
	ctx   context.Context
	info  *jetstream.ObjectInfo
	parts jetstream.MessagesContext // nil for an empty object
	rest  []byte                    // of the last part
	read  uint64
	sum   hash.Hash
	err   error // what ended it
}

// open begins to read an object.
func (o *Objects) open(ctx context.Context, info *jetstream.ObjectInfo) (io.ReadCloser, error) {
	r := &objectReader{o: o, ctx: ctx, info: info, sum: sha256.New()}
	if info.Size == 0 {
		return r, nil
	}
	all, err := o.api.get().OrderedConsumer(ctx, o.stream(), jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{o.partsOf(info.NUID)},
	})
	if err != nil {
		return nil, o.failed("read "+info.Name, err)
	}
	if r.parts, err = all.Messages(jetstream.PullMaxBytes(objectAhead)); err != nil {
		return nil, o.failed("read "+info.Name, err)
	}
	return r, nil
}

// stream is the stream that holds the bucket, partsOf the subject of an object's parts,
// nameOf that of its description.
func (o *Objects) stream() string             { return "OBJ_" + o.bucket }
func (o *Objects) partsOf(nuid string) string { return "$O." + o.bucket + ".C." + nuid }
func (o *Objects) nameOf(name string) string {
	return "$O." + o.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(name))
}

// Read implements io.Reader. At the end it compares what was read with what was put.
func (r *objectReader) Read(p []byte) (int, error) {
	if r.err == nil && len(r.rest) == 0 {
		r.err = r.next()
	}
	if r.err != nil {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next receives the next part.
func (r *objectReader) next() error {
	if r.read == r.info.Size {
		if jetstream.GetObjectDigestValue(r.sum) != r.info.Digest {
			return fmt.Errorf("object store %s: read %s: %w", r.o.bucket, r.info.Name, errNotWhatWasPut)
		}
		return io.EOF
	}
	ctx, stop := context.WithTimeout(r.ctx, objectPatience)
	defer stop()
	m, err := r.parts.Next(jetstream.NextContext(ctx))
	switch {
	case r.ctx.Err() != nil:
		return context.Cause(r.ctx)
	case errors.Is(err, jetstream.ErrMsgIteratorClosed):
		return fmt.Errorf("object store %s: read %s: %w (%w)", r.o.bucket, r.info.Name, storage.ErrUnavailable, err)
	case err != nil:
		return r.o.failed("read "+r.info.Name, err)
	}
	r.rest = m.Data()
	r.read += uint64(len(r.rest))
	r.sum.Write(r.rest)
	return nil
}

// Close implements io.Closer.
func (r *objectReader) Close() error {
	if r.parts != nil {
		r.parts.Stop()
	}
	return nil
}
