package jobs

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
)

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
	wireGoing
}

type wireMigrate struct {
	Models  []string `json:"models"`
	History bool     `json:"history,omitzero"`
	wireGoing
}

type wireGoing struct {
	Rate   int  `json:"rate,omitzero"`
	DryRun bool `json:"dry_run,omitzero"`
}

// Encode returns the message of e in its form. Nothing is sent that a worker would
// refuse: what is not plainly sound is decoded again. The error names the field.
func (e Envelope) Encode() ([]byte, error) { return e.encode(MaxMessageBytes, nil) }

// encode is Encode for a message of at most so many bytes.
func (e Envelope) encode(most int, room []byte) ([]byte, error) {
	b, err := e.message(room)
	if err == nil && (len(b) > most || !e.sound()) {
		_, err = decode(b, most)
	}
	if err != nil {
		return nil, fmt.Errorf("encode job %s: %w", e.ID, err)
	}
	return b, nil
}

// message returns the message of e, whatever is in it, in room when it has enough.
func (e Envelope) message(room []byte) ([]byte, error) {
	save, _ := e.Args.(Save)
	framed := e.Form == FormBinary
	w := writer{b: slices.Grow(room[:0], sizeOf(save.Operations)), framed: framed}
	if framed {
		w.b = append(w.b, frameMagic[0], frameMagic[1], frameMagic[2], frameVersion, 0, 0, 0, 0)
	}
	e.write(&w)
	if framed {
		binary.BigEndian.PutUint32(w.b[frameStart-4:], uint32(len(w.b)-frameStart))
		for _, o := range save.Operations {
			w.b = append(append(append(w.b, o.Data...), o.Payload...), o.Patch...)
		}
	}
	return w.b, w.err
}

// sizeOf returns how long a message with the operations is about.
func sizeOf(ops []manager.Operation) int {
	const head, operation = 256, 160
	size := head
	for i := range ops {
		o := &ops[i]
		size += operation + len(o.ResourceID) + len(o.User) + len(o.Data) + len(o.Payload) + len(o.Patch)
	}
	return size
}

// schema returns the lowest version that has everything of e.
func (e Envelope) schema() int {
	newer := e.Cause != nil
	switch a := e.Args.(type) {
	case Load:
		scheme, _, err := SplitSource(a.Source)
		newer = newer || err == nil && scheme != SourceUpload && scheme != SourceFile
	case Backfill:
		newer = newer || a.Going != Going{}
	case Migrate:
		newer = newer || a.Going != Going{}
	}
	if newer {
		return Schema
	}
	return schemaFirst
}

// write writes e in JSON.
func (e Envelope) write(w *writer) {
	w.open('{')
	w.integer("schema", int64(e.schema()))
	w.text("id", e.ID)
	w.required("kind", string(e.Kind()))
	w.text("model", e.Model)
	w.text("user", e.User)
	w.time("time", e.Time)
	w.text("lane", string(e.Lane))
	w.uuid("parent", e.Parent)
	if e.Cause != nil {
		w.value("cause", e.Cause)
	}
	if e.RulesOff {
		w.text("rules", rulesOff)
	}
	e.Options.write(w)
	switch a := e.Args.(type) {
	case Content:
		w.value("content", a.wire())
	case Load:
		w.value("args", wireLoad(a))
	case Backfill:
		w.value("args", wireBackfill{Kind: a.What, Models: a.Models, wireGoing: wireGoing(a.Going)})
	case Migrate:
		w.value("args", wireMigrate{Models: a.Models, History: a.History, wireGoing: wireGoing(a.Going)})
	case Dump:
		w.value("args", wireDump(a))
	case Verify:
		w.value("args", wireVerify(a))
	case Chunk:
		w.value("args", a.wire())
	case Save:
		w.key("args")
		a.write(w)
	}
	w.close('}')
}

// write writes a save: one operation that says all, or a list.
func (s Save) write(w *writer) {
	if len(s.Operations) == 1 && s.OnError == "" && s.Order == (manager.Order{}) {
		writeOperation(w, &s.Operations[0])
		return
	}
	w.open('{')
	w.key("operations")
	w.open('[')
	for i := range s.Operations {
		w.next()
		writeOperation(w, &s.Operations[i])
	}
	w.close(']')
	w.text("on_error", s.OnError)
	w.order("order", s.Order)
	w.close('}')
}

func writeOperation(w *writer, o *manager.Operation) {
	w.open('{')
	w.required("op", string(o.Op))
	w.text("resource_id", string(o.ResourceID))
	if w.framed {
		w.size("data_size", o.Data)
		w.size("payload_size", o.Payload)
		w.size("patch_size", o.Patch)
	} else {
		w.json("data", o.Data)
		w.base64("data_base64", o.Payload)
		w.json("patch", o.Patch)
	}
	w.text("status", string(o.Status.Or("")))
	w.text("revision_id", string(o.RevisionID))
	w.text("expected_revision_id", string(o.ExpectedRevisionID))
	w.text("user", o.User)
	w.time("time", o.Time)
	w.order("order", o.Order)
	w.close('}')
}
