package jobs_test

import (
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// In the binary form nobody reads payloads on the way.
func TestPayloadThatIsNoJSONIsRefusedWithItsOperation(t *testing.T) {
	b := newBench()
	e := jobs.NewSave("m", "tester",
		manager.Operation{Op: manager.OpCreate, ResourceID: "a", Data: []byte(`{"n":1}`)},
		manager.Operation{Op: manager.OpCreate, ResourceID: "b", Data: []byte(`{"n":`)},
		manager.Operation{Op: manager.OpPatch, ResourceID: "a", Patch: []byte(`{]`)},
		manager.Operation{Op: manager.OpUpdate, ResourceID: "a", Data: []byte(`{"n":2}`)},
	)
	e.Form = jobs.FormBinary
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	vs := b.Execute(t.Context(), []jobs.Delivery{{MessageID: e.ID, Number: 1, Body: body}})
	if v := vs[0]; v.State != storage.JobDone || v.Operations != 4 || v.Refused != 2 || v.Code != string(manager.CodeInvalid) {
		t.Fatalf("%+v", v)
	}
	if row := b.row(t, e.ID); row.State != storage.JobDone {
		t.Fatalf("%+v", row)
	}
}
