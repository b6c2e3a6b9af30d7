package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// eventSchema compiles the schema of events.
func eventSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(jobs.EventSchema())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.json", v); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sent is an event as others get it: it must be as the schema says, and come back as it was.
func sent(t *testing.T, e *jobs.Event) jobs.Event {
	t.Helper()
	if e == nil {
		t.Fatal("there is no event")
	}
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := eventSchema(t).Validate(v); err != nil {
		t.Errorf("%s\n%v", b, err)
	}
	var back jobs.Event
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("%s\ncomes back as\n%s, %v", b, again, err)
	}
	return back
}

func TestABatchOfSavesIsOneEvent(t *testing.T) {
	b := newBench()
	other := save("x", 1)
	other.Body = bytes.Replace(other.Body, []byte(`"m"`), []byte(`"other"`), 1)
	vs := b.Execute(t.Context(), []jobs.Delivery{save("a", 1), other, save("b", 1), save("c", 1)})
	e := sent(t, vs[0].Event)
	if vs[2].Event != vs[0].Event || vs[3].Event != vs[0].Event {
		t.Error("saves that were committed together have events of their own")
	}
	if e.Type != jobs.EventSaved || e.Store != b.factory.ID() || e.Job != "job-a" || e.Jobs != 3 || e.Counts["created"] != 3 {
		t.Errorf("%+v", e)
	}
	if !slices.Equal(e.ModelNames(), []string{"m"}) || fmt.Sprint(e.IDs) != "[a b c]" {
		t.Errorf("models %v, resources %v", e.Models, e.IDs)
	}
	if o := sent(t, vs[1].Event); o.ID == e.ID || o.Jobs != 1 || !slices.Equal(o.ModelNames(), []string{"other"}) {
		t.Errorf("the other model's event is %+v", o)
	}
}

// TestABatchIsToldAgainByWhateverOfItComesAgain: a worker dies after the commit of a batch.
// Its messages come again, in pieces, to several workers: each tells the same event.
func TestABatchIsToldAgainByWhateverOfItComesAgain(t *testing.T) {
	for _, n := range []int{1, 2, 7, 150} {
		b := newBench()
		var ds []jobs.Delivery
		for i := range n {
			ds = append(ds, save(fmt.Sprintf("r%03d", i), 1))
		}
		first := b.Execute(t.Context(), ds)[0].Event
		want, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if sent(t, first); (len(first.IDs) > 0) != (n <= 100) || first.Jobs != int64(n) {
			t.Errorf("of %d jobs: %d, and %d resources", n, first.Jobs, len(first.IDs))
		}
		for i := range ds {
			ds[i].Number = 2
		}
		for piece := range slices.Chunk(ds, 3) {
			for _, v := range b.another().Execute(t.Context(), append(piece, save(fmt.Sprint("new", piece[0].MessageID), 1))) {
				if !v.Repeated {
					if v.Event == nil || v.Event.ID == first.ID {
						t.Errorf("a new save has event %v", v.Event)
					}
					continue
				}
				got, err := json.Marshal(v.Event)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("of %d jobs:\n%s\nis told again as\n%s, %v", n, want, got, err)
				}
			}
		}
	}
}

// TestWhatHasEndedIsToldInsteadOfWaiting: a save and a load are to wait whose former
// deliveries were done by a worker that could not tell of it.
func TestWhatHasEndedIsToldInsteadOfWaiting(t *testing.T) {
	for _, d := range []jobs.Delivery{save("a", 1), loadDelivery("l")} {
		b := newBench()
		b.end(nil)
		first := b.Execute(t.Context(), []jobs.Delivery{d})[0]
		d.Number++
		waits := jobs.Verdict{ID: first.ID, Kind: first.Kind, Action: jobs.ActionRetry, After: time.Minute, Code: jobs.CodeOrder, Err: errors.New("later")}
		v := b.another().Park(t.Context(), []jobs.Delivery{d}, []jobs.Verdict{waits})[0]
		if e := sent(t, v.Event); v.Action != jobs.ActionAck || v.State != storage.JobDone || e.ID != first.Event.ID {
			t.Errorf("%s: %+v", d.MessageID, v)
		}
	}
}

