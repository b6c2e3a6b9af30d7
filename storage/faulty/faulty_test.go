package faulty_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
	"github.com/specstar-worker/worker/storage/memory"
)

var errLost = errors.New("connection lost")

// newStore returns a store under a plan with a model and three jobs.
func newStore(t *testing.T) (storage.Factory, *faulty.Plan) {
	t.Helper()
	plan := new(faulty.Plan)
	f := faulty.New(memory.New(), plan)
	if err := f.SaveModel(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON}); err != nil {
		t.Fatal(err)
	}
	var jobs []storage.Job
	for range 3 {
		jobs = append(jobs, storage.Job{ID: uuid.New(), Kind: "save"})
	}
	if _, err := f.Ledger().Insert(t.Context(), jobs); err != nil {
		t.Fatal(err)
	}
	return f, plan
}

// saveModel saves a model named after n, and reports the error and whether the
// model is there.
func saveModel(t *testing.T, f storage.Factory, n int) (error, bool) {
	t.Helper()
	name := fmt.Sprintf("model%d", n)
	err := f.SaveModel(t.Context(), storage.ModelInfo{Name: name, Encoding: resource.JSON})
	infos, modelsErr := f.Models(t.Context())
	if modelsErr != nil {
		t.Fatal(modelsErr)
	}
	for _, info := range infos {
		if info.Name == name {
			return err, true
		}
	}
	return err, false
}

func TestEffectsOnAWrite(t *testing.T) {
	for name, tc := range map[string]struct {
		do    faulty.Effect
		want  error
		there bool
	}{
		"nothing":          {faulty.Effect{}, nil, true},
		"error before":     {faulty.Fail(errLost), errLost, false},
		"error after":      {faulty.FailAfter(errLost), errLost, true},
		"outage":           {faulty.Outage(), storage.ErrUnavailable, false},
		"delay":            {faulty.Delay(time.Millisecond), nil, true},
		"cancel":           {faulty.Cancel(0), context.Canceled, false},
		"late cancel":      {faulty.Cancel(time.Hour), nil, true},
		"short on no list": {faulty.Short(0, errLost), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, plan := newStore(t)
			plan.Arm(faulty.Fault{On: []string{"Factory.SaveModel"}, Do: tc.do})
			err, there := saveModel(t, f, 1)
			if !errors.Is(err, tc.want) || there != tc.there {
				t.Errorf("the call gave %v, and the model is there: %v; want %v, %v", err, there, tc.want, tc.there)
			}
			if err, there := saveModel(t, f, 2); err != nil || !there {
				t.Errorf("the call after the fault: %v", err)
			}
			if n := plan.Fired(); n != 1 {
				t.Errorf("%d calls were hit", n)
			}
		})
	}
}

func TestWhichCallsAreHit(t *testing.T) {
	for name, tc := range map[string]struct {
		fault faulty.Fault
		want  string // of six calls, x for each that failed
	}{
		"the first":       {faulty.Fault{On: []string{"Factory.SaveModel"}}, "x....."},
		"the third":       {faulty.Fault{On: []string{"Factory.SaveModel"}, Skip: 2}, "..x..."},
		"a burst":         {faulty.Fault{On: []string{"Factory.SaveModel"}, Skip: 1, Times: 3}, ".xxx.."},
		"from the fourth": {faulty.Fault{On: []string{"Factory.Save*"}, Skip: 3, Times: faulty.Always}, "...xxx"},
		"other methods":   {faulty.Fault{On: []string{"Ledger.*", "Blobs.Put"}, Times: faulty.Always}, "......"},
		"counted together": {
			faulty.Fault{On: []string{"Factory.SaveModel", "Factory.Models"}, Skip: 2}, ".x....",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f, plan := newStore(t)
			tc.fault.Do = faulty.Fail(errLost)
			plan.Arm(tc.fault)
			got := ""
			for i := range 6 {
				mark := "."
				if err, _ := saveModel(t, f, i); errors.Is(err, errLost) {
					mark = "x"
				}
				got += mark
			}
			if got != tc.want {
				t.Errorf("calls hit: %s, want %s", got, tc.want)
			}
			plan.Disarm()
			if err, _ := saveModel(t, f, 9); err != nil {
				t.Errorf("after Disarm: %v", err)
			}
		})
	}
}

