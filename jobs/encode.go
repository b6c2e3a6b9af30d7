package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
)

// wireEnvelope is the JSON form of an [Envelope], fields in the order written.
type wireEnvelope struct {
	Schema int       `json:"schema"`
	ID     string    `json:"id,omitzero"`
	Kind   Kind      `json:"kind"`
	Model  string    `json:"model,omitzero"`
	User   string    `json:"user,omitzero"`
	Time   time.Time `json:"time,omitzero"`
	Lane   Lane      `json:"lane,omitzero"`
	Parent uuid.UUID `json:"parent,omitzero"`
	Rules  string    `json:"rules,omitzero"`
	wireOptions
	Content *wireContent `json:"content,omitzero"`
	Args    any          `json:"args,omitzero"`
}

type wireSave struct {
	Operations []wireOperation `json:"operations"`
	OnError    string          `json:"on_error,omitzero"`
	Order      manager.Order   `json:"order,omitzero"`
}

type wireOperation struct {
	Op         manager.Op      `json:"op"`
	ResourceID string          `json:"resource_id,omitzero"`
	Data       json.RawMessage `json:"data,omitzero"`
	DataBase64 []byte          `json:"data_base64,omitzero"`
	Patch      json.RawMessage `json:"patch,omitzero"`
	// In the binary form, sizes of what stands behind the head instead of in it.
	DataSize    opt.Value[int64] `json:"data_size,omitzero"`
	PayloadSize opt.Value[int64] `json:"payload_size,omitzero"`
	PatchSize   opt.Value[int64] `json:"patch_size,omitzero"`
	Status      string           `json:"status,omitzero"`
	RevisionID  string           `json:"revision_id,omitzero"`
	Expected    string           `json:"expected_revision_id,omitzero"`
	User        string           `json:"user,omitzero"`
	Time        time.Time        `json:"time,omitzero"`
	Order       manager.Order    `json:"order,omitzero"`
}

type wireLoad struct {
	Source      string           `json:"source"`
	Size        opt.Value[int64] `json:"size,omitzero"`
	Modified    time.Time        `json:"modified,omitzero"`
	ETag        string           `json:"etag,omitzero"`
	OnDuplicate string           `json:"on_duplicate,omitzero"`
	Models      []string         `json:"models,omitempty"`
	Allow       []string         `json:"allow,omitempty"`
}

type wireBackfill struct {
	Kind   string   `json:"kind,omitzero"`
	Models []string `json:"models,omitempty"`
}

type wireMigrate struct {
	Models  []string `json:"models"`
	History bool     `json:"history,omitzero"`
}

// Encode returns the message of e in its form. It is decoded again, so that nothing is
// sent that a worker would refuse; the error names the field.
func (e Envelope) Encode() ([]byte, error) { return e.encode(MaxMessageBytes) }

// encode is Encode for a message of at most so many bytes.
func (e Envelope) encode(most int) ([]byte, error) {
	w := wireEnvelope{
		Schema: Schema, ID: e.ID, Kind: e.Kind(), Model: e.Model, User: e.User, Time: e.Time,
		Lane: e.Lane, Parent: e.Parent, wireOptions: e.Options.wire(), Content: contentOf(e.Args),
	}
	if e.RulesOff {
		w.Rules = rulesOff
	}
	var tail [][]byte
	w.Args, tail = wireArgs(e.Args, e.Form)
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(w); err != nil {
		return nil, fmt.Errorf("encode job %s: %w", e.ID, err)
	}
	b := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if e.Form == FormBinary {
		b = frame(b, tail)
	}
	if _, err := decode(b, most); err != nil {
		return nil, fmt.Errorf("encode job %s: %w", e.ID, err)
	}
	return b, nil
}

// wireArgs returns the arguments as they are written, and what the binary form has
// behind its head.
func wireArgs(a Args, f Form) (args any, tail [][]byte) {
	switch a := a.(type) {
	case Load:
		return wireLoad(a), nil
	case Backfill:
		return wireBackfill{Kind: a.What, Models: a.Models}, nil
	case Migrate:
		return wireMigrate(a), nil
	case Save:
		ops := make([]wireOperation, len(a.Operations))
		for i, o := range a.Operations {
			ops[i] = toWire(o)
		}
		if f == FormBinary {
			tail = split(ops, make([][]byte, 0, len(ops)))
		}
		if len(ops) == 1 && a.OnError == "" && a.Order == (manager.Order{}) {
			return ops[0], tail
		}
		return wireSave{Operations: ops, OnError: a.OnError, Order: a.Order}, tail
	}
	return nil, nil
}

func toWire(o manager.Operation) wireOperation {
	return wireOperation{
		Op: o.Op, ResourceID: string(o.ResourceID), Data: o.Data, DataBase64: o.Payload, Patch: o.Patch, RevisionID: string(o.RevisionID),
		Status: string(o.Status.Or("")), Expected: string(o.ExpectedRevisionID), User: o.User, Time: o.Time, Order: o.Order,
	}
}
