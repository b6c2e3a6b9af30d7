package permission

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource/payload"
)

// The models whose resources are permission entries, as the original stores them.
const (
	ACLModel  = "ACLPermission"
	RBACModel = "RBACPermission"
)

// The tags by which records of [RBACModel] are told apart.
const (
	entryTag      = "RBACPermissionEntry"
	membershipTag = "RoleMembership"
)

// Entry allows or denies something to somebody: the original's ACLPermission and
// RBACPermissionEntry.
type Entry struct {
	// Subject is a user or, with [RBAC], a group. It is compared as it is: neither
	// "*" nor "user:ann" has a meaning beyond its text.
	Subject string
	// Object is what it is about: the name of a model, "*" for all models, or one
	// resource, as "model/id" or as its id where that begins with the model's name
	// and a colon, as ids do unless they are chosen. Unset is about nothing.
	Object opt.Value[string]
	// Action is what is allowed or denied: everything in it.
	Action Action
	// Order puts entries about the same object in order, unset ones first, then the
	// lower first, then the older.
	Order opt.Value[int64]
	// Effect is [Allow], also when empty, or [Deny]; [NotApplicable] is no effect.
	Effect Result
}

// Membership makes a user or group a member of a group, for [RBAC].
type Membership struct {
	Subject string
	Group   string
	// Order puts the groups of a subject in order: the highest is asked first,
	// unset ones last, equal ones from the oldest to the newest, as the original does.
	Order opt.Value[int64]
}

// record has the fields of the original's records, in their order.
type record struct {
	Type    string  `json:"type,omitempty"`
	Subject string  `json:"subject"`
	Object  *string `json:"object"`
	Action  Action  `json:"action"`
	Order   *int64  `json:"order,omitempty"`
	Effect  Result  `json:"effect"`
}

func (e Entry) record(tag string) []byte {
	r := record{Type: tag, Subject: e.Subject, Action: e.Action, Effect: e.Effect}
	if o, ok := e.Object.Get(); ok {
		r.Object = &o
	}
	if n, ok := e.Order.Get(); ok {
		r.Order = &n
	}
	if r.Effect == "" {
		r.Effect = Allow
	}
	return encode(r)
}

// ACL returns the entry as the data of a resource of [ACLModel].
func (e Entry) ACL() []byte { return e.record("") }

// RBAC returns the entry as the data of a resource of [RBACModel].
func (e Entry) RBAC() []byte { return e.record(entryTag) }

// RBAC returns the membership as the data of a resource of [RBACModel].
func (m Membership) RBAC() []byte {
	r := struct {
		Type    string `json:"type"`
		Subject string `json:"subject"`
		Group   string `json:"group"`
		Order   *int64 `json:"order,omitempty"`
	}{Type: membershipTag, Subject: m.Subject, Group: m.Group}
	if n, ok := m.Order.Get(); ok {
		r.Order = &n
	}
	return encode(r)
}

// encode writes what cannot fail as JSON; the manager makes it canonical.
func encode(v any) []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // texts and integers
	}
	return bytes.TrimSpace(b.Bytes())
}

// fields are all the paths of records.
var fields = []string{"type", "subject", "object", "action", "group", "order", "effect"}

// values are the fields of a stored record.
type values map[string]any

// read reads a stored record, JSON or msgpack.
func read(data []byte) (values, error) {
	v, err := payload.Extract(data, fields)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// text reads a field that must be a text.
func (v values) text(field string) (string, error) {
	s, ok := v[field].(string)
	if !ok {
		return "", fmt.Errorf("%s is %v, not a text", field, v[field])
	}
	return s, nil
}

// integer reads a field that may be missing.
func (v values) integer(field string) (opt.Value[int64], error) {
	switch n := v[field].(type) {
	case nil:
		return opt.Value[int64]{}, nil
	case int64:
		return opt.Of(n), nil
	}
	return opt.Value[int64]{}, fmt.Errorf("%s is %v, not an integer", field, v[field])
}

// action reads the bits. A negative integer has all but some of them, in Python.
func (v values) action() (Action, error) {
	n, err := v.integer("action")
	if err != nil {
		return 0, err
	}
	bits, ok := n.Get()
	if !ok {
		return 0, errors.New("action is missing")
	}
	if bits > int64(manager.ActionFull) || bits < -int64(manager.ActionFull)-1 {
		return 0, fmt.Errorf("action %d has bits that are no action", bits)
	}
	return Action(bits & int64(manager.ActionFull)), nil
}

func (v values) effect() (Result, error) {
	switch e := v["effect"]; e {
	case nil, string(Allow):
		return Allow, nil
	case string(Deny):
		return Deny, nil
	case string(NotApplicable):
		return NotApplicable, nil
	default:
		return "", fmt.Errorf("effect %v is not known; use allow, deny or not_applicable", e)
	}
}

// entry reads an [Entry].
func (v values) entry() (e Entry, err error) {
	if e.Subject, err = v.text("subject"); err != nil {
		return e, err
	}
	if v["object"] != nil {
		o, err := v.text("object")
		if err != nil {
			return e, err
		}
		e.Object = opt.Of(o)
	}
	if e.Action, err = v.action(); err != nil {
		return e, err
	}
	if e.Order, err = v.integer("order"); err != nil {
		return e, err
	}
	e.Effect, err = v.effect()
	return e, err
}

// membership reads a [Membership].
func (v values) membership() (m Membership, err error) {
	if m.Subject, err = v.text("subject"); err != nil {
		return m, err
	}
	if m.Group, err = v.text("group"); err != nil {
		return m, err
	}
	m.Order, err = v.integer("order")
	return m, err
}
