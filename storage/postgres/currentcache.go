package postgres

import (
	"maps"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// currentCache reads ahead: who asks for the current revision of one resource of the
// batch will ask for those of the others.
type currentCache struct {
	read  int // how many of the batch's resources have been read ahead: infos
	full  int // and whole revisions
	found map[resource.RevisionKey]resource.RevisionInfo
	whole map[resource.RevisionKey]resource.Revision
}

// Resources whose current revisions are read at once.
const (
	infosAhead    = 1000
	payloadsAhead = 100
)

func (v *view) current(model string) *currentCache {
	c, ok := v.cache[model]
	if !ok {
		c = &currentCache{found: map[resource.RevisionKey]resource.RevisionInfo{}, whole: map[resource.RevisionKey]resource.Revision{}}
		v.cache[model] = c
	}
	return c
}

// ahead returns the keys of current revisions from the given place of the batch on,
// with key first, and the place behind them.
func (v *view) ahead(model string, key resource.RevisionKey, from, most int) ([]resource.RevisionKey, int) {
	keys := []resource.RevisionKey{key}
	m, ok := v.metas[storage.Ref{Model: model, ID: key.Resource}]
	if !ok || currentKey(m) != key {
		return keys, from
	}
	ids := v.ids[model]
	for ; from < len(ids) && len(keys) < most; from++ {
		m, ok := v.metas[storage.Ref{Model: model, ID: ids[from]}]
		if ok && ids[from] != key.Resource {
			keys = append(keys, currentKey(m))
		}
	}
	return keys, from
}

func (c *currentCache) info(v *view, names tables, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if info, ok := c.found[key]; ok {
		return info, nil
	}
	if r, ok := c.whole[key]; ok {
		return r.Info, nil
	}
	keys, next := v.ahead(names.model, key, c.read, infosAhead)
	c.read = next
	infos, err := v.reader.infos(v.ctx, names, keys)
	if err != nil {
		return resource.RevisionInfo{}, err
	}
	maps.Copy(c.found, infos)
	if info, ok := infos[key]; ok {
		return info, nil
	}
	return resource.RevisionInfo{}, noRevision(names, key)
}

func (c *currentCache) data(v *view, names tables, key resource.RevisionKey) ([]byte, error) {
	if r, ok := c.whole[key]; ok {
		return r.Data, nil
	}
	keys, next := v.ahead(names.model, key, c.full, payloadsAhead)
	c.full = next
	revisions, err := v.reader.revisions(v.ctx, names, keys)
	if err != nil {
		return nil, err
	}
	maps.Copy(c.whole, revisions)
	if r, ok := revisions[key]; ok {
		return r.Data, nil
	}
	return nil, noRevision(names, key)
}
