package model

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource/payload"
)

// Step leads payloads from one schema version to another, by the steps that were
// declared. It is immutable.
type Step struct {
	// From is the version of the payloads it takes; unset: those without one.
	From opt.Value[string]
	// To is the version of those it gives.
	To    string
	parts []part
}

// part is one declared change of a payload.
type part struct {
	patch *payload.PatchDoc
	// probe, when not nil, must be applicable, or else not, for patch to be applied.
	probe  *payload.PatchDoc
	absent bool
	// taken, when not nil, must not be applicable: a rename would lose what is there.
	taken *payload.PatchDoc
	to    string
}

// Apply returns the payload that the step makes of a stored one, in the same
// encoding; what no change touches keeps its bytes. A change that cannot be applied
// gives a [*payload.PatchError].
func (s *Step) Apply(stored []byte) ([]byte, error) {
	for i, p := range s.parts {
		if p.probe != nil {
			there, err := applies(p.probe, stored)
			if err != nil {
				return nil, err
			}
			if there == p.absent {
				continue
			}
		}
		if err := p.checkFree(stored); err != nil {
			return nil, fmt.Errorf("migration to %s, step %d: %w", s.To, i, err)
		}
		next, err := p.patch.Apply(stored)
		if err != nil {
			return nil, fmt.Errorf("migration to %s, step %d: %w", s.To, i, err)
		}
		stored = next
	}
	return stored, nil
}

// checkFree refuses a rename to a field that is there.
func (p *part) checkFree(stored []byte) error {
	if p.taken == nil {
		return nil
	}
	there, err := applies(p.taken, stored)
	if err == nil && there {
		err = fmt.Errorf("rename to %s: there is such a field already; remove it first, if it may be lost", p.to)
	}
	return err
}

// applies reports whether a patch can be applied; the error is for a payload that
// cannot be read.
func applies(p *payload.PatchDoc, stored []byte) (bool, error) {
	_, err := p.Apply(stored)
	if _, not := errors.AsType[*payload.PatchError](err); not {
		return false, nil
	}
	return err == nil, err
}

// Steps returns the declared migrations, in their order.
func (m *Model) Steps() []*Step { return m.steps }

// compileSteps checks and compiles the declared migrations.
func compileSteps(declared []Migration) ([]*Step, error) {
	var steps []*Step
	for i, d := range declared {
		at := fmt.Sprintf("migrations[%d]", i)
		s := &Step{To: d.To}
		if d.From != nil {
			s.From = opt.Of(*d.From)
		}
		if d.To == "" {
			return nil, wrong(at+".to", "is missing: it is the version that the migration leads to")
		}
		if from, ok := s.From.Get(); ok && from == d.To {
			return nil, wrong(at, "leads from version %s to itself", from)
		}
		same := func(o *Step) bool { return o.From == s.From && o.To == s.To }
		if slices.ContainsFunc(steps, same) {
			return nil, wrong(at, "is declared twice")
		}
		for n, raw := range d.Steps {
			p, err := compilePart(raw)
			if err != nil {
				return nil, wrong(fmt.Sprintf("%s.steps[%d]", at, n), "%v", err)
			}
			s.parts = append(s.parts, p)
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// partNames are the changes that a step can be.
var partNames = []string{"rename", "remove", "set", "default", "patch"}

func compilePart(raw json.RawMessage) (part, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || len(members) != 1 {
		return part{}, fmt.Errorf("is not an object with one of %s", strings.Join(partNames, ", "))
	}
	for name, value := range members {
		switch name {
		case "rename":
			return compileRename(value)
		case "remove":
			return compileRemove(value)
		case "set":
			return compileSet(value, false)
		case "default":
			return compileSet(value, true)
		case "patch":
			doc, err := payload.ParsePatch(value)
			return part{patch: doc}, err
		default:
			return part{}, fmt.Errorf("%q is not known; use %s", name, strings.Join(partNames, ", "))
		}
	}
	return part{}, nil
}

// compileRename moves a field; one that is not there stays away. A field that has
// the new name already is not written over.
func compileRename(raw json.RawMessage) (part, error) {
	var r struct{ From, To string }
	if err := strict(raw, &r); err != nil {
		return part{}, err
	}
	if r.From == "" || r.To == "" {
		return part{}, errors.New("rename needs from and to")
	}
	p, err := compiled(presence(r.From), false, patchOperation{Op: "move", From: pointerOf(r.From), Path: pointerOf(r.To)})
	if err == nil {
		p.to = r.To
		p.taken, err = patchOf(presence(r.To)...)
	}
	return p, err
}

// compileRemove removes a field; one that is not there is no error.
func compileRemove(raw json.RawMessage) (part, error) {
	var path string
	if err := json.Unmarshal(raw, &path); err != nil || path == "" {
		return part{}, errors.New("remove needs the path of a field")
	}
	return compiled(presence(path), false, patchOperation{Op: "remove", Path: pointerOf(path)})
}

// compileSet sets a field, or with ifAbsent gives it a value where it is not there.
func compileSet(raw json.RawMessage, ifAbsent bool) (part, error) {
	var s struct {
		Path  string
		Value json.RawMessage
	}
	if err := strict(raw, &s); err != nil {
		return part{}, err
	}
	if s.Path == "" || s.Value == nil {
		return part{}, errors.New("set and default need path and value")
	}
	o := patchOperation{Op: "add", Path: pointerOf(s.Path), Value: s.Value}
	if ifAbsent {
		return compiled(presence(s.Path), true, o)
	}
	return compiled(nil, false, o)
}

type patchOperation struct {
	Op    string          `json:"op"`
	From  string          `json:"from,omitempty"`
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value,omitempty"`
}

// presence is a patch that can be applied when a field is there, and changes nothing.
func presence(path string) []patchOperation {
	return []patchOperation{{Op: "copy", From: pointerOf(path), Path: pointerOf(path)}}
}

func compiled(probe []patchOperation, absent bool, o patchOperation) (part, error) {
	p := part{absent: absent}
	var err error
	if p.patch, err = patchOf(o); err == nil && probe != nil {
		p.probe, err = patchOf(probe...)
	}
	return p, err
}

func patchOf(ops ...patchOperation) (*payload.PatchDoc, error) {
	text, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	return payload.ParsePatch(text)
}

// pointerOf returns the JSON pointer of a path: one is taken as it is, a dotted
// path as the fields it names.
func pointerOf(path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	escape := strings.NewReplacer("~", "~0", "/", "~1", ".", "/")
	return "/" + escape.Replace(path)
}

// strict decodes an object without members that are not known.
func strict(raw json.RawMessage, v any) error {
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
