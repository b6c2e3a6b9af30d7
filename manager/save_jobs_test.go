package manager_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// saveJob makes a job with a fixed id.
func saveJob(name string, ops ...manager.Operation) manager.SaveJob {
	return manager.SaveJob{
		Row:        storage.Job{ID: uuid.NewSHA1(uuid.Nil, []byte(name)), Kind: "save", Model: "doc", Created: epoch},
		Operations: ops,
	}
}

func TestSaveJobsHaveTheirEffectOnce(t *testing.T) {
	batch := []manager.SaveJob{
		saveJob("one", op(manager.OpCreate, "", `{"n":1}`, "ann", 0), op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0)),
		saveJob("two", op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 1), op(manager.OpUpdate, "doc:none", `{}`, "bob", 1)),
		saveJob("three", op(manager.OpCreate, "doc:a", `{}`, "cyn", 2)),
		saveJob("two", op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 1), op(manager.OpUpdate, "doc:none", `{}`, "bob", 1)),
	}
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		out, err := m.SaveJobs(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if out[0].State != storage.JobDone || out[1].State != storage.JobDone || out[2].State != storage.JobRefused || !out[3].Repeated {
			t.Fatalf("%+v", out)
		}
		if out[1].Outcomes[0].RevisionID != "doc:a:2" || out[1].Outcomes[1].Code != manager.CodeNotFound {
			t.Errorf("%+v", out[1])
		}
		row, err := s.factory.Ledger().Get(t.Context(), batch[1].Row.ID)
		if err != nil || row.State != storage.JobDone || row.ErrorCode != "not_found" || row.Finished.IsZero() {
			t.Errorf("%+v, %v", row, err)
		}
		var stored struct{ Outcomes []manager.Outcome }
		if err := json.Unmarshal(row.Outcome, &stored); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(out[1].Outcomes, stored.Outcomes); diff != "" {
			t.Error(diff)
		}
		before := s.dumpAll(t)
		again, err := m.SaveJobs(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range again {
			if !o.Repeated || o.Outcomes != nil {
				t.Errorf("job %d had a second effect: %+v", i, o)
			}
		}
		if diff := cmp.Diff(before, s.dumpAll(t)); diff != "" {
			t.Error("the repeat changed the store")
		}
	})
}

func TestIdentitiesOfAJobAreDerived(t *testing.T) {
	batch := []manager.SaveJob{saveJob("one",
		op(manager.OpCreate, "", `{"n":1}`, "ann", 0),
		op(manager.OpCreate, "", `{"n":1}`, "ann", 0),
		op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0),
		op(manager.OpUpdate, "doc:a", `{"n":2}`, "ann", 1),
	)}
	eachStore(t, func(t *testing.T, open opener) {
		var dumps [2][]byte
		for i := range dumps {
			s := open(t)
			if _, err := declare(t, s, storage.ModelInfo{Name: "doc"}).SaveJobs(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
			if got := ids(t, s, "doc"); len(got) != 3 {
				t.Fatalf("%v: want three resources", got)
			}
			dumps[i] = s.dumpAll(t)
		}
		if diff := cmp.Diff(dumps[0], dumps[1]); diff != "" {
			t.Error("the same job in two stores did not write the same")
		}
	})
}

func TestAJobThatCannotBeIndexedFailsAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}})
		bad := op(manager.OpCreate, "doc:bad", "", "ann", 0)
		bad.Payload = []byte(`{"n":`)
		out, err := m.SaveJobs(t.Context(), []manager.SaveJob{
			saveJob("bad", bad),
			saveJob("good", op(manager.OpCreate, "doc:good", `{"n":1}`, "ann", 0)),
		})
		if err != nil {
			t.Fatal(err)
		}
		if out[0].State != storage.JobRefused || out[0].Outcomes[0].Code != manager.CodeInvalid || out[1].State != storage.JobDone {
			t.Fatalf("%+v", out)
		}
		if diff := cmp.Diff([]resource.ID{"doc:good"}, ids(t, s, "doc")); diff != "" {
			t.Error(diff)
		}
	})
}
