package peertest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/goldenqueries"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// queriesOfASet is how many queries are asked of one data set.
const queriesOfASet = 25

// TestDrawnQueriesAnswerAsTheOriginals compares answers to random queries, each asked of one of 40
// random data sets, with the original's memory store; 40 times as many in the long tests.
// SPECSTAR_TEST_SEED repeats a run.
func TestDrawnQueriesAnswerAsTheOriginals(t *testing.T) {
	p := pypeer.Start(t)
	seed := rand.Uint64()
	if s := os.Getenv("SPECSTAR_TEST_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	sum := answersOf{ruled: map[string]int{}}
	for set := range seeds(40) {
		t.Run(fmt.Sprintf("set %d of SPECSTAR_TEST_SEED=%d", set, seed), func(t *testing.T) {
			d := newWireDrawing(rand.New(rand.NewPCG(seed, uint64(set))), set)
			queries := make([]json.RawMessage, queriesOfASet)
			for i := range queries {
				queries[i] = d.query(t)
			}
			enc := []resource.Encoding{resource.Msgpack, resource.JSON}[set%2]
			n := compareAnswers(t, p, enc, d.metas, queries)
			if t.Failed() {
				for _, m := range d.metas {
					t.Logf("%s", m.Append(resource.JSON, nil))
				}
			}
			sum.same, sum.found = sum.same+n.same, sum.found+n.found
			for rule, k := range n.ruled {
				sum.ruled[rule] += k
			}
		})
	}
	t.Logf("%+v", sum)
	if sum.same < 500 || sum.found < sum.same {
		t.Errorf("too little was compared: %+v", sum)
	}
	if sum.ruled[goldenqueries.Pattern] > 0 {
		t.Error("a pattern is none of package regexp")
	}
}

// wireDrawing is a random data set and the source of queries in JSON about it.
type wireDrawing struct {
	*rand.Rand
	texts  []string
	values [][]any // by path
	times  []time.Time
	metas  []resource.Meta
	filled bool // no rev_* is unset
}

// Paths of the indexed data; the types of the values at the first ones are not mixed.
var wirePaths = []string{"n", "s", "b", "l", "mixed.any", `q"'`}

func newWireDrawing(src *rand.Rand, set int) *wireDrawing {
	d := &wireDrawing{Rand: src, filled: src.IntN(2) == 0}
	for range 6 {
		d.texts = append(d.texts, d.text())
	}
	for range 4 {
		at := time.Date(2024, 3, 1, 8, src.IntN(3), 0, src.IntN(2)*123456000, time.UTC)
		if set%2 == 0 && src.IntN(3) == 0 { // JSON keeps offsets, which the texts of times show there
			at = at.In(time.FixedZone("", 8*3600))
		}
		d.times = append(d.times, at)
	}
	d.values = make([][]any, len(wirePaths))
	for range 5 {
		for i, v := range []any{d.number(), pickOf(src, d.texts...), src.IntN(2) == 0, d.list(), d.any(2), d.any(1)} {
			if src.IntN(8) == 0 {
				v = nil
			}
			d.values[i] = append(d.values[i], v)
		}
	}
	for i := range 1 + set%20 {
		d.metas = append(d.metas, d.meta(i))
	}
	return d
}

func (d *wireDrawing) meta(i int) resource.Meta {
	id := resource.ID(fmt.Sprintf("%s:%02d", pickOf(d.Rand, "a", "B", "é"), i))
	n := 1 + d.IntN(3)
	m := resource.Meta{
		ResourceID: id, CurrentRevisionID: id.Revision(n), TotalRevisionCount: n, SchemaVersion: setOr(d, pickOf(d.Rand, "1", "2", "10")),
		CreatedTime: pickOf(d.Rand, d.times...), UpdatedTime: pickOf(d.Rand, d.times...), CreatedBy: pickOf(d.Rand, d.texts...),
		UpdatedBy: pickOf(d.Rand, d.texts...), IsDeleted: d.IntN(2) == 0,
		Rev: resource.RevMeta{
			Status: opt.Of(pickOf(d.Rand, resource.Draft, resource.Stable)), CreatedBy: opt.Of(pickOf(d.Rand, d.texts...)),
			UpdatedBy: opt.Of(pickOf(d.Rand, d.texts...)), CreatedTime: opt.Of(pickOf(d.Rand, d.times...)), UpdatedTime: opt.Of(pickOf(d.Rand, d.times...)),
		},
	}
	if !d.filled && d.IntN(3) == 0 {
		m.Rev = resource.RevMeta{}
	}
	values := map[string]any{}
	for i, path := range wirePaths {
		if d.IntN(6) > 0 {
			values[path] = pickOf(d.Rand, d.values[i]...)
		}
	}
	if x, err := resource.NewIndexed(values); err == nil && d.IntN(10) > 0 {
		m.IndexedData = opt.Of(x)
	}
	return m
}

func setOr[V any](d *wireDrawing, v V) opt.Value[V] {
	if d.IntN(4) == 0 {
		return opt.Value[V]{}
	}
	return opt.Of(v)
}

func (d *wireDrawing) text() string {
	text := ""
	for range d.IntN(4) {
		text += pickOf(d.Rand, "a", "A", "b", "li", "1", "7.0", "é", "É", "中", "\U0001F600", "%", "_", `\`, "'", `"`, " ", "\n.", "\t", "\x01", "\u00a0", "\ue000",
			"None", "True", "[", "{'k'", ", ", "-", "e", ";--")
	}
	return text
}

func (d *wireDrawing) number() any {
	return pickOf(d.Rand, []any{
		int64(d.IntN(5)), int64(-3), 0.5, 1.0, 2.0, -0.25, 1e16, 1e-5, 123456789012345680.0, 5e-324, 1.7976931348623157e308, int64(1) << 53, int64(1)<<53 + 1,
		float64(1 << 53), uint64(1<<64 - 1), int64(-1 << 63), 0.1,
	}...)
}

func (d *wireDrawing) list() any {
	list := make([]any, d.IntN(3))
	for i := range list {
		list[i] = pickOf[any](d.Rand, pickOf(d.Rand, d.texts...), "red", d.number(), nil, true, []any{"a"})
	}
	return list
}

func (d *wireDrawing) any(depth int) any {
	switch d.IntN(6) {
	case 0:
		return d.number()
	case 1:
		return d.IntN(2) == 0
	case 2:
		return d.list()
	case 3:
		if depth > 0 { // one key: the text of a dict has them in the order of insertion
			return map[string]any{pickOf(d.Rand, "k", "é'"): d.any(depth - 1)}
		}
	}
	return pickOf(d.Rand, d.texts...)
}
