package peertest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// TestBackfillsByTurns does random operations on two resources, here or there. After
// each an app of a release before 0.9 may save the meta without rev_*, and one of both
// may fill it: in the end all is as if nobody had ever left anything out.
func TestBackfillsByTurns(t *testing.T) {
	p := pypeer.Start(t)
	filled := map[bool]int64{}
	eachComposition(t, func(t *testing.T, c composition) {
		for _, seed := range seeds(2) {
			s := newShared(t, p, c)
			alone := items{app: p.MustNew(t, pypeer.Config{Models: pypeer.Item})}
			edits := rapid.SliceOfN(rapid.Custom(drawEdit), 30, 30).Example(int(seed + 500 + 100*c.seed))
			choices := rapid.SliceOfN(rapid.SliceOfN(rapid.Bool(), 4, 4), len(edits), len(edits)).Example(int(seed))
			for i, e := range edits {
				if e.Op == "create" && s.holds(t, e.ResourceID) {
					continue // one creates it anew, the other refuses it
				}
				s.turn(t, alone, e, choices[i][0] || e.Op == "purge" && !c.purges())
				if choices[i][1] && s.holds(t, e.ResourceID) {
					mustApply(t, s.app, []pypeer.Edit{{Op: "forget", ResourceID: e.ResourceID, Time: noon}})
				}
				if choices[i][2] {
					filled[choices[i][3]] += s.fill(t, choices[i][3])
				}
			}
			filled[seed%2 == 0] += s.fill(t, seed%2 == 0)
			got := c.same(t, "after all turns", s.app, s.store)
			if d := withoutUIDs(t, alone.app.MustState(t)).Diff(withoutUIDs(t, got)); d != "" {
				t.Errorf("seed %d: not as in a store of its own:\n%s", seed, d)
			}
		}
	})
	if filled[true] < 8 || filled[false] < 8 {
		t.Errorf("too few were filled: %v", filled)
	}
	t.Logf("filled here: %d, by the original: %d", filled[true], filled[false])
}

// turn does an operation, here or in the original, and in an app of its own.
func (s items) turn(t *testing.T, alone items, e pypeer.Edit, here bool) {
	t.Helper()
	var got manager.Code
	if here {
		e, got = s.doAsThere(t, e)
	} else {
		got = s.there(t, []pypeer.Edit{e})[0]
	}
	if want := alone.there(t, []pypeer.Edit{e})[0]; got != want {
		t.Errorf("%+v, here: %v: refused as %q, alone as %q", e, here, got, want)
	}
}

// fill backfills rev_*, here or in the original, and returns how many it filled.
func (s items) fill(t *testing.T, here bool) int64 {
	t.Helper()
	if !here {
		n, err := s.app.Backfill()
		if err != nil {
			t.Fatal(err)
		}
		return n["item"]
	}
	stats, err := s.manager.BackfillRevisionMeta(t.Context(), manager.BackfillOptions{})
	if err != nil || stats.Missing != 0 {
		t.Fatalf("%+v, %v", stats, err)
	}
	return stats.Updated
}

// TestBackfillsAtOnce has both fill what an old app leaves again and again, while each
// works on resources of its own: nothing of that is lost.
func TestBackfillsAtOnce(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		s := newShared(t, p, c)
		const old, each, bulk = 16, 4, 5
		var edits []pypeer.Edit
		edit := func(op, kind string, i, n int) {
			edits = append(edits, pypeer.Edit{Op: op, ResourceID: resource.ID(fmt.Sprintf("item:%s-%d", kind, i)), Data: labelled(kind, n), User: "py", Time: noon})
		}
		for n := range each {
			for i := range old {
				edit([]string{"create", "update"}[min(n, 1)], "old", i, n)
			}
		}
		mustApply(t, s.app, edits)
		edits = nil
		for n := range each {
			for i := range old {
				edit("forget", "old", i, n)
				edit([]string{"create", "update"}[min(n, 1)], "theirs", i, n)
				if i%4 == 3 {
					edits = append(edits, pypeer.Edit{Op: "backfill", Time: noon})
				}
			}
		}
		filled := int64(0)
		rounds := s.during(t, edits, 8, func(round int) {
			for n := range each {
				var ops []manager.Operation
				for i := range bulk {
					ops = append(ops, manager.Operation{
						Op: []manager.Op{manager.OpCreate, manager.OpUpdate}[min(n, 1)], ResourceID: resource.ID(fmt.Sprintf("item:ours-%d-%d", round, i)),
						Data: labelled("ours", n), User: "go", Time: noon,
					})
				}
				filled += s.fill(t, true)
				s.save(t, ops)
			}
		})
		// On a busy machine the app may have filled all of its rows itself.
		edits = nil
		edit("forget", "old", 0, each-1)
		mustApply(t, s.app, edits)
		filled += s.fill(t, true)
		if rounds == 0 || filled == 0 {
			t.Errorf("%d rounds were done meanwhile, %d filled here", rounds, filled)
		}
		s.linear(t, 2*old+rounds*bulk, each)
		for meta, err := range s.manager.Search(t.Context(), qb.Query{}) {
			if err != nil {
				t.Fatal(err)
			}
			if meta.Rev.Status.Or("") != resource.Stable || meta.Rev.CreatedBy.Or("") == "" {
				t.Errorf("%s is not filled: %+v", meta.ResourceID, meta.Rev)
			}
		}
		c.same(t, "afterwards", s.app, s.store)
		t.Logf("%d rounds meanwhile, %d filled here", rounds, filled)
	})
}
