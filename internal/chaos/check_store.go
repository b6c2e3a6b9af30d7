package chaos

import (
	"cmp"
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// historiesAreLinear (I3, I4) looks at the revisions of each resource.
func (e *evidence) historiesAreLinear() {
	for i := range e.state.Resources {
		r := &e.state.Resources[i]
		id, last := r.Meta.ResourceID, 0
		for _, v := range r.Revisions {
			n, ok := v.Info.RevisionID.Number()
			if !ok || v.Info.RevisionID != id.Revision(n) || n <= last {
				e.breaks("I3", "%s: revision %s comes after number %d", id, v.Info.RevisionID, last)
			}
			if e.state.Exact && n != last+1 {
				e.breaks("I3", "%s: number %d comes after %d", id, n, last)
			}
			last = n
		}
		e.chainReachesTheRoot(r, last)
	}
}

// chainReachesTheRoot (I4): and nothing is beside it, unless a writer that died left
// it in a medium that does not commit with the meta.
func (e *evidence) chainReachesTheRoot(r *Resource, last int) {
	id, chain := r.Meta.ResourceID, r.chain()
	if len(chain) == 0 {
		e.breaks("I6", "%s: the current revision %s is not there", id, r.Meta.CurrentRevisionID)
		return
	}
	if parent, has := chain[len(chain)-1].Info.ParentRevisionID.Get(); has {
		e.breaks("I4", "%s: the chain of parents ends before %s, which is not there", id, parent)
	}
	if e.state.Exact && len(chain) != len(r.Revisions) {
		e.breaks("I4", "%s: %d of %d revisions are on the way from the current one to the first: the others are lost", id, len(chain), len(r.Revisions))
	}
	current, _ := r.Meta.CurrentRevisionID.Number()
	if count := r.Meta.TotalRevisionCount; count < current || e.state.Exact && count != last {
		e.breaks("I4", "%s: the meta counts %d, its current revision is %d and the last one %d", id, count, current, last)
	}
}

// metasAreRight (I6, I7, I8): what a meta says of its current revision.
func (e *evidence) metasAreRight() {
	for i := range e.state.Resources {
		r := &e.state.Resources[i]
		for _, v := range r.Revisions {
			if !v.Intact {
				e.breaks("I6", "the payload of %s is not what its hash says", v.Info.RevisionID)
			}
		}
		chain := r.chain()
		if len(chain) == 0 {
			continue // told already
		}
		if want := resource.RevMetaOf(chain[0].Info); r.Meta.Rev != want {
			e.breaks("I7", "%s: rev_* are %+v; the current revision has %+v", r.Meta.ResourceID, r.Meta.Rev, want)
		}
		indexed, _ := r.Meta.IndexedData.Get()
		if n, _ := indexed.Lookup("n"); r.Model == savedModel && n != chain[0].N {
			e.breaks("I8", "%s: the indexed value is %v and that of the payload %d", r.Meta.ResourceID, n, chain[0].N)
		}
	}
	for _, what := range e.state.Failed {
		e.breaks("I6", "%s", what)
	}
	for _, p := range e.state.Verified.Problems {
		e.breaks("I6", "worker verify: %s: %s %s: %s", p.Code, p.Model, p.ResourceID, p.Message)
	}
}

// countsAgree (I7, I8).
func (e *evidence) countsAgree() {
	for _, c := range e.state.Models {
		if c.Searched != c.Scanned || c.Counted != c.Scanned {
			e.breaks("I8", "model %s: %d resources by scan, %d by search, %d by count", c.Model, c.Scanned, c.Searched, c.Counted)
		}
		if c.Unfilled > 0 {
			e.breaks("I7", "model %s: %d metas lack rev_* although the load caused a backfill", c.Model, c.Unfilled)
		}
	}
}

// dumpsAgree (I9).
func (e *evidence) dumpsAgree() {
	if e.state.Dump != e.state.Reloaded {
		e.breaks("I9", "the dump is %s, and %s after it was loaded into an empty store", e.state.Dump, e.state.Reloaded)
	}
}

// readsGoForward (I5): a read that began after a write was known to be done shows it
// or a later one, and no client goes back.
func (e *evidence) readsGoForward() {
	known := map[resource.ID][]Event{} // number known to be done, ascending in time
	for _, x := range e.events {
		if x.Kind != Ended {
			continue
		}
		for _, o := range x.Outcomes {
			n, ok := o.Revision.Number()
			if !ok || !o.wrote() {
				continue
			}
			list := known[o.Resource]
			if len(list) == 0 || list[len(list)-1].Number < n {
				known[o.Resource] = append(list, Event{At: x.At, Number: n})
			}
		}
	}
	type view struct {
		client int
		id     resource.ID
	}
	seen := map[view]int{}
	for _, x := range e.events {
		if x.Kind != Read {
			continue
		}
		list := known[x.Resource]
		i, _ := slices.BinarySearchFunc(list, x.Since, func(k Event, since time.Duration) int { return cmp.Compare(k.At, since) })
		if i > 0 && x.Number < list[i-1].Number {
			e.breaks("I5", "client %d read number %d of %s at %s; %d was known to be done since %s", x.Client, x.Number, x.Resource, x.Since, list[i-1].Number, list[i-1].At)
		}
		v := view{x.Client, x.Resource}
		if x.Number < seen[v] {
			e.breaks("I5", "client %d read number %d of %s after %d", x.Client, x.Number, x.Resource, seen[v])
		}
		seen[v] = max(seen[v], x.Number)
	}
}
