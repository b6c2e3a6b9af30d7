package manager

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// change is an operation made ready: everything that needs no look at the store's
// rows is done, so that the unit of work stays short.
type change struct {
	op Operation
	// content is what is written; that of a patch is known in the unit of work only.
	content
	// patch is what is done to the current payload; nil for other operations.
	patch *payload.PatchDoc
	// job and ordinal make the identities of what is written the same each time;
	// uuid.Nil: random is the uid of the revision instead.
	job     uuid.UUID
	ordinal int
	random  uuid.UUID
	// refused is why the operation cannot be done at all; nil when it can.
	refused *RefusedError
	// rank is how the change stands in the order of the saves of its resource.
	rank rank
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
		changes[i] = change{op: op, random: m.catalog.opts.NewUID()}
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
		c := &changes[i]
		*c = change{op: op, job: j.Row.ID, ordinal: i}
		if op.Op == OpCreate && op.ResourceID == "" {
			c.op.ResourceID = resource.ID(m.name + ":" + derive(c.job, "id", strconv.Itoa(i)).String())
		}
		if op.Op == OpPurge { // what cannot be undone is not done by a message
			c.refused = m.refuse(&c.op, CodeUnsupport, "purge of %s: a job does not purge", op.ResourceID)
		} else if err := m.prepare(ctx, model, c); err != nil {
			return nil, err
		}
		c.rank = c.rankOf(m.name, j.From, at, j.Again)
	}
	return changes, nil
}

// prepare checks the operation by itself, encodes its payload and extracts what
// is indexed of it, by what is known of the model. A broken rule
// becomes c.refused; the error is for the blob store being unavailable.
func (m *Manager) prepare(ctx context.Context, model storage.ModelInfo, c *change) (err error) {
	c.op.Time = storedTime(c.op.Time)
	if c.op.Op == OpModify && string(bytes.TrimSpace(c.op.Data)) == "null" {
		c.op.Data = nil // of who writes null for what is not given, as with a delete
	}
	if c.refused = m.checkOperation(&c.op); c.refused != nil {
		return nil
	}
	switch {
	case c.op.Op == OpPatch:
		return m.preparePatch(ctx, model, c, c.op.Data)
	case c.op.Op == OpModify && c.op.Patch != nil:
		return m.preparePatch(ctx, model, c, c.op.Patch)
	case c.op.Op == OpMigrate || c.op.Op == OpSwitch:
		c.blobs, err = m.migrationBlobs(ctx, model)
		return err
	case c.op.Payload == nil && c.op.Data == nil: // an operation that writes none
		return nil
	}
	f, err := m.formOf(model)
	if err != nil {
		return err
	}
	source, err := m.encode(ctx, f, c)
	if err != nil || c.refused != nil {
		return err
	}
	c.content = f.contentOf(c.payload, source, model.IndexedPaths)
	c.blobs, err = m.catalog.existingBlobs(ctx, c.payload)
	return err
}

// preparePatch reads a patch, and makes new the blobs that it may refer to.
func (m *Manager) preparePatch(ctx context.Context, model storage.ModelInfo, c *change, text []byte) (err error) {
	if c.patch, err = payload.ParsePatch(text); err != nil {
		c.refused = m.refuse(&c.op, CodeInvalid, "patch of %s: %v", c.op.ResourceID, err)
		return nil
	}
	given, err := m.catalog.mentionedBlobs(ctx, text)
	if err != nil {
		return err
	}
	more, err := m.migrationBlobs(ctx, model)
	c.blobs = append(given, more...)
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
	parts := append(make([]string, 0, 6), "revision", string(c.op.ResourceID), strconv.Itoa(c.ordinal), strconv.Itoa(number), string(parent))
	if c.patch != nil { // what it gives depends on what it is applied to
		parts = append(parts, c.hash)
	}
	return derive(c.job, parts...)
}

// uidInPlace returns the uid of a revision that is written in the place of another.
func (c *change) uidInPlace(before uuid.UUID) uuid.UUID {
	if c.job == uuid.Nil {
		return c.random
	}
	return derive(c.job, "in place", strconv.Itoa(c.ordinal), before.String(), c.hash)
}

// told is what handlers are told of what is written.
func (c *change) told() []byte {
	if c.op.Op == OpPatch {
		return c.op.Data
	}
	if c.op.Patch != nil {
		return c.op.Patch
	}
	return c.payload
}

// derive returns the UUIDv5 of the parts in the namespace of a job. Parts hold no NUL.
func derive(job uuid.UUID, parts ...string) uuid.UUID {
	b := append(make([]byte, 0, 256), job[:]...)
	for _, p := range parts {
		b = append(append(b, p...), 0)
	}
	sum := sha1.Sum(b)
	id := uuid.UUID(sum[:len(uuid.UUID{})])
	id[6], id[8] = id[6]&0x0f|5<<4, id[8]&0x3f|0x80 // version and variant
	return id
}
