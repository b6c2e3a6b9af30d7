package manager

import (
	"strconv"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// holds notes the unique values of a resource and reports those that another one,
// seen before, holds too. What is noted is a hash: values may be long.
func (v *verifier) holds(meta *resource.Meta) {
	for i, path := range v.unique {
		value, key := heldBy(*meta, path)
		if key == "" || !qb.Equal(value, value) {
			continue
		}
		if v.holders == nil {
			v.holders = make(map[xxh3.Uint128]resource.ID)
		}
		hash := xxh3.HashString128(strconv.Itoa(i) + ":" + key)
		if first, held := v.holders[hash]; held {
			v.report(CodeNotUnique, meta.ResourceID, "field %s of resource %s: the value %s is held by %s too", path, meta.ResourceID, shown(value), first)
			continue
		}
		v.holders[hash] = meta.ResourceID
	}
}
