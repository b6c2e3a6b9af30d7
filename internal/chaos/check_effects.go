package chaos

import (
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// effectsAreOnce (I2) looks for the token of every operation.
func (e *evidence) effectsAreOnce() {
	known := map[string]bool{}
	for _, id := range e.order {
		j := e.jobs[id]
		row := e.state.Jobs[id]
		if len(row.Outcomes) != len(j.ops) && (row.State == storage.JobDone || row.State == storage.JobRefused) && len(j.ops) > 0 {
			e.breaks("I2", "job %s has %d operations and %d outcomes", id, len(j.ops), len(row.Outcomes))
			continue
		}
		for i, op := range j.ops {
			if op.Token == "" {
				continue
			}
			known[op.Token] = true
			if row.State == storage.JobDone && row.Outcomes[i].wrote() {
				e.wroteOnce(id, op, row.Outcomes[i])
			} else if found := e.found[op.Token]; len(found) > 0 {
				e.breaks("I2", "the %s of %s in job %s, which is %q, has an effect: %v", op.Op, op.Resource, id, row.State, found)
			}
		}
	}
	for _, a := range e.archives {
		for i := range a.size {
			for k := 1; k <= loadedRevisions; k++ {
				known[loadedToken(a.archive, i, k)] = true
			}
		}
	}
	for _, r := range e.state.Resources {
		for _, v := range r.Revisions {
			if !known[v.Token] {
				e.breaks("I2", "revision %s has the token %q that nobody sent", v.Info.RevisionID, v.Token)
			}
		}
	}
}

// wroteOnce: the token is in the revision that the ledger names, and in no other.
func (e *evidence) wroteOnce(id string, op Op, o Outcome) {
	switch found := e.found[op.Token]; {
	case len(found) == 0:
		e.breaks("I2", "the %s of %s in job %s was done as %s and is nowhere", op.Op, op.Resource, id, o.Revision)
	case len(found) > 1:
		e.breaks("I2", "the %s of %s in job %s took effect %d times: %v", op.Op, op.Resource, id, len(found), found)
	case found[0] != o.Revision:
		e.breaks("I2", "the %s of %s in job %s was done as %s and is %s", op.Op, op.Resource, id, o.Revision, found[0])
	}
}

// loadsAreWhole (I2, A): an archive's resources are all there when its load is done,
// else none; and so they were whenever somebody looked.
func (e *evidence) loadsAreWhole() {
	for name, a := range e.archives {
		tokens := 0
		for i := range a.size {
			for k := 1; k <= loadedRevisions; k++ {
				n := len(e.found[loadedToken(name, i, k)])
				if n > 1 {
					e.breaks("I2", "revision %d of resource %d of archive %s is there %d times", k, i, name, n)
				}
				tokens += n
			}
		}
		all := a.size * loadedRevisions
		if tokens != 0 && tokens != all {
			e.breaks("A", "%d of %d revisions of archive %s are there", tokens, all, name)
		}
		row, there := e.state.Jobs[a.id]
		switch {
		case there && row.State == storage.JobDone && tokens != all:
			e.breaks("I2", "load %s of archive %s is done, and %d of %d revisions are there", a.id, name, tokens, all)
		case there && row.State != storage.JobDone && tokens != 0:
			e.breaks("I2", "load %s of archive %s is %s, and %d revisions are there", a.id, name, row.State, tokens)
		}
	}
	for _, x := range e.events {
		if a := e.archives[x.Archive]; x.Kind == Loaded && a != nil && x.Number != 0 && x.Number != a.size {
			e.breaks("A", "%d of %d resources of archive %s were visible at %s", x.Number, a.size, x.Archive, x.At)
		}
	}
}

// expectationsHold (I3): a conditional write follows the revision that it expected.
func (e *evidence) expectationsHold() {
	parents := map[resource.RevisionID]resource.RevisionID{}
	for _, r := range e.state.Resources {
		for _, v := range r.Revisions {
			parents[v.Info.RevisionID] = v.Info.ParentRevisionID.Or("")
		}
	}
	for _, id := range e.order {
		j, row := e.jobs[id], e.state.Jobs[id]
		for i, op := range j.ops {
			if op.Expected == "" || i >= len(row.Outcomes) || !row.Outcomes[i].wrote() {
				continue
			}
			// Earlier operations of the same job may have come between.
			between := slices.ContainsFunc(j.ops[:i], func(o Op) bool { return o.Resource == op.Resource })
			if parent := parents[row.Outcomes[i].Revision]; parent != op.Expected && !between {
				e.breaks("I3", "job %s expected %s, and its %s follows %s", id, op.Expected, row.Outcomes[i].Revision, parent)
			}
		}
	}
}
