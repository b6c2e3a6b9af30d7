package permission

import (
	"context"
	"slices"
)

// Composite asks all checkers: it denies when any of them denies, allows when one
// allows and none denies, and is not applicable otherwise. It asks in order and
// stops at the first that denies or fails.
type Composite []Checker

// Check implements [Checker].
func (cs Composite) Check(ctx context.Context, c *Context) (Result, error) {
	result := NotApplicable
	for _, checker := range cs {
		switch r, err := checker.Check(ctx, c); {
		case err != nil, r == Deny:
			return Deny, err
		case r == Allow:
			result = Allow
		}
	}
	return result, nil
}

// NeedsMeta implements [manager.MetaHandler].
func (cs Composite) NeedsMeta() bool { return slices.ContainsFunc(cs, needsMeta) }

// Observe implements [Observer].
func (cs Composite) Observe(e *Context) {
	for _, checker := range cs {
		observe(checker, e)
	}
}

// Filter implements [Filterer].
func (cs Composite) Filter(ctx context.Context, c *Context) (Filter, error) {
	all := NoOpinion()
	for _, checker := range cs {
		f, err := filterOf(ctx, checker, c)
		if err != nil {
			return Filter{}, err
		}
		if f.kind == nothing {
			continue
		}
		// A row that one denies is denied, whatever the others say.
		all.where = both(all.where, f.where)
		if all.kind == nothing || f.kind == eachRow {
			all.kind = f.kind
		}
	}
	return all, nil
}

// Conditional is the answer of the first checker that is applicable.
type Conditional []Checker

// Check implements [Checker].
func (cs Conditional) Check(ctx context.Context, c *Context) (Result, error) {
	for _, checker := range cs {
		r, err := checker.Check(ctx, c)
		if err != nil || r == Allow || r == Deny {
			return r, err
		}
	}
	return NotApplicable, nil
}

// NeedsMeta implements [manager.MetaHandler].
func (cs Conditional) NeedsMeta() bool { return slices.ContainsFunc(cs, needsMeta) }

// Observe implements [Observer].
func (cs Conditional) Observe(e *Context) { Composite(cs).Observe(e) }

// Filter implements [Filterer].
func (cs Conditional) Filter(ctx context.Context, c *Context) (Filter, error) {
	for _, checker := range cs {
		f, err := filterOf(ctx, checker, c)
		switch {
		case err != nil:
			return Filter{}, err
		case f.kind == eachRow:
			return EachRow(), nil // it need not be applicable to every row
		case f.kind == decided:
			return f, nil
		}
	}
	return NoOpinion(), nil
}

// ActionRule gives a checker for some actions.
type ActionRule struct {
	Actions Action
	Checker Checker
}

// ActionBased is the answer of the first applicable checker of those that are for
// the action in question.
type ActionBased []ActionRule

// of returns the checkers for an action.
func (rules ActionBased) of(a Action) Conditional {
	var cs Conditional
	for _, r := range rules {
		if r.Actions.Has(a) {
			cs = append(cs, r.Checker)
		}
	}
	return cs
}

// Check implements [Checker].
func (rules ActionBased) Check(ctx context.Context, c *Context) (Result, error) {
	return rules.of(c.Action).Check(ctx, c)
}

// NeedsMeta implements [manager.MetaHandler].
func (rules ActionBased) NeedsMeta() bool {
	return slices.ContainsFunc(rules, func(r ActionRule) bool { return needsMeta(r.Checker) })
}

// Observe implements [Observer].
func (rules ActionBased) Observe(e *Context) {
	for _, r := range rules {
		observe(r.Checker, e)
	}
}

// Filter implements [Filterer].
func (rules ActionBased) Filter(ctx context.Context, c *Context) (Filter, error) {
	return rules.of(c.Action).Filter(ctx, c)
}

// ByModel gives each model a checker of its own.
type ByModel struct {
	Models map[string]Checker
	// Else is for the other models; nil is not applicable to them, which denies.
	Else Checker
}

// of returns the checker for a model.
func (b ByModel) of(model string) Checker {
	if c, ok := b.Models[model]; ok {
		return c
	}
	if b.Else != nil {
		return b.Else
	}
	return Composite(nil)
}

// Check implements [Checker].
func (b ByModel) Check(ctx context.Context, c *Context) (Result, error) {
	return b.of(c.Model).Check(ctx, c)
}

// NeedsMeta implements [manager.MetaHandler].
func (b ByModel) NeedsMeta() bool {
	for _, c := range b.Models {
		if needsMeta(c) {
			return true
		}
	}
	return b.Else != nil && needsMeta(b.Else)
}

// Observe implements [Observer].
func (b ByModel) Observe(e *Context) {
	for _, c := range b.Models {
		observe(c, e)
	}
	if b.Else != nil {
		observe(b.Else, e)
	}
}

// Filter implements [Filterer].
func (b ByModel) Filter(ctx context.Context, c *Context) (Filter, error) {
	return filterOf(ctx, b.of(c.Model), c)
}
