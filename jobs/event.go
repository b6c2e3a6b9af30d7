package jobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// EventType says what happened: two words, as "load.done": a kind of job and the state
// in which one ended, or one of the constants.
type EventType string

// The types of events that are not of a kind and a state.
const (
	EventSaved    EventType = "save.committed" // a unit of work of saves was committed
	EventDeclared EventType = "model.declared" // a model's declaration indexes other paths than before
	EventFound    EventType = "sweep.found"    // a sweep found rows without rev_* fields
)

// EndType is the type of the event that tells of the end of a job.
func EndType(k Kind, s storage.JobState) EventType { return EventType(string(k) + "." + string(s)) }

// Counts are numbers by name, as "loaded" or "created".
type Counts map[string]int64

// maxEventModels is of how many models an event tells one by one; its sums are of all.
const maxEventModels = 200

// Event tells once what happened in a store. Its id follows from what it tells of, so
// that whoever tells it again uses the same one.
type Event struct {
	ID    uuid.UUID
	Type  EventType
	Store uuid.UUID
	Time  time.Time
	EventData
}

// EventData is what an event says.
type EventData struct {
	// Kind and State are those of the job that ended, done for a batch of saves; empty
	// when the event is about no job.
	Kind  Kind             `json:"kind,omitzero"`
	State storage.JobState `json:"state,omitzero"`
	// Job is the job's id as submitted, Row its key in the ledger: of a batch those of
	// its first job. Jobs is how many jobs a batch has.
	Job  string    `json:"job,omitzero"`
	Row  uuid.UUID `json:"job_row,omitzero"`
	Jobs int64     `json:"jobs,omitzero"`
	// User is on whose behalf the job ran, Parent the job that caused it; of a batch, when
	// all its jobs have the same.
	User   string    `json:"user,omitzero"`
	Lane   Lane      `json:"lane,omitzero"`
	Parent uuid.UUID `json:"parent,omitzero"`
	// Code and Message say why a job did not do its work.
	Code    string `json:"code,omitzero"`
	Message string `json:"message,omitzero"`
	// Counts are those of all models together, Models those of each: of saves the
	// operations by their effects, else what the job's outcome counts.
	Counts Counts            `json:"counts,omitempty"`
	Models map[string]Counts `json:"models,omitempty"`
	// More is how many models are left out of Models.
	More int `json:"more_models,omitzero"`
	// IDs are the resources that a batch of saves was about, unless they are many.
	IDs []resource.ID `json:"resource_ids,omitempty"`
	// Paths are the paths that a declaration indexes anew.
	Paths []string `json:"indexed_paths,omitempty"`
	// Cause is why the job was submitted, when a rule did it.
	Cause *Cause `json:"cause,omitempty"`
}

// EventContentType is that of a message with an event: CloudEvents 1.0 in their
// structured JSON form.
const EventContentType = "application/cloudevents+json"

// Subject is where the event is published: specstar.NS.events.KIND.WHAT.
func (t EventType) Subject(namespace string) string {
	return "specstar." + namespace + ".events." + string(t)
}

// typePrefix begins the types of our events among those of other programs.
const typePrefix = "specstar."

// cloudEvent is the structured JSON form.
type cloudEvent struct {
	SpecVersion string          `json:"specversion"`
	ID          uuid.UUID       `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Subject     string          `json:"subject,omitempty"`
	Time        time.Time       `json:"time"`
	ContentType string          `json:"datacontenttype"`
	Data        json.RawMessage `json:"data"`
}

// MarshalJSON returns the event as [EventSchema] describes it.
func (e Event) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(e.EventData)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: e.Store.URN(), Type: typePrefix + string(e.Type),
		Time: e.Time.UTC(), ContentType: string(FormJSON), Data: data,
	}
	if names := e.ModelNames(); len(names) == 1 {
		c.Subject = names[0]
	}
	return json.Marshal(c)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (e *Event) UnmarshalJSON(b []byte) error {
	var c cloudEvent
	if err := json.Unmarshal(b, &c); err != nil {
		return fmt.Errorf("decode event: %w", err)
	}
	name, ours := strings.CutPrefix(c.Type, typePrefix)
	store, err := uuid.Parse(c.Source)
	if c.SpecVersion != "1.0" || !ours || err != nil {
		return errors.New("decode event: it is none of a store's events")
	}
	*e = Event{ID: c.ID, Type: EventType(name), Store: store, Time: c.Time}
	if err := json.Unmarshal(c.Data, &e.EventData); err != nil {
		return fmt.Errorf("decode event %s: %w", c.ID, err)
	}
	return nil
}

// ModelNames returns the models that the event is about, ascending.
func (e *Event) ModelNames() []string { return slices.Sorted(maps.Keys(e.Models)) }

// eventID derives an event's id from the job that it tells of, what it tells, and when
// that was: a job may end several times, when somebody has it tried again.
func eventID(job uuid.UUID, t EventType, at time.Time) uuid.UUID {
	return uuid.NewSHA1(job, []byte("event "+string(t)+" "+strconv.FormatInt(at.UnixMicro(), 36)))
}
