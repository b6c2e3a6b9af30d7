package peertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// newPerModel is how many resources each model gets by our manager.
const newPerModel = 20

// TestTheOriginalUsesWhatWasSavedHere saves new resources and new revisions into
// models that came from the original's archive, from JSON in another layout, and
// has the original decode, check and update all of them.
func TestTheOriginalUsesWhatWasSavedHere(t *testing.T) {
	p := pypeer.Start(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			eachSeed(t, p, 8, 150, func(t *testing.T, s source) {
				ours := b.open(t)
				ours.load(t, s.archive, manager.LoadOptions{})
				for _, m := range s.app.Models {
					saveSamples(t, s, ours, m)
				}
				back := s.loadInPython(t, p, ours.dump(t), b.encoding)
				equal(t, "dumped here, loaded by the original", ours.state(t), back.MustState(t))
				for _, m := range s.app.Models {
					use(t, back, m)
				}
			})
		})
	}
}

// saveSamples creates resources of a model, updates each once, and checks that
// the stored payloads are what the original would have stored, byte for byte.
func saveSamples(t *testing.T, s source, ours store, m pypeer.Model) {
	t.Helper()
	samples, err := s.app.Samples(m.Name, 77, 2*newPerModel)
	if err != nil {
		t.Fatal(err)
	}
	ours.putBlobs(t, samples.Blobs)
	mgr, err := ours.catalog.Open(t.Context(), m.Name)
	if err != nil {
		t.Fatal(err)
	}
	var ops []manager.Operation
	want := map[resource.ID][]byte{}
	at := time.Date(2025, 6, 1, 12, 0, 0, 123456000, time.FixedZone("", 8*3600))
	for i, v := range samples.Values {
		id := resource.ID(fmt.Sprintf("%s:ours-%d", m.Name, i/2))
		op := manager.Operation{Op: manager.OpUpsert, ResourceID: id, User: "go", Time: at}
		// JSON models get other text for the same value, msgpack ones the bytes:
		// JSON cannot say everything that a msgpack payload can.
		if m.Encoding == resource.JSON {
			op.Data = relaid(t, v.JSON)
		} else {
			op.Payload = v.Payload
		}
		ops = append(ops, op)
		want[id] = v.Payload
	}
	outcomes, err := mgr.SaveMany(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range outcomes {
		if o.Effect == manager.EffectRefused {
			t.Fatalf("%s: %s: %s", ops[i].ResourceID, o.Code, o.Message)
		}
	}
	for id, payload := range want {
		got, err := mgr.Get(t.Context(), id, manager.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Data, payload) {
			t.Errorf("%s: stored %.500q\nthe original stores %.500q", id, got.Data, payload)
		}
	}
}

// putBlobs stores blobs as an upload would, before the values that refer to them.
func (s store) putBlobs(t *testing.T, blobs pypeer.State) {
	t.Helper()
	for k, content := range blobs {
		id, isData := strings.CutSuffix(strings.TrimPrefix(k, "blob\t"), "\tdata")
		if !isData {
			continue
		}
		var o storage.PutOptions
		if contentType := string(blobs["blob\t"+id+"\ttype"]); contentType != "" {
			o.ContentType = opt.Of(contentType)
		}
		info, err := s.blobs.Put(t.Context(), bytes.NewReader(content), o)
		if err != nil {
			t.Fatal(err)
		}
		if info.FileID != id {
			t.Fatalf("blob %s was stored as %s", id, info.FileID)
		}
	}
}

// relaid returns the same JSON value in another layout: indented, with other
// escapes, keys in the same order.
func relaid(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, text, " ", "\t"); err != nil {
		t.Fatal(err)
	}
	return bytes.ReplaceAll(b.Bytes(), []byte("日"), []byte(`\u65E5`))
}

// use has the original decode, check and update every resource of a model. It cannot
// find ours in a model with a schema version, which we do not know.
func use(t *testing.T, back *pypeer.App, m pypeer.Model) {
	t.Helper()
	if m.SchemaVersion != nil {
		return
	}
	checked, err := back.Check(m.Name)
	if err != nil {
		t.Fatal(err)
	}
	updated, err := back.UpdateAll(m.Name, 99)
	if err != nil {
		t.Fatal(err)
	}
	if checked < newPerModel || updated < newPerModel {
		t.Fatalf("%s: the original checked only %d and updated %d", m.Name, checked, updated)
	}
}
