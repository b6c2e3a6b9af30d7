package sqlite

import (
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/uniquepath"
)

// heldValues are the live resources by the key of their value at a path.
type heldValues map[string][]resource.ID

// Holders returns the live resources with a value at a unique path. The files of the
// original have no index for it: the first question about a path reads all metas of
// the model.
func (v *besideView) Holders(model, path string, value any) ([]resource.ID, error) {
	if value == nil {
		return nil, nil
	}
	if err := v.named(model); err != nil {
		return nil, err
	}
	held, ok := v.held[model][path]
	if !ok {
		var err error
		if held, err = v.readHeld(model, path); err != nil {
			return nil, err
		}
	}
	x, err := resource.NewIndexed(map[string]any{path: value})
	if err == nil {
		value, err = uniquepath.Stored(v.b.f.encoding(), path, x)
	}
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", path, err)
	}
	if value == nil || !qb.Equal(value, value) { // JSON has no infinities
		return nil, nil
	}
	return slices.Clone(held[qb.Key(value)]), nil
}

func (v *besideView) readHeld(model, path string) (heldValues, error) {
	infos, err := v.b.f.listModels(v.ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range infos {
		if m.Name == model && !slices.Contains(m.UniquePaths, path) {
			return nil, fmt.Errorf("%s of model %s is not declared unique", path, model)
		}
	}
	metas, err := v.b.modelMetas(v.ctx, model)
	if err != nil {
		return nil, err
	}
	held := heldValues{}
	// The copy flag leaves the wait out for what is undone: that is this unit itself.
	for m, err := range (besideReader{b: v.b, m: metas, model: model, copy: true}).All(v.ctx) {
		if err != nil {
			return nil, err
		}
		x := m.IndexedData.Or(resource.Indexed{})
		if value, ok := x.Lookup(path); ok && !m.IsDeleted {
			key := qb.Key(value)
			held[key] = append(held[key], m.ResourceID)
		}
	}
	if v.held[model] == nil {
		v.held[model] = map[string]heldValues{}
	}
	v.held[model][path] = held
	return held, nil
}
