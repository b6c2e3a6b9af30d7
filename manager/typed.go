package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// Typed is a view of a model whose payloads are values of the struct T: what is
// saved has the bytes that the original would have stored for it, see
// [model.Typed]. It is safe for concurrent use.
type Typed[T any] struct {
	manager *Manager
	codec   *model.Typed
}

// For declares the model of T, or replaces what was declared of it, and returns its
// typed view. A type or tag that cannot be declared is an error.
func For[T any](ctx context.Context, c *Catalog, o model.TypedOptions) (*Typed[T], error) {
	codec, err := model.Of(reflect.TypeFor[T](), o)
	if err != nil {
		return nil, fmt.Errorf("declare a model: %w", err)
	}
	m, err := c.DeclareModel(ctx, codec.Model())
	if err != nil {
		return nil, err
	}
	return &Typed[T]{manager: m, codec: codec}, nil
}

// Manager returns the manager behind the view.
func (t *Typed[T]) Manager() *Manager { return t.manager }

// Using returns the view bound to a scope, see [Manager.Using].
func (t *Typed[T]) Using(s Scope) *Typed[T] {
	return &Typed[T]{manager: t.manager.Using(s), codec: t.codec}
}

// TypedResource is a resource with its decoded payload.
type TypedResource[T any] struct {
	Meta resource.Meta
	Info resource.RevisionInfo
	Data T
}

// Operation returns an operation with v as its payload, to be completed and saved.
func (t *Typed[T]) Operation(op Op, id resource.ID, v T) (Operation, error) {
	data, err := t.codec.Encode(reflect.ValueOf(&v).Elem())
	if err != nil {
		return Operation{}, &RefusedError{
			Code: CodeInvalid, Model: t.manager.name, ResourceID: id,
			Message: fmt.Sprintf("data of %s: %v", id, err),
		}
	}
	return Operation{Op: op, ResourceID: id, Data: data}, nil
}

// Create makes a new resource; an empty id means a new one. A refusal is a *[RefusedError].
func (t *Typed[T]) Create(ctx context.Context, id resource.ID, v T) (Outcome, error) {
	return t.save(ctx, OpCreate, id, v)
}

// Update writes a new revision of a live resource, or nothing when v is the current
// payload. A refusal is a *[RefusedError].
func (t *Typed[T]) Update(ctx context.Context, id resource.ID, v T) (Outcome, error) {
	return t.save(ctx, OpUpdate, id, v)
}

// Upsert updates a resource, or creates it when its id is new. A refusal is a *[RefusedError].
func (t *Typed[T]) Upsert(ctx context.Context, id resource.ID, v T) (Outcome, error) {
	return t.save(ctx, OpUpsert, id, v)
}

// Modify changes the payload of a draft in place. A refusal is a *[RefusedError].
func (t *Typed[T]) Modify(ctx context.Context, id resource.ID, v T) (Outcome, error) {
	return t.save(ctx, OpModify, id, v)
}

func (t *Typed[T]) save(ctx context.Context, op Op, id resource.ID, v T) (Outcome, error) {
	o, err := t.Operation(op, id, v)
	if err != nil {
		return Outcome{}, err
	}
	return t.manager.saveOne(ctx, op, o)
}

// SaveMany upserts all values in bulk, see [Manager.SaveMany]; the outcomes come in
// the order of ids.
func (t *Typed[T]) SaveMany(ctx context.Context, ids []resource.ID, values []T) ([]Outcome, error) {
	if len(ids) != len(values) {
		return nil, fmt.Errorf("save to model %s: %d ids for %d values", t.manager.name, len(ids), len(values))
	}
	ops := make([]Operation, len(values))
	for i, v := range values {
		var err error
		if ops[i], err = t.Operation(OpUpsert, ids[i], v); err != nil {
			return nil, err
		}
	}
	return t.manager.SaveMany(ctx, ops)
}

// Get returns a resource, see [Manager.Get]. A payload of another schema version than
// the declared one is migrated for the answer; where no way leads there it gives a
// *[RefusedError], for a save would lose what T does not have of it.
func (t *Typed[T]) Get(ctx context.Context, id resource.ID, o GetOptions) (TypedResource[T], error) {
	return t.decoded(t.manager.Get(ctx, id, o))
}

// decoded decodes the payload of a resource that was got.
func (t *Typed[T]) decoded(r Resource, err error) (TypedResource[T], error) {
	if err != nil {
		return TypedResource[T]{}, err
	}
	var v T
	data, err := t.manager.atDeclared(r)
	if refused, ok := errors.AsType[*RefusedError](err); ok {
		return TypedResource[T]{}, refused
	}
	if err == nil {
		v, err = t.decode(data)
	}
	if err != nil {
		return TypedResource[T]{}, fmt.Errorf("payload of %s of model %s: %w", r.Meta.ResourceID, t.manager.name, err)
	}
	return TypedResource[T]{Meta: r.Meta, Info: r.Info, Data: v}, nil
}

// Search yields the live and deleted resources that q selects and that the user
// may see and get, with their current payloads, in q's order. Unlike the original's it drops none: a payload that cannot
// be decoded ends it with an error that names the resource.
func (t *Typed[T]) Search(ctx context.Context, q qb.Query) iter.Seq2[TypedResource[T], error] {
	return func(yield func(TypedResource[T], error) bool) {
		for item, err := range t.manager.Resources(ctx, q) {
			var r TypedResource[T]
			if err == nil {
				r, err = t.decoded(item.Resource, item.Err)
			}
			if err != nil {
				yield(TypedResource[T]{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}

// TypedListed is a resource of a listing with its decoded payload.
type TypedListed[T any] struct {
	TypedResource[T]
	// Err says why Data is not there, while Meta is: the payload cannot be read,
	// migrated or decoded. It names the resource.
	Err error
}

// List returns a page of what Search yields, see [Reader.List]. A payload that cannot
// be decoded fails alone.
func (t *Typed[T]) List(ctx context.Context, q qb.Query) (Page[TypedListed[T]], error) {
	page, err := t.manager.List(ctx, q)
	if err != nil {
		return Page[TypedListed[T]]{}, err
	}
	typed := Page[TypedListed[T]]{Items: make([]TypedListed[T], len(page.Items)), Next: page.Next}
	for i, item := range page.Items {
		r, err := t.decoded(item.Resource, item.Err)
		if err != nil {
			r = TypedResource[T]{Meta: item.Meta, Info: item.Info}
		}
		typed.Items[i] = TypedListed[T]{TypedResource: r, Err: err}
	}
	return typed, nil
}

// From returns q for what comes behind a cursor, see [Reader.From].
func (t *Typed[T]) From(q qb.Query, cursor string) (qb.Query, error) {
	return t.manager.From(q, cursor)
}

func (t *Typed[T]) decode(stored []byte) (v T, err error) {
	err = t.codec.Decode(stored, reflect.ValueOf(&v).Elem())
	return v, err
}
