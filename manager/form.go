package manager

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// form is how the payloads of a model are written and what is indexed of them,
// by what is known of the model. It is immutable.
type form struct {
	declaration []byte
	// model is the compiled declaration; nil when there is none.
	model    *model.Model
	encoding resource.Encoding
	metas    resource.Encoding
}

// formOf returns the form of the payloads of a model that is known by info. It is
// compiled anew only when the declaration has changed.
func (m *Manager) formOf(info storage.ModelInfo) (*form, error) {
	f := m.forms.Load()
	if f != nil && f.encoding == encodingOf(info) && bytes.Equal(f.declaration, info.Declaration) {
		return f, nil
	}
	f = &form{declaration: info.Declaration, encoding: encodingOf(info), metas: m.catalog.factory.Traits().Metas}
	if f.metas == "" {
		f.metas = resource.Msgpack
	}
	if len(info.Declaration) > 0 {
		var err error
		if f.model, err = compileDeclaration(info); err != nil {
			return nil, err
		}
	}
	m.forms.Store(f)
	return f, nil
}

// typed reports whether the declaration says what payloads look like.
func (f *form) typed() bool { return f.model != nil && f.model.Typed() }

// compileDeclaration compiles what the store remembers of a model.
func compileDeclaration(info storage.ModelInfo) (*model.Model, error) {
	d, err := model.ParseJSON(info.Declaration)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", info.Name, err)
	}
	m, err := model.Compile(d)
	if err != nil {
		return nil, fmt.Errorf("declaration of model %s: %w", info.Name, err)
	}
	return m, nil
}

// valuesAt returns the indexed values of a stored payload.
func (f *form) valuesAt(paths []string, p []byte) (opt.Value[resource.Indexed], error) {
	x, err := f.indexedOf(paths, p)
	if err != nil {
		return opt.Value[resource.Indexed]{}, err
	}
	if !f.typed() && f.metas == resource.JSON && payload.Sniff(p) == resource.Msgpack {
		return asMetasHave(x, f.metas)
	}
	return opt.Of(x), nil
}

// indexedOf returns the values at paths of a stored payload, as the payload has them.
func (f *form) indexedOf(paths []string, p []byte) (resource.Indexed, error) {
	if f.model != nil {
		values, err := f.model.IndexedValues(p, paths, f.metas)
		if err != nil {
			return resource.Indexed{}, err
		}
		return resource.NewIndexed(values)
	}
	values, err := payload.Values(p, paths)
	if err != nil {
		return resource.Indexed{}, err
	}
	return resource.IndexedOf(paths, values)
}

// asMetasHave returns indexed values as they are read back from metas: JSON keeps
// the times and bytes of msgpack as texts, and by these values are equal or not.
func asMetasHave(x resource.Indexed, metas resource.Encoding) (opt.Value[resource.Indexed], error) {
	at := time.Unix(0, 0).UTC()
	m := resource.Meta{ResourceID: "x", CurrentRevisionID: "x:1", CreatedTime: at, UpdatedTime: at, IndexedData: opt.Of(x)}
	m, err := resource.DecodeMeta(metas, m.Append(metas, nil))
	return m.IndexedData, err
}

// encode makes the payload of an operation, or refuses it, and returns the
// payload whose values are indexed. Bytes that are given are stored as they are.
// The error is for the blob store.
func (m *Manager) encode(ctx context.Context, f *form, c *change) (source []byte, err error) {
	if c.op.Payload != nil {
		c.payload = c.op.Payload
		return c.payload, nil
	}
	var refs references
	if f.model == nil {
		c.payload, err = payload.Canonical(f.encoding, c.op.Data)
	} else {
		c.payload, err = f.model.Encode(f.encoding, c.op.Data, model.EncodeOptions{Binary: refs.collect})
	}
	if err == nil && len(refs.given) > 0 {
		// Only when all else is right anything is put.
		if err := m.catalog.keep(ctx, &refs); err != nil {
			return nil, err
		}
		c.payload, err = f.model.Encode(f.encoding, c.op.Data, model.EncodeOptions{Binary: refs.next})
	}
	switch {
	case isLost(err):
		c.refused = m.refuse(&c.op, CodeBlobMissing, "data of %s: %v", c.op.ResourceID, err)
		return nil, nil
	case err != nil:
		c.refused = m.refuse(&c.op, CodeInvalid, "data of %s: %v", c.op.ResourceID, err)
		return nil, nil
	}
	if f.model == nil || f.encoding != resource.Msgpack || f.metas != resource.JSON {
		return c.payload, nil
	}
	// Times in msgpack have lost their offsets, which metas in JSON show.
	refs.at = 0
	source, err = f.model.Encode(resource.JSON, c.op.Data, model.EncodeOptions{Binary: refs.next})
	return source, err
}

// references are the references to blobs in a payload, in their order.
type references struct {
	given  []model.BinaryInput
	stored []model.BinaryInput
	lost   []error // of those whose blob is nowhere
	at     int
}

func (r *references) collect(b model.BinaryInput) (model.BinaryInput, error) {
	r.given = append(r.given, b)
	return b, nil
}

// next returns what is stored for the next reference.
func (r *references) next(model.BinaryInput) (model.BinaryInput, error) {
	r.at++
	return r.stored[r.at-1], r.lost[r.at-1]
}

// lostBlob says why the blob of a reference cannot be had.
type lostBlob string

func (e lostBlob) Error() string { return string(e) }

func isLost(err error) bool {
	_, ok := errors.AsType[lostBlob](err)
	return ok
}

// keep puts the contents that are given into the blob store, and completes
// references to blobs that are there (spec, "Blob stores").
func (c *Catalog) keep(ctx context.Context, r *references) error {
	for _, b := range r.given {
		stored, err := c.keepOne(ctx, b)
		_, lost := errors.AsType[lostBlob](err)
		if err != nil && !lost {
			return err
		}
		r.stored, r.lost = append(r.stored, stored), append(r.lost, err)
	}
	return nil
}

func (c *Catalog) keepOne(ctx context.Context, b model.BinaryInput) (model.BinaryInput, error) {
	id, known := b.FileID.Get()
	if b.Data == nil && !known {
		return b, nil
	}
	if c.blobs == nil {
		return b, lostBlob("the store has no place for blobs")
	}
	if b.Data != nil {
		content := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(b.Data))
		info, err := c.blobs.Put(ctx, content, storage.PutOptions{ContentType: b.ContentType})
		if err != nil {
			return b, fmt.Errorf("put a blob: %w", err)
		}
		// The reference keeps the type it was given, whatever an equal blob that was
		// put before has.
		stored := model.BinaryInput{FileID: opt.Of(info.FileID), Size: opt.Of(info.Size)}
		if b.ContentType.Or("") != "" {
			stored.ContentType = b.ContentType
		}
		return stored, nil
	}
	info, err := c.blobs.Touch(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrUnusableName) {
		return b, lostBlob(fmt.Sprintf("there is no blob %.80q", id))
	}
	if err != nil {
		return b, fmt.Errorf("look for blob %.80q: %w", id, err)
	}
	if !b.Size.IsSet() {
		b.Size = opt.Of(info.Size)
	}
	if !b.ContentType.IsSet() {
		b.ContentType = info.ContentType
	}
	return b, nil
}
