package peertest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// TestTurnsOnSharedResources does random operations on two resources in one store,
// each here or in the original, and all of them in a store of the original's own:
// equal refusals on the way, and at the end equal metas, infos and payloads.
func TestTurnsOnSharedResources(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		turns := map[bool]int{}
		for _, seed := range seeds(3) {
			place := c.place(t, "")
			shared := items{store: open(t, place), app: p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place})}
			shared.manager = declareItem(t, shared.store)
			alone := items{app: p.MustNew(t, pypeer.Config{Models: pypeer.Item})}
			c.takeTurns(t, shared, alone, seed+100*c.seed, turns)
			c.same(t, "after all turns", shared.app, shared.store)
			if d := withoutUIDs(t, alone.app.MustState(t)).Diff(withoutUIDs(t, shared.state(t))); d != "" {
				t.Errorf("seed %d: not as in a store of its own:\n%s", seed, d)
			}
			findings, err := shared.catalog.Verify(t.Context())
			if err != nil || !findings.OK {
				t.Errorf("seed %d: %+v, %v", seed, findings, err)
			}
		}
		if turns[true] < 15 || turns[false] < 15 {
			t.Errorf("too few operations had an effect: %v", turns)
		}
	})
}

// takeTurns does the operations and counts those with an effect: true for ours.
func (c composition) takeTurns(t *testing.T, shared, alone items, seed int64, turns map[bool]int) {
	t.Helper()
	edits := rapid.SliceOfN(rapid.Custom(drawEdit), 35, 35).Example(int(seed))
	edits = append(edits, pypeer.Edit{
		Op: "upsert", ResourceID: "item:a", Data: []byte(`{"n":9,"label":"last","weight":1.0,"tags":[],"nested":{}}`), User: "ann", Time: time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC),
	})
	here := rapid.SliceOfN(rapid.Bool(), len(edits), len(edits)).Example(int(seed))
	for i, e := range edits {
		if !c.purges() && e.Op == "purge" {
			here[i] = true
		}
		if e.Op == "create" && shared.holds(t, e.ResourceID) {
			continue // one creates it anew, the other refuses it
		}
		var got manager.Code
		if here[i] {
			e, got = shared.doAsThere(t, e)
		} else {
			got = shared.there(t, []pypeer.Edit{e})[0]
		}
		want := alone.there(t, []pypeer.Edit{e})[0]
		if got != want {
			t.Errorf("seed %d: operation %d of %s, here: %v: refused as %q, alone as %q", seed, i, shown(t, edits), here[i], got, want)
		}
		if got == "" {
			turns[here[i]]++
		}
	}
}

// purges reports whether the original removes the revisions of what it purges: it
// leaves files, and objects of which it removed but some.
func (c composition) purges() bool { return c.kind == "postgres" }

// holds reports whether a resource is there, deleted or not.
func (s items) holds(t *testing.T, id resource.ID) bool {
	t.Helper()
	_, err := s.manager.GetMeta(t.Context(), id)
	if code, refused := manager.CodeOf(err); refused && code == manager.CodeNotFound {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	return true
}