func TestSavesThatEndWithoutABatch(t *testing.T) {
	b := newBench()
	b.fault = func([]string) error { return errors.New("no") }
	d := save("a", 1)
	d.Body = []byte(`{"schema":1,"kind":"save","model":"m","attempts":1,"args":{"op":"create","resource_id":"a","data":{}}}`)
	dead := b.Execute(t.Context(), []jobs.Delivery{d})[0]
	e := sent(t, dead.Event)
	if e.Type != "save.dead" || e.Job != "job-a" || e.State != storage.JobDead || e.Code != jobs.CodeFailed || e.Message != "no" {
		t.Errorf("%+v", e)
	}
	d.Number = 2
	if again := b.Execute(t.Context(), []jobs.Delivery{d})[0]; again.Action != jobs.ActionBury || again.Event.ID != e.ID {
		t.Errorf("told again as %+v", again.Event)
	}
	b.retry(t, "job-a")
	d.Number = 3
	if life := b.Execute(t.Context(), []jobs.Delivery{d})[0]; life.State != storage.JobDead || life.Event.ID == e.ID {
		t.Errorf("another death is %s, event %v", life.State, life.Event)
	}
	b.fault = func([]string) error { return &jobs.RefusedError{Code: "no", Err: errors.New("no")} }
	if refused := b.Execute(t.Context(), []jobs.Delivery{save("b", 1)})[0]; refused.State != storage.JobRefused || refused.Event != nil {
		t.Errorf("%+v", refused)
	}
	bad := jobs.Delivery{MessageID: "bad", Number: 1, Body: []byte("{")}
	if v := b.Execute(t.Context(), []jobs.Delivery{bad})[0]; sent(t, v.Event).Type != "other.dead" {
		t.Errorf("%+v", v.Event)
	}
}

// TestTheEndOfALongJobIsOneEvent looks at each way to end, and at the job's message that
// comes again since the worker died, or somebody ended the job by hand.
func TestTheEndOfALongJobIsOneEvent(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		want jobs.EventType
	}{
		{"done", nil, "load.done"},
		{"refused", &jobs.RefusedError{Code: "no", Err: errors.New("no")}, "load.refused"},
	} {
		b := newBench()
		b.end(tc.err)
		v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("l")})[0]
		e := sent(t, v.Event)
		if e.Type != tc.want || e.Row != v.ID || e.Job != "l" || e.Kind != jobs.KindLoad || (e.Code == "") != (tc.err == nil) {
			t.Errorf("%s: %+v", tc.name, e)
		}
		if tc.err == nil && (!maps.Equal(e.Counts, jobs.Counts{"loaded": 3, "skipped": 1}) || e.Models["a"]["loaded"] != 2 || len(e.Models) != 2) {
			t.Errorf("counts %v, models %v", e.Counts, e.Models)
		}
		again := loadDelivery("l")
		again.Number = 2
		got := b.another().Execute(t.Context(), []jobs.Delivery{again})[0]
		if !got.Repeated || got.Event == nil || got.Event.ID != e.ID {
			t.Errorf("%s: told again as %+v", tc.name, got.Event)
		}
	}
	b := newBench()
	row := storage.Job{ID: jobs.ID(b.factory.ID(), "c"), Text: "c", Kind: "load", State: storage.JobQueued}
	if _, err := b.factory.Ledger().Insert(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.factory.Ledger().Cancel(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	if v := b.Execute(t.Context(), []jobs.Delivery{loadDelivery("c")})[0]; sent(t, v.Event).Type != "load.cancelled" {
		t.Errorf("%+v", v.Event)
	}
}

// end has loads end so.
func (b *bench) end(err error) {
	b.loadUnder = func(ctx context.Context, c storage.Claim) error {
		if err != nil {
			return err
		}
		return b.factory.Ledger().Finish(ctx, c, storage.Final{
			State: storage.JobDone, Outcome: []byte(`{"models":{"a":{"loaded":2,"skipped":1,"ids":["x"]},"b":{"loaded":1}}}`),
		})
	}
}

func TestEventsOfManyModelsStayShort(t *testing.T) {
	models := map[string]map[string]int{}
	for i := range 500 {
		models[fmt.Sprintf("m%03d", i)] = map[string]int{"loaded": 1}
	}
	outcome, err := json.Marshal(map[string]any{"models": models})
	if err != nil {
		t.Fatal(err)
	}
	e := jobs.EventOf(uuid.New(), storage.Job{ID: uuid.New(), Kind: "load", State: storage.JobDone, Outcome: outcome})
	if sent(t, e); e.Counts["loaded"] != 500 || len(e.Models) != 200 || e.More != 300 {
		t.Errorf("%d loaded, %d models, %d more", e.Counts["loaded"], len(e.Models), e.More)
	}
}
