package sim

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// told returns the events that were told, by id. Each is told with the same words.
func (w *world) told() map[uuid.UUID]jobs.Event {
	all := make(map[uuid.UUID]jobs.Event)
	for _, body := range w.broker.Bodies(w.queue.EventsName()) {
		var e jobs.Event
		if err := json.Unmarshal(body, &e); err != nil {
			w.violated("%s is no event: %v", body, err)
			continue
		}
		if before, twice := all[e.ID]; twice && (before.Type != e.Type || before.Row != e.Row || before.Jobs != e.Jobs) {
			w.violated("event %s is told as %+v and as %+v", e.ID, before, e)
		}
		all[e.ID] = e
	}
	return all
}

// checkTold checks that the end of a job is told: of a long one, and of a save that is dead,
// by an event of its own, of another save by that of the batch in which it was committed.
func (w *world) checkTold(row storage.Job, told map[uuid.UUID]jobs.Event) {
	want := jobs.EventOf(w.factory.ID(), row).ID
	if row.Kind == string(jobs.KindSave) && row.State != storage.JobDead {
		b, _, ok := manager.BatchOf(row)
		if !ok {
			w.violated("save %s is %s and in no batch", row.Text, row.State)
			return
		}
		for _, e := range told {
			if e.Type == jobs.EventSaved && e.Row == b.First {
				want = e.ID
			}
		}
	}
	if _, is := told[want]; !is {
		w.violated("the end of job %s, which is %s, was not told", row.Text, row.State)
	}
}
