package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// row returns the row of a job, past all faults.
func (w *world) row(id string) (storage.Job, error) {
	return w.factory.Ledger().Get(context.Background(), w.rows[id])
}

// record notes how the jobs have ended that have, and returns one that has not.
func (w *world) record() (missing string) {
	for _, j := range w.Jobs {
		if _, known := w.ended[j.ID]; known {
			continue
		}
		row, err := w.row(j.ID)
		if err != nil || !row.State.Final() {
			missing = fmt.Sprintf("job %s is %q, %v", j.ID, row.State, err)
			continue
		}
		w.ended[j.ID] = row
	}
	return missing
}

// checkEnded checks that jobs which had ended are as they were.
func (w *world) checkEnded() {
	for id, before := range w.ended {
		row, err := w.row(id)
		if err != nil || before.State != row.State || !before.Finished.Equal(row.Finished) || !bytes.Equal(before.Outcome, row.Outcome) {
			w.violated("job %s ended twice: %s at %s, then %s at %s, %v", id, before.State, before.Finished, row.State, row.Finished, err)
		}
	}
}

// check checks how everything is at the end.
func (w *world) check() {
	w.checkEnded()
	tokens, err := w.tokens()
	if err != nil {
		w.violated("read what was written: %v", err)
		return
	}
	letters := w.broker.Subjects(w.queue.DeadName())
	told := w.told()
	for _, j := range w.Jobs {
		row, err := w.row(j.ID)
		if err != nil {
			w.violated("job %s: %v", j.ID, err)
			continue
		}
		w.checkState(j, row)
		w.checkEffect(j, row, tokens)
		w.checkLetter(row, letters)
		w.checkTold(row, told)
	}
	for row, err := range w.factory.Ledger().List(context.Background(), storage.JobFilter{}) {
		if err != nil || !row.State.Final() {
			w.violated("job %s is still %s, %v", row.Text, row.State, err)
		}
	}
}

// checkState checks that a job ended as its form says, and its attempts.
func (w *world) checkState(j Job, row storage.Job) {
	var may []storage.JobState
	switch j.Form {
	case Good:
		may = []storage.JobState{storage.JobDone}
	case Poison:
		may = []storage.JobState{storage.JobDead}
	case Refused:
		may = []storage.JobState{storage.JobRefused}
	default:
		may = []storage.JobState{storage.JobDone}
	}
	if !slices.Contains(may, row.State) {
		w.violated("job %s, which is %s, is %s after %d attempts: %s %s", j.ID, j.Form, row.State, row.Attempt, row.ErrorCode, row.ErrorMessage)
	}
	// Another worker may end it before one that handed it back can take its attempt back.
	most := 1 + j.failures() + w.passedOn[j.ID]
	if w.countsExactly() && j.Form != Poison && row.Attempt > most {
		w.violated("job %s, which is %s, counts %d attempts, at most %d were its own", j.ID, j.Form, row.Attempt, most)
	}
	w.mu.Lock()
	begun := w.bodies[j.ID]
	w.mu.Unlock()
	if w.quiet() && j.Form == Good && begun > 1 {
		w.violated("job %s was begun %d times though workers only ended in good order", j.ID, begun)
	}
}

// failures is how often a job fails by itself.
func (j Job) failures() int {
	if j.Form == Flaky || j.Form == Panics {
		return j.Fails
	}
	return 0
}

// countsExactly reports whether nothing but the jobs themselves may count attempts:
// no worker dies and no message is lost.
func (w *world) countsExactly() bool { return w.quiet() || w.Theme == Outages }

// checkEffect checks that what a job wrote is there once, or not at all.
func (w *world) checkEffect(j Job, row storage.Job, tokens map[string]int) {
	want := 0
	if row.State == storage.JobDone && !overtaken(row) {
		want = 1
	}
	if j.Long && w.Kinds[1] == jobs.KindLoad {
		want *= j.Steps
	}
	if j.Long && w.Kinds[1] == jobs.KindBackfill {
		want = 0
	}
	if got := tokens[j.ID]; got != want && (!j.Long || row.State == storage.JobDone) {
		w.violated("job %s is %s and its effect is there %d times instead of %d", j.ID, row.State, got, want)
	}
}

// overtaken reports whether a save had no effect since a later one was applied before.
func overtaken(row storage.Job) bool {
	var outcome struct {
		Outcomes []struct {
			Effect string `json:"effect"`
		} `json:"outcomes"`
	}
	return json.Unmarshal(row.Outcome, &outcome) == nil && len(outcome.Outcomes) == 1 && outcome.Outcomes[0].Effect == "superseded"
}

// checkLetter checks that a dead job has one letter and no other has any.
func (w *world) checkLetter(row storage.Job, letters []string) {
	n := 0
	for _, subject := range letters {
		if strings.Contains(subject, "."+row.ID.String()+".") {
			n++
		}
	}
	if dead := row.State == storage.JobDead; dead && n != 1 || !dead && n != 0 {
		w.violated("job %s is %s and has %d letters", row.Text, row.State, n)
	}
}

// tokens counts what each job has written: revisions with its id in them, or of the
// resource that is named after it.
func (w *world) tokens() (map[string]int, error) {
	ctx := context.Background()
	stores, err := w.factory.Build(ctx, model)
	if err != nil {
		return nil, err
	}
	n := make(map[string]int)
	for i := range resources {
		for info, err := range stores.Revisions.List(ctx, resource.ID(fmt.Sprintf("r%d", i))) {
			if err != nil {
				return nil, err
			}
			r, err := stores.Revisions.Get(ctx, info.Key())
			if err != nil {
				return nil, err
			}
			var data struct {
				Job string `json:"job"`
			}
			if err := json.Unmarshal(r.Data, &data); err != nil {
				return nil, err
			}
			n[data.Job]++
		}
	}
	for _, j := range w.Jobs {
		for _, err := range stores.Revisions.List(ctx, resource.ID(j.ID)) {
			if err != nil {
				return nil, err
			}
			n[j.ID]++
		}
	}
	return n, nil
}
