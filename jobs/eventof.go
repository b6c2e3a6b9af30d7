package jobs

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// unknownKind stands for the kind of a job whose message could not be read.
const unknownKind Kind = "other"

// EventOf returns the event that tells of the end of a job, from its row alone.
func EventOf(store uuid.UUID, row storage.Job) *Event {
	kind := cmp.Or(Kind(row.Kind), unknownKind)
	e := &Event{Type: EndType(kind, row.State), Store: store, Time: storedTime(row.Finished)}
	e.ID = eventID(row.ID, e.Type, e.Time)
	e.EventData = EventData{
		Kind: kind, State: row.State, Job: textOf(row), Row: row.ID, User: row.User, Lane: Lane(row.Lane), Parent: row.Parent,
		Code: row.ErrorCode, Message: row.ErrorMessage, Cause: CauseOf(row),
	}
	if row.Model != "" {
		e.Models = map[string]Counts{row.Model: {}}
	}
	if row.State == storage.JobDone {
		e.Code, e.Message = "", ""
		e.count(row.Outcome)
	}
	return e
}

// textOf is a job's id as it was submitted.
func textOf(row storage.Job) string { return cmp.Or(row.Text, row.ID.String()) }

// count takes the numbers of an outcome: {"models": {NAME: {WHAT: number}}}.
func (e *Event) count(outcome []byte) {
	var o struct {
		Models map[string]map[string]json.RawMessage `json:"models"`
	}
	if json.Unmarshal(outcome, &o) != nil || len(o.Models) == 0 {
		return
	}
	e.Counts, e.Models = Counts{}, make(map[string]Counts, min(len(o.Models), maxEventModels))
	for _, name := range slices.Sorted(maps.Keys(o.Models)) {
		counts := Counts{}
		for what, text := range o.Models[name] {
			var n int64
			if json.Unmarshal(text, &n) == nil {
				counts[what] = n
				e.Counts[what] += n
			}
		}
		if len(e.Models) == maxEventModels {
			e.More++
			continue
		}
		e.Models[name] = counts
	}
}

// plannedEvent returns the event that tells of the plan of a long job.
func plannedEvent(store uuid.UUID, row storage.Job, p storage.Plan) *Event {
	e := &Event{Type: EventType(row.Kind + ".planned"), Store: store, Time: storedTime(time.Now())}
	e.ID = uuid.NewSHA1(row.ID, append([]byte("event "+string(e.Type)+" "), p.Digest...))
	e.EventData = EventData{
		Kind: Kind(row.Kind), Job: textOf(row), Row: row.ID, User: row.User, Lane: Lane(row.Lane), Parent: row.Parent,
		Counts: Counts{"chunks": int64(p.Chunks), "total": p.Total},
	}
	return e
}

// savedEvent returns the event that tells of a batch of saves of a model.
func savedEvent(store uuid.UUID, model string, b *manager.SaveBatch) *Event {
	at := storedTime(b.Ended)
	e := &Event{ID: eventID(b.First, EventSaved, at), Type: EventSaved, Store: store, Time: at}
	counts := make(Counts, len(b.Effects))
	for effect, n := range b.Effects {
		counts[string(effect)] = n
	}
	e.EventData = EventData{
		Kind: KindSave, State: storage.JobDone, Row: b.First, Jobs: int64(b.Jobs),
		Counts: counts, Models: map[string]Counts{model: counts}, IDs: b.IDs,
	}
	return e
}
