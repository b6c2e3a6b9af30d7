package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// change is an operation made ready: everything that needs no look at the store's
// rows is done, so that the unit of work stays short.
type change struct {
	op Operation
	// payload is the new payload in the model's encoding; nil for an operation
	// that has none.
	payload []byte
	// hash is the data hash of payload. indexed are its values at the model's
	// indexed paths, unset when there are none, or indexErr says why they cannot be had.
	hash     string
	indexed  opt.Value[resource.Indexed]
	indexErr error
	// blobs are the existing blobs the payload refers to.
	blobs []string
	// job and ordinal make the identities of what is written the same each time;
	// uuid.Nil: random is the uid of the revision instead.
	job     uuid.UUID
	ordinal int
	random  uuid.UUID
	// refused is why the operation cannot be done at all; nil when it can.
	refused *RefusedError
	// asked is what the handlers were told of it; nil when nobody listens.
	asked *asked
}

// begin makes changes of operations outside a job: each has its resource, its
// time and the uid of what it writes, and is still to be prepared.
func (m *Manager) begin(ops []Operation) []change {
	now := m.catalog.opts.Now()
	changes := make([]change, len(ops))
	for i, op := range ops {
		op = m.catalog.scoped(op)
		if op.Time.IsZero() {
			op.Time = now
		}
		if op.Op == OpCreate && op.ResourceID == "" {
			op.ResourceID = m.catalog.opts.NewID(m.name)
		}
		changes[i] = change{op: op, random: uuid.New()}
	}
	return changes
}

// prepareJob makes the operations of a job ready. What is derived depends on the
// job and the operation's place alone; an operation without a time happens when
// its job was made.
func (m *Manager) prepareJob(ctx context.Context, model storage.ModelInfo, j *SaveJob) ([]change, error) {
	at := j.Row.Created
	if at.IsZero() {
		at = m.catalog.opts.Now()
	}
	changes := make([]change, len(j.Operations))
	for i, op := range j.Operations {
		op = m.catalog.scoped(op)
		if op.Time.IsZero() {
			op.Time = at
		}
		c := change{op: op, job: j.Row.ID, ordinal: i}
		if op.Op == OpCreate && op.ResourceID == "" {
			c.op.ResourceID = resource.ID(m.name + ":" + derive(c.job, "id", strconv.Itoa(i)).String())
		}
		if err := m.prepare(ctx, model, &c); err != nil {
			return nil, err
		}
		changes[i] = c
	}
	return changes, nil
}

// prepare checks the operation by itself, encodes its payload and extracts what
// is indexed of it, by what is known of the model. A broken rule
// becomes c.refused; the error is for the blob store being unavailable.
func (m *Manager) prepare(ctx context.Context, model storage.ModelInfo, c *change) error {
	c.op.Time = storedTime(c.op.Time)
	if c.refused = m.checkOperation(&c.op); c.refused != nil || !c.op.Op.hasPayload() {
		return nil
	}
	if c.op.Payload != nil {
		c.payload = c.op.Payload
	} else {
		p, err := payload.Canonical(encodingOf(model), c.op.Data)
		if err != nil {
			c.refused = m.refuse(&c.op, CodeInvalid, "data of %s: %v", c.op.ResourceID, err)
			return nil
		}
		c.payload = p
	}
	c.hash = resource.DataHash(c.payload)
	if len(model.IndexedPaths) > 0 {
		c.indexed, c.indexErr = valuesAt(model.IndexedPaths, c.payload)
	}
	var err error
	c.blobs, err = m.catalog.existingBlobs(ctx, c.payload)
	return err
}

// storedTime returns t as every encoding keeps it: to the microsecond, and in UTC
// when its offset is not in whole minutes.
func storedTime(t time.Time) time.Time {
	t = t.Truncate(time.Microsecond)
	if _, offset := t.Zone(); offset%60 != 0 {
		t = t.UTC()
	}
	return t
}

// checkOperation reports what is wrong with an operation as such, nil for nothing.
func (m *Manager) checkOperation(op *Operation) *RefusedError {
	switch op.Op {
	case OpCreate, OpUpdate, OpUpsert, OpDelete, OpRestore:
	default:
		return m.refuse(op, CodeUnsupport, "operation %q is not supported; use create, update, upsert, delete or restore", op.Op)
	}
	if err := op.ResourceID.CheckStored(); err != nil {
		return m.refuse(op, CodeInvalid, "%s: %v", op.Op, err)
	}
	if !utf8.ValidString(op.User) {
		return m.refuse(op, CodeInvalid, "user of %s is not UTF-8", op.ResourceID)
	}
	if err := resource.CheckTime(op.Time); err != nil {
		return m.refuse(op, CodeInvalid, "%s of %s: %v", op.Op, op.ResourceID, err)
	}
	if s, ok := op.Status.Get(); ok && !s.Valid() {
		return m.refuse(op, CodeInvalid, "status %q of %s is not known; use draft or stable", s, op.ResourceID)
	}
	if op.Op.hasPayload() && op.Payload == nil && len(bytes.TrimSpace(op.Data)) == 0 {
		return m.refuse(op, CodeInvalid, "%s of %s has no data", op.Op, op.ResourceID)
	}
	if op.Op == OpCreate && op.ExpectedRevisionID != "" {
		return m.refuse(op, CodeInvalid, "create of %s cannot expect revision %s", op.ResourceID, op.ExpectedRevisionID)
	}
	return nil
}

// encodingOf is how new payloads of the model are written: as declared, else JSON.
func encodingOf(model storage.ModelInfo) resource.Encoding {
	if model.Encoding != "" {
		return model.Encoding
	}
	return resource.JSON
}

func (m *Manager) refuse(op *Operation, code Code, format string, args ...any) *RefusedError {
	return &RefusedError{Code: code, Model: m.name, ResourceID: op.ResourceID, Message: fmt.Sprintf(format, args...)}
}

// hasPayload reports whether the operation writes a payload.
func (o Op) hasPayload() bool { return o == OpCreate || o == OpUpdate || o == OpUpsert }

// appendRef adds the resource that the change is about; a refused one is about none.
func (c *change) appendRef(refs []storage.Ref, model string) []storage.Ref {
	if c.refused != nil {
		return refs
	}
	return append(refs, storage.Ref{Model: model, ID: c.op.ResourceID})
}

// uid returns the uid of the revision that the change writes. That of a job is
// derived, so that equal uids mean equal bytes and a repeat rewrites itself.
func (c *change) uid(number int, parent resource.RevisionID) uuid.UUID {
	if c.job == uuid.Nil {
		return c.random
	}
	return derive(c.job, "revision", string(c.op.ResourceID), strconv.Itoa(c.ordinal), strconv.Itoa(number), string(parent))
}

// derive returns the UUIDv5 of the parts in the namespace of a job. Parts hold no NUL.
func derive(job uuid.UUID, parts ...string) uuid.UUID {
	var b []byte
	for _, p := range parts {
		b = append(append(b, p...), 0)
	}
	return uuid.NewSHA1(job, b)
}

// existingBlobs returns the ids of the blobs that a payload refers to and that
// are in the blob store. It makes them new, so that a garbage collection leaves
// them until the payload is written.
func (c *Catalog) existingBlobs(ctx context.Context, p []byte) ([]string, error) {
	if c.blobs == nil {
		return nil, nil
	}
	var ids []string
	for _, b := range payload.Binaries(p) {
		_, err := c.blobs.Touch(ctx, b.FileID)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for blob %.80s: %w", b.FileID, err)
		}
		ids = append(ids, b.FileID)
	}
	return ids, nil
}
