package storage

import (
	"context"
	"errors"
)

// ErrNotFounded: a model that was to be made is there, or the store cannot make it in
// this way. Nothing took effect: make it by SaveModel and write by Update.
var ErrNotFounded = errors.New("the model cannot be made together with its first resources")

// Founder is an optional interface of a [Factory]: one that can make models in the
// unit of work that writes their first resources, when that is quicker.
type Founder interface {
	// Found makes models and does the unit of work of b, of which New must be true, in
	// one transaction: after an error neither models nor resources are there. b may be
	// about other models, too. ErrNotFounded when any of models is there, or a
	// resource; else as [UnitOfWork.Update].
	Found(ctx context.Context, models []ModelInfo, b Batch, compute func(View) (Writes, error)) error
}

// Found is that of a [Founder]; ErrNotFounded of a factory that is none.
func Found(ctx context.Context, f Factory, models []ModelInfo, b Batch, compute func(View) (Writes, error)) error {
	if founder, ok := f.(Founder); ok {
		return founder.Found(ctx, models, b, compute)
	}
	return ErrNotFounded
}
