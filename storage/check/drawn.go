package check

import (
	"fmt"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Source draws what generated checks are made of; *rand.Rand is one.
type Source interface {
	// IntN returns a number from 0 to n-1.
	IntN(n int) int
}

func flip(src Source) bool { return src.IntN(2) == 1 }

func pick[V any](src Source, pool []V) V { return pool[src.IntN(len(pool))] }

func maybe[V any](src Source, pool []V) opt.Value[V] {
	if src.IntN(4) == 0 {
		return opt.Value[V]{}
	}
	return opt.Of(pick(src, pool))
}

// generated returns n values.
func generated[V any](n int, gen func() V) []V {
	all := make([]V, n)
	for i := range all {
		all[i] = gen()
	}
	return all
}

// drawing is a data set and the source of queries about it. Its pools are small, so that
// conditions hit and sorts tie.
type drawing struct {
	src    Source
	paths  []string
	texts  []string
	values []any
	times  []time.Time
	metas  []resource.Meta
}

// newDrawing draws a data set of n metas.
func newDrawing(src Source, n int) *drawing {
	d := &drawing{src: src}
	d.paths = generated(1+src.IntN(4), d.newPath)
	d.texts = generated(3+src.IntN(4), d.newText)
	d.times = generated(2+src.IntN(4), d.newTime)
	d.values = generated(4+src.IntN(8), func() any { return d.newValue(2) })
	if flip(src) { // few types, as data usually has
		d.values = append(generated(2+src.IntN(4), d.newNumber), d.values[:2]...)
	}
	d.metas = make([]resource.Meta, n)
	for i := range d.metas {
		d.metas[i] = d.meta(i)
	}
	return d
}

// meta draws the i-th meta.
func (d *drawing) meta(i int) resource.Meta {
	src := d.src
	id := resource.ID(fmt.Sprintf("%s:%d", pick(src, []string{"a", "A", "b", "é", "it's", `q"\`, "%_", "'; DROP TABLE x; --"}), i))
	n := 1 + src.IntN(12)
	return resource.Meta{
		CurrentRevisionID: id.Revision(n), ResourceID: id, SchemaVersion: maybe(src, d.texts), TotalRevisionCount: n,
		CreatedTime: pick(src, d.times), UpdatedTime: pick(src, d.times),
		CreatedBy: pick(src, d.texts), UpdatedBy: pick(src, d.texts),
		IsDeleted: flip(src), IndexedData: d.indexed(),
		Rev: resource.RevMeta{
			Status:    maybe(src, []resource.Status{resource.Draft, resource.Stable}),
			CreatedBy: maybe(src, d.texts), UpdatedBy: maybe(src, d.texts),
			CreatedTime: maybe(src, d.times), UpdatedTime: maybe(src, d.times),
		},
	}
}

func (d *drawing) indexed() opt.Value[resource.Indexed] {
	values := map[string]any{}
	for _, path := range d.paths {
		if d.src.IntN(8) > 0 {
			values[path] = pick(d.src, d.values)
		}
	}
	x, err := resource.NewIndexed(values)
	if err != nil || d.src.IntN(12) == 0 {
		return opt.Value[resource.Indexed]{}
	}
	return opt.Of(x)
}

// newPath draws a path: names that databases give a meaning to among others.
func (d *drawing) newPath() string {
	return pick(d.src, []string{
		"name", "age", "tags", "address.city", "a", "a.b", "a.b.c", "", " ", ".", `q"x`, `"`, "it's", "''", `b\s`, `\`, "ünï", "中文", "\U0001F600",
		"a-b", "--", "'; DROP TABLE person_meta; --", `x' OR '1'='1`, "$", "$.a", "[0]", "a[0]", "#-1", "*", "?", "$1", "%", "_", "0", "-1", "null",
		"resource_id", "created_by", "is_deleted", "indexed_data", "\x01", "\n", `a"b'c\d.e`, `\u0041`, "/a", "~1", "{a}", "{}", `{"a"}`,
	})
}

// newTime draws a time of the years that every database has.
func (d *drawing) newTime() time.Time {
	at := pick(d.src, []time.Time{noon, noon.AddDate(1, 0, 0), noon.AddDate(-60, 0, 0), time.Unix(0, 0).UTC(), time.Date(9998, 12, 31, 23, 59, 59, 999999000, time.UTC)})
	at = at.Add(time.Duration(d.src.IntN(4)) * pick(d.src, []time.Duration{time.Microsecond, time.Hour, -time.Second}))
	switch d.src.IntN(4) {
	case 0:
		return at.In(time.FixedZone("", 8*3600))
	case 1:
		return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), resource.Naive)
	}
	return at
}

// path draws a path to ask for: rarely one that the data set does not have.
func (d *drawing) path() string {
	if d.src.IntN(10) == 0 {
		return d.newPath()
	}
	return pick(d.src, d.paths)
}
