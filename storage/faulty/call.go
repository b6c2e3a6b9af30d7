package faulty

import (
	"context"
	"errors"
	"iter"
)

// ask makes a call with a result under the plan.
func ask[V any](ctx context.Context, p *Plan, method string, do func(context.Context) (V, error)) (V, error) {
	var zero V
	e := p.next(method)
	ctx, stop, err := e.begin(ctx)
	if err != nil {
		return zero, err
	}
	defer stop()
	v, err := do(ctx)
	if e.after != nil && !e.short {
		return zero, errors.Join(e.after, err)
	}
	return v, err
}

// call is ask for a method without a result.
func (p *Plan) call(ctx context.Context, method string, do func(context.Context) error) error {
	_, err := ask(ctx, p, method, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// look is call for a method that takes no context and gives no error: all that
// can happen to it is a delay or a panic.
func look[V any](p *Plan, method string, do func() V) V {
	_, stop, _ := p.next(method).begin(context.Background())
	defer stop()
	return do()
}

// sequence makes a sequence under the plan: each reading of it is one call.
func sequence[V any](ctx context.Context, p *Plan, method string, do func(context.Context) iter.Seq2[V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		e := p.next(method)
		ctx, stop, err := e.begin(ctx)
		if err != nil {
			yield(zero, err)
			return
		}
		defer stop()
		n := 0
		for v, err := range do(ctx) {
			if e.short && n == e.items {
				break
			}
			n++
			if !yield(v, err) || err != nil {
				return
			}
		}
		if e.after != nil && (!e.short || n == e.items) {
			yield(zero, e.after)
		}
	}
}
