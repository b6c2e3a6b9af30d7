package consumer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestFormsHaveTheSameEffect does one job in JSON in one store and in the binary form
// in another: what they hold then is the same, to the uid.
func TestFormsHaveTheSameEffect(t *testing.T) {
	ops := []manager.Operation{
		{Op: manager.OpCreate, ResourceID: "p1", Data: []byte(`{"name": "é \"1\"", "n": 1.0}`)},
		{Op: manager.OpCreate, ResourceID: "p2", Payload: []byte(`{"raw":true}`), User: "bob"},
		{Op: manager.OpPatch, ResourceID: "p1", Data: []byte(`{"n":2}`)},
		{Op: manager.OpCreate, ResourceID: "p1", Data: []byte(`{}`)},
		{Op: manager.OpDelete, ResourceID: "p2"},
	}
	job := jobs.NewSave("person", "ann", ops...)
	job.Time = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	var held [][]string
	for _, form := range []jobs.Form{jobs.FormJSON, jobs.FormBinary} {
		w := newWorldAlone(t, stores["sqlite"](t))
		w.start()
		job.Form = form
		row := w.wait(storage.JobDone, w.send(job)...)[0]
		m, err := w.catalog.Open(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		is := []string{string(row.Outcome), row.ErrorCode}
		for _, id := range []resource.ID{"p1", "p2"} {
			for r, err := range m.Revisions(t.Context(), id) {
				if err != nil {
					t.Fatal(err)
				}
				is = append(is, fmt.Sprintf("%+v", r))
			}
		}
		held = append(held, is)
	}
	if diff := cmp.Diff(held[0], held[1]); diff != "" || len(held[0]) != 5 {
		t.Fatalf("JSON and binary differ:\n%s\n%s", diff, held[0])
	}
}

// TestWrongContentTypeIsDead: a message that is not what its header says is given up,
// and its letter can be sent again as it was.
func TestWrongContentTypeIsDead(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	w.start()
	job := w.create("p1")
	job.Form = jobs.FormBinary
	body, err := job.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, contentType := range []string{string(jobs.FormJSON), string(jobs.FormBinary)} {
		m := nats.NewMsg(jobs.Subject("test", jobs.LaneNormal, jobs.KindSave))
		m.Data = body
		m.Header.Set("Content-Type", contentType)
		m.Header.Set("Nats-Msg-Id", "as "+contentType)
		if _, err := w.js(w.nc).PublishMsg(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(state storage.JobState, text jobs.Form) storage.Job {
		id := "as " + string(text)
		return w.wait(state, jobs.Receipt{ID: jobs.ID(w.factory.ID(), id), Text: id})[0]
	}
	wait(storage.JobDone, jobs.FormBinary)
	if row := wait(storage.JobDead, jobs.FormJSON); row.ErrorCode != jobs.CodeEnvelope {
		t.Fatalf("row %+v", row)
	}
	w.until("its letter is there", w.compared)
	letters := w.letters()
	if len(letters) != 1 || letters[0].Header.Get("Content-Type") != string(jobs.FormJSON) || string(letters[0].Data) != string(body) {
		t.Fatalf("letters %+v", letters)
	}
}
