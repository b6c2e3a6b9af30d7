package manager

import (
	"errors"
	"slices"

	"github.com/specstar-worker/worker/resource"
)

// errUndone has jobs tried apart: handlers were asked about one of them as if an
// earlier one had had its effect.
var errUndone = errors.New("a job that is refused as a whole precedes another one of its resources")

// record begins to note what the next changes alter, for undo.
func (e *editor) record() { e.before = make(map[resource.ID]*cell) }

// keep ends the record.
func (e *editor) keep() { e.before = nil }

// note notes a resource as it is before the first recorded change of it, nil when
// it was not met yet.
func (e *editor) note(id resource.ID, cl *cell) {
	if e.before == nil {
		return
	}
	if _, noted := e.before[id]; noted {
		return
	}
	if cl != nil {
		was := *cl
		was.revisions, was.blobs, was.marks = slices.Clone(cl.revisions), slices.Clone(cl.blobs), slices.Clone(cl.marks)
		cl = &was
	}
	e.before[id] = cl
}

// undo takes all recorded changes back and ends the record.
func (e *editor) undo() {
	for id := range e.before {
		e.release(e.cells[id])
	}
	for id, was := range e.before {
		if was == nil {
			delete(e.cells, id)
			continue
		}
		cl := e.cells[id]
		*cl = *was // the claims of other changes know it by its address
		e.hold(cl)
	}
	e.order = slices.DeleteFunc(e.order, func(id resource.ID) bool { return e.cells[id] == nil })
	e.keep()
}

// applyJob does the changes of one job. One that is whole stops at the first that
// is refused, and takes the others back.
func (e *editor) applyJob(changes []change, whole bool) (outcomes []Outcome, undone bool, err error) {
	outcomes = make([]Outcome, len(changes))
	if whole {
		e.record()
		defer e.keep()
	}
	for n := range changes {
		if outcomes[n], err = e.apply(&changes[n]); err != nil {
			return nil, false, err
		}
		if whole && outcomes[n].Effect == EffectRefused {
			e.undo()
			for other := range changes {
				if other != n {
					outcomes[other] = refusal(&changes[other], CodeNotDone, "another operation of the job was refused")
				}
			}
			return outcomes, true, nil
		}
	}
	return outcomes, false, nil
}

// followed reports whether a later job changes a resource that a job changes.
func followed(job []change, later [][]change) bool {
	for _, changes := range later {
		for i := range changes {
			if slices.ContainsFunc(job, func(c change) bool { return c.op.ResourceID == changes[i].op.ResourceID }) {
				return true
			}
		}
	}
	return false
}