func TestTheFirstArmedFaultWins(t *testing.T) {
	f, plan := newStore(t)
	plan.Arm(faulty.Fault{On: []string{"*"}, Do: faulty.FailAfter(errLost)})
	plan.Arm(faulty.Fault{On: []string{"*"}, Times: 2, Do: faulty.Outage()})
	for i, want := range []error{errLost, storage.ErrUnavailable, nil} {
		_, err := f.Models(t.Context())
		if !errors.Is(err, want) {
			t.Errorf("call %d gave %v, want %v", i+1, err, want)
		}
	}
}

func TestSequences(t *testing.T) {
	for name, tc := range map[string]struct {
		do     faulty.Effect
		values int
		want   error
	}{
		"whole":              {faulty.Effect{}, 3, nil},
		"error at once":      {faulty.Fail(errLost), 0, errLost},
		"error at the end":   {faulty.FailAfter(errLost), 3, errLost},
		"short with error":   {faulty.Short(2, errLost), 2, errLost},
		"short without":      {faulty.Short(1, nil), 1, nil},
		"shorter than that":  {faulty.Short(9, errLost), 3, nil},
		"cancelled at once":  {faulty.Cancel(0), 0, context.Canceled},
		"nothing and errors": {faulty.Short(0, errLost), 0, errLost},
	} {
		t.Run(name, func(t *testing.T) {
			f, plan := newStore(t)
			plan.Arm(faulty.Fault{On: []string{"Ledger.List"}, Do: tc.do})
			values, last := 0, error(nil)
			for j, err := range f.Ledger().List(t.Context(), storage.JobFilter{}) {
				if last != nil {
					t.Fatal("a value came after the error")
				}
				if last = err; err == nil {
					values++
				} else if j.ID != uuid.Nil {
					t.Error("the error came with a value")
				}
			}
			if values != tc.values || !errors.Is(last, tc.want) {
				t.Errorf("%d values and %v, want %d and %v", values, last, tc.values, tc.want)
			}
		})
	}
}

func TestBlobs(t *testing.T) {
	f, plan := newStore(t)
	blobs, err := storage.BuildBlobStore(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	plan.Arm(faulty.Fault{On: []string{"Blobs.Put"}, Do: faulty.FailAfter(errLost)})
	if _, err := blobs.Put(t.Context(), strings.NewReader("content"), storage.PutOptions{Key: "k"}); !errors.Is(err, errLost) {
		t.Fatalf("put: %v", err)
	}
	for _, tc := range []struct {
		do        faulty.Effect
		text      string
		open, end error
	}{
		{faulty.Effect{}, "content", nil, nil},
		{faulty.Short(3, errLost), "con", nil, errLost},
		{faulty.Short(3, nil), "con", nil, nil},
		{faulty.FailAfter(errLost), "", errLost, nil},
		{faulty.Outage(), "", storage.ErrUnavailable, nil},
	} {
		plan.Arm(faulty.Fault{On: []string{"Blobs.Open"}, Do: tc.do})
		rc, _, err := blobs.Open(t.Context(), "k")
		if !errors.Is(err, tc.open) {
			t.Fatalf("open gave %v, want %v", err, tc.open)
		}
		if err != nil {
			continue
		}
		text, err := io.ReadAll(rc)
		if string(text) != tc.text || !errors.Is(err, tc.end) {
			t.Errorf("content %q and %v, want %q and %v", text, err, tc.text, tc.end)
		}
		if err := rc.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPanicLeavesTheStoreUsable(t *testing.T) {
	f, plan := newStore(t)
	r := storage.Ref{Model: "person", ID: "p1"}
	plan.Arm(faulty.Fault{On: []string{"View.NextNumber"}, Do: faulty.Panic("odd")})
	update := func() (recovered any) {
		defer func() { recovered = recover() }()
		err := f.Unit().Update(t.Context(), storage.Batch{Refs: []storage.Ref{r}}, func(v storage.View) (storage.Writes, error) {
			v.NextNumber(r)
			return storage.Writes{}, nil
		})
		if err != nil {
			t.Error(err)
		}
		return nil
	}
	if got := update(); got != "odd" {
		t.Fatalf("the unit of work ended with %v", got)
	}
	if got := update(); got != nil {
		t.Fatalf("the next unit of work ended with %v", got)
	}
}

func TestUnknownMethodsCannotBeArmed(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a fault on a method that no store has was armed")
		}
	}()
	new(faulty.Plan).Arm(faulty.Fault{On: []string{"Ledger.Clam"}})
}
