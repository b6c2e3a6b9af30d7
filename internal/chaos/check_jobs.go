package chaos

import (
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// jobsEnd (I1): what was accepted has a final row. What only the queue had is lost
// with its disk, as is said in the manual.
func (e *evidence) jobsEnd() {
	for _, id := range e.order {
		j := e.jobs[id]
		row, there := e.state.Jobs[id]
		switch {
		case !there && j.accepted && !e.forgotten(j):
			e.breaks("I1", "%s %s was accepted and is lost", j.what, id)
		case !there && j.ended != nil:
			e.breaks("I1", "job %s had ended as %s and its row is gone", id, j.ended.State)
		}
		if there && row.State.Final() && j.ended != nil && j.ended.State != row.State {
			e.breaks("I1", "job %s had ended as %s and is %s now", id, j.ended.State, row.State)
		}
	}
	for _, id := range e.state.rows() {
		row := e.state.Jobs[id]
		if !row.State.Final() {
			e.breaks("I1", "%s %s is still %s after everything was put right", row.Kind, id, row.State)
		}
		if j := e.jobs[id]; row.State == storage.JobDead && (j == nil || j.fate == "") {
			e.breaks("I1", "%s %s is dead after %d attempts: %s: %s", row.Kind, id, row.Attempt, row.ErrorCode, row.Error)
		}
	}
	if e.state.Messages > 0 {
		e.breaks("I1", "the queue still holds %d messages when every job has ended", e.state.Messages)
	}
}

// endsStay (I1): nobody writes to a row that is final.
func (e *evidence) endsStay() {
	for _, id := range e.order {
		j := e.jobs[id]
		row, there := e.state.Jobs[id]
		if there && j.ended != nil && !j.ended.Finished.Equal(row.Finished) {
			e.breaks("I1", "job %s ended at %s, and again at %s", id, j.ended.Finished, row.Finished)
		}
	}
}

// triesWereDelivered (I13): an attempt begins with a delivery. A queue that was lost has
// taken its count with it.
func (e *evidence) triesWereDelivered() {
	if e.state.Deliveries < 0 || len(e.forgot) > 0 {
		return
	}
	tries := int64(0)
	for _, id := range e.state.rows() {
		if row := e.state.Jobs[id]; row.Attempt > 1 {
			tries += int64(row.Attempt - 1)
		}
	}
	if again := e.state.Deliveries - e.state.Delivered; tries > again {
		e.breaks("I13", "%d attempts after the first, and only %d messages were delivered again", tries, again)
	}
}

// lettersAreRows (I10): each dead job has one letter, that of its last death, and there
// are no others.
func (e *evidence) lettersAreRows() {
	letters := map[string][]Letter{}
	for _, l := range e.state.Letters {
		letters[l.Job] = append(letters[l.Job], l)
	}
	for _, id := range e.state.rows() {
		row, mine := e.state.Jobs[id], letters[id]
		delete(letters, id)
		switch dead := row.State == storage.JobDead; {
		case dead && len(mine) != 1, !dead && len(mine) > 0:
			e.breaks("I10", "job %s is %s and has %d dead letters", id, row.State, len(mine))
		case dead && !mine[0].Died.Equal(row.Finished):
			e.breaks("I10", "job %s died at %s, and its letter is of %s", id, row.Finished, mine[0].Died)
		}
	}
	for id := range letters {
		e.breaks("I10", "there is a dead letter of a job %s that is not in the ledger", id)
	}
}

// fatesAreMet (I10): what cannot be done ended as such, with one letter when it is dead.
// That other rows have none and that there are no others lettersAreRows tells.
func (e *evidence) fatesAreMet() {
	letters := map[string]int{}
	for _, l := range e.state.Letters {
		letters[l.Job]++
	}
	for _, id := range e.order {
		j := e.jobs[id]
		row, there := e.state.Jobs[id]
		if j.fate == "" || !there {
			continue
		}
		f := fateNamed(j.fate)
		want := 0
		if f.state == storage.JobDead {
			want = 1
		}
		if row.State != f.state || len(f.codes) > 0 && !slices.Contains(f.codes, row.ErrorCode) || letters[id] != want {
			e.breaks("I10", "job %s, %s, is %s (%s) with %d letters", id, j.fate, row.State, row.ErrorCode, letters[id])
		}
	}
}
