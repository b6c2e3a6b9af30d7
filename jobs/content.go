package jobs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

const (
	// ContentBytes is from which size on a message goes by claim check: the store's blobs
	// keep it, and the queue has a message that refers to it.
	ContentBytes = 256 << 10
	// MaxContentBytes is the longest message that goes by claim check.
	MaxContentBytes = 64 << 20
)

// Codes of jobs whose content cannot be used.
const (
	CodeContentMissing = "content_missing" // the blobs do not have it
	CodeContentAltered = "content_altered" // it is not what the message refers to
)

// Content are the arguments of a job whose message went by claim check: where the whole
// message is.
type Content struct {
	// Of is the kind of the job.
	Of Kind
	// Blob is the id of the blob that is the message; SHA256 and Size are its hash and its
	// length in bytes.
	Blob   string
	SHA256 [sha256.Size]byte
	Size   int64
}

func (c Content) kind() Kind { return c.Of }

// wireContent is the JSON form of [Content].
type wireContent struct {
	Blob   string `json:"blob"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

func (c Content) wire() wireContent {
	return wireContent{Blob: c.Blob, SHA256: hex.EncodeToString(c.SHA256[:]), Size: c.Size}
}

// content reads what a message says of its content.
func (d *decoder) content(c *Content) error {
	err := d.object(func(key string) error {
		switch key {
		case "blob":
			return d.text(&c.Blob)
		case "sha256":
			return d.sha256(&c.SHA256)
		case "size":
			n, err := d.number(1, MaxContentBytes)
			c.Size = n
			return err
		}
		return d.unknown()
	})
	switch {
	case err != nil:
		return err
	case !blobID(c.Blob):
		return d.fieldErrorf("blob", "%s is not 32 hexadecimal digits", quoted(c.Blob))
	case c.SHA256 == [sha256.Size]byte{}:
		return d.fieldErrorf("sha256", "is missing")
	case c.Size == 0:
		return d.fieldErrorf("size", "is missing")
	}
	return nil
}

func (d *decoder) sha256(sum *[sha256.Size]byte) error {
	var s string
	if err := d.text(&s); err != nil {
		return err
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(sum) || s != hex.EncodeToString(b) {
		return d.errorf("%s is not 64 hexadecimal digits", quoted(s))
	}
	*sum = [sha256.Size]byte(b)
	return nil
}

// blobID reports whether s is the id of a blob that is named by its content.
func blobID(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 16 && s == hex.EncodeToString(b)
}

// Pack returns the message of e, and what has to be put into the store's blobs before:
// nil, or the whole message of one that is longer than [ContentBytes], to which the
// returned one refers then.
func (e Envelope) Pack() (message, content []byte, err error) { return e.pack(nil) }

// Digest returns the SHA-256 of the message that [Envelope.Pack] returns, by which the ledger
// tells jobs of one id apart, and its errors. room is memory for the message, which is
// returned, grown where it was too small.
func (e Envelope) Digest(room []byte) (hash [sha256.Size]byte, grown []byte, err error) {
	message, content, err := e.pack(room)
	if err != nil {
		return hash, room, err
	}
	if content == nil {
		room = message
	}
	return sha256.Sum256(message), room, nil
}

func (e Envelope) pack(room []byte) (message, content []byte, err error) {
	content, err = e.encode(MaxContentBytes, room)
	if err != nil || len(content) <= ContentBytes {
		return content, nil, err
	}
	e.Form = FormJSON
	e.Args = Content{Of: e.Kind(), Blob: resource.ContentHash(content), SHA256: sha256.Sum256(content), Size: int64(len(content))}
	message, err = e.Encode()
	return message, content, err
}

// Contents keep messages that go by claim check; *[BlobContents] do so.
type Contents interface {
	// Put keeps a content under its id, the xxh3-128 of its bytes as 32 hex digits.
	Put(ctx context.Context, content []byte) error
	// Get returns a content of at most size bytes, or one more when it is longer;
	// storage.ErrNotFound.
	Get(ctx context.Context, id string, size int64) ([]byte, error)
	// Delete removes a content; one that is not there is no error.
	Delete(ctx context.Context, id string) error
	// DeleteOld is Delete for a content that was last put before a time.
	DeleteOld(ctx context.Context, id string, before time.Time) error
}

// BlobContents keep contents among the blobs of a store. One whose job is done is removed
// by the worker, one whose job is dropped by the [Operator]; the others are garbage when
// nothing refers to them any more.
type BlobContents struct{ Blobs storage.BlobStore }

// Put implements [Contents].
func (b BlobContents) Put(ctx context.Context, content []byte) error {
	if _, err := b.Blobs.Put(ctx, bytes.NewReader(content), storage.PutOptions{}); err != nil {
		return fmt.Errorf("keep the content of a job: %w", err)
	}
	return nil
}

// Get implements [Contents].
func (b BlobContents) Get(ctx context.Context, id string, size int64) (content []byte, err error) {
	r, _, err := b.Blobs.Open(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read the content of a job: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if content, err = io.ReadAll(io.LimitReader(r, size+1)); err != nil {
		return nil, fmt.Errorf("read the content of a job: %w", err)
	}
	return content, nil
}

// Delete implements [Contents].
func (b BlobContents) Delete(ctx context.Context, id string) error { return b.Blobs.Delete(ctx, id) }

// DeleteOld implements [Contents].
func (b BlobContents) DeleteOld(ctx context.Context, id string, before time.Time) error {
	_, err := b.Blobs.DeleteOld(ctx, []string{id}, before)
	return err
}

// ContentError says that the content of a job cannot be used. No attempt would cure it.
type ContentError struct {
	Code string
	Err  error
}

// Error returns the reason.
func (e *ContentError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *ContentError) Unwrap() error { return e.Err }

// Open returns the whole job of an envelope whose arguments are a [Content], any other as
// it is. The error is a *[ContentError] when it is missing or is not what the message
// refers to.
func (e Envelope) Open(ctx context.Context, contents Contents) (Envelope, error) {
	c, is := e.Args.(Content)
	if !is {
		return e, nil
	}
	altered := func(format string, args ...any) error {
		return &ContentError{CodeContentAltered, fmt.Errorf("content %s: "+format, append([]any{c.Blob}, args...)...)}
	}
	if contents == nil {
		return e, &ContentError{CodeContentMissing, fmt.Errorf("content %s: this worker has no place for blobs", c.Blob)}
	}
	b, err := contents.Get(ctx, c.Blob, c.Size)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return e, &ContentError{CodeContentMissing, fmt.Errorf("content %s of %d bytes is not in the store", c.Blob, c.Size)}
	case err != nil:
		return e, err
	case int64(len(b)) != c.Size:
		return e, altered("it has not the length of %d bytes", c.Size)
	case sha256.Sum256(b) != c.SHA256:
		return e, altered("its SHA-256 is not %x", c.SHA256)
	}
	whole, err := decode(b, MaxContentBytes)
	if err != nil {
		return e, altered("%w", err)
	}
	if _, again := whole.Args.(Content); again || whole.ID != e.ID || whole.Kind() != c.Of || whole.Model != e.Model {
		return e, altered("it is that of another job: %s %s", whole.Kind(), whole.ID)
	}
	whole.Options = e.Options
	if whole.Time.IsZero() {
		whole.Time = e.Time
	}
	return whole, nil
}

// fetch gets the whole job of a task that went by claim check.
func (x *Executor) fetch(ctx context.Context, t *task) error {
	if t.content == "" {
		return nil
	}
	env, err := t.env.Open(ctx, x.Contents)
	if err == nil {
		t.env = env
	}
	return err
}

// ownsContent reports whether the content of a message is that of no other job: it bears
// the id of its own. Messages without an id that are equal share a content.
func ownsContent(e Envelope, job string) bool { return e.ID != "" && e.ID == job }

// checkContent refuses a content that bears the id of another job than its message, which
// would take it away when it is done. The message of a job that was published again is not
// asked: a job whose id was another one's is carried out under an id of its own.
func checkContent(e Envelope, d Delivery, job string) error {
	if !e.content() || e.ID == "" || e.ID == job || d.Job != "" {
		return nil
	}
	return &EnvelopeError{Field: "id", Err: fmt.Errorf("the content is that of job %s, the message that of %s: leave the id out of both, or publish with it as Nats-Msg-Id", quoted(e.ID), quoted(job))}
}

// discard removes the content of a task that is done and has one for itself. What fails
// here is garbage, as is a content that other jobs may have, too.
func (x *Executor) discard(ctx context.Context, t *task) {
	if t.content != "" && ownsContent(t.env, t.row.Text) && x.Contents != nil && t.verdict.Action == ActionAck && t.verdict.State == storage.JobDone {
		_ = x.Contents.Delete(context.WithoutCancel(ctx), t.content)
	}
}

// discardOf removes the content of a job whose row was dropped, unless the job was
// submitted anew since began. What fails here is garbage, as is a content that another job
// may have, too.
func discardOf(ctx context.Context, contents Contents, row storage.Job, began time.Time) {
	if contents == nil {
		return
	}
	env, err := Decode(row.Envelope)
	c, is := env.Args.(Content)
	if err != nil || !is || !ownsContent(env, row.Text) {
		return
	}
	_ = contents.DeleteOld(context.WithoutCancel(ctx), c.Blob, began)
}
