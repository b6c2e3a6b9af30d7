package jobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Places in the texts of a rule.
const (
	placeModel  = "model"
	placeModels = "models"
)

// placeIn finds places in texts; {{name}} is {name} as it is.
var placeIn = regexp.MustCompile(`\{\{[a-z]+\}\}|\{[a-z]+\}`)

// placeNames are what can stand in braces.
var placeNames = []string{placeModel, placeModels, "job", "event", "type", "kind", "state", "user"}

// perModel reports whether there is a job for each model of an event.
func (r *Rule) perModel() bool { return uses(string(r.Job), placeModel) || uses(r.Key, placeModel) }

// uses reports whether a text has a place.
func uses(text, name string) bool {
	return slices.Contains(placeIn.FindAllString(text, -1), "{"+name+"}")
}

// inserts is what stands in the places of a rule.
type inserts struct {
	event  *Event
	model  string
	models []string
}

func (f inserts) value(name string) string {
	switch name {
	case placeModel:
		return f.model
	case "job":
		return f.event.Job
	case "event":
		return f.event.ID.String()
	case "type":
		return string(f.event.Type)
	case "kind":
		return string(f.event.Kind)
	case "state":
		return string(f.event.State)
	case "user":
		return f.event.User
	}
	return ""
}

// text returns a text with its places filled.
func (f inserts) text(s string) string {
	return placeIn.ReplaceAllStringFunc(s, func(place string) string {
		if inner, is := strings.CutPrefix(place, "{{"); is {
			return "{" + strings.TrimSuffix(inner, "}")
		}
		return f.value(strings.Trim(place, "{}"))
	})
}

// fill returns a JSON value with the places of its texts filled.
func (f inserts) fill(v any) any {
	switch v := v.(type) {
	case string:
		return f.text(v)
	case []any:
		return f.list(v)
	case map[string]any:
		filled := make(map[string]any, len(v))
		for key, value := range v {
			filled[key] = f.fill(value)
		}
		return filled
	}
	return v
}

// list is fill for a list, whose element {models} stands for as many as there are.
func (f inserts) list(all []any) []any {
	filled := make([]any, 0, len(all))
	for _, v := range all {
		if v != "{"+placeModels+"}" {
			filled = append(filled, f.fill(v))
			continue
		}
		for _, name := range f.models {
			filled = append(filled, name)
		}
	}
	return filled
}

// envelope returns the job that the rule submits.
func (r *Rule) envelope(f inserts) (Envelope, error) {
	d := json.NewDecoder(bytes.NewReader(r.Job))
	d.UseNumber()
	var job map[string]any
	if err := d.Decode(&job); err != nil {
		return Envelope{}, fmt.Errorf("the job is not an object in JSON: %w", err)
	}
	job = f.fill(job).(map[string]any)
	job["schema"] = Schema
	message, err := json.Marshal(job)
	if err != nil {
		return Envelope{}, err
	}
	return Decode(message)
}

// checkPlaces reports a place in a text that nothing can stand in.
func checkPlaces(field, text string) error {
	for _, place := range placeIn.FindAllString(text, -1) {
		if name := strings.Trim(place, "{}"); !strings.HasPrefix(place, "{{") && !slices.Contains(placeNames, name) {
			return &RuleError{field, fmt.Errorf("%s is not known; use {%s}", place, strings.Join(placeNames, "}, {"))}
		}
	}
	return nil
}

// ownFields are fields of a message that a rule has no say in.
var ownFields = []string{"schema", "id", "time", "parent", "cause", "content", "not_before", "expires"}

// checkTemplate reports what is wrong with the job and the key.
func (r *Rule) checkTemplate() error {
	var fields map[string]json.RawMessage
	if len(r.Job) == 0 || json.Unmarshal(r.Job, &fields) != nil || fields == nil {
		return &RuleError{"job", errors.New("is missing: the message of a job, with kind and args")}
	}
	for _, name := range ownFields {
		if _, given := fields[name]; given {
			return &RuleError{"job." + name, errors.New("is the worker's to set")}
		}
	}
	if _, given := fields["unique"]; given && r.Debounce > 0 {
		return &RuleError{"job.unique", errors.New("and debounce exclude each other: a rule with debounce has its own key")}
	}
	if err := checkPlaces("job", string(r.Job)); err != nil {
		return err
	}
	if err := checkPlaces("key", r.Key); err != nil {
		return err
	}
	if len(r.Key) > maxUniqueBytes/2 {
		return &RuleError{"key", fmt.Errorf("is longer than %d bytes", maxUniqueBytes/2)}
	}
	sample := inserts{event: &Event{ID: uuid.Max, Type: EventSaved, EventData: EventData{Job: "job", User: "user", Kind: KindSave, State: "done"}}, model: "model", models: []string{"model"}}
	_, err := r.envelope(sample)
	if wrong, is := errors.AsType[*EnvelopeError](err); is {
		return &RuleError{strings.TrimSuffix("job."+wrong.Field, "."), wrong.Err}
	}
	if err != nil {
		return &RuleError{"job", err}
	}
	return nil
}
