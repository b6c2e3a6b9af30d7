package manager_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// whole makes a job that is all or nothing.
func whole(name string, ops ...manager.Operation) manager.SaveJob {
	j := saveJob(name, ops...)
	j.Whole = true
	return j
}

func TestAJobThatIsWholeIsRefusedAsAWhole(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		jobs := []manager.SaveJob{
			saveJob("before", op(manager.OpCreate, "doc:a", `{"n":1}`, "ann", 0)),
			whole("bad", op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 1), op(manager.OpUpdate, "doc:none", `{}`, "bob", 1), op(manager.OpCreate, "doc:b", `{}`, "bob", 1)),
			whole("good", op(manager.OpUpdate, "doc:a", `{"n":3}`, "cyn", 2), op(manager.OpCreate, "doc:c", `{}`, "cyn", 2)),
		}
		out, err := m.SaveJobs(t.Context(), jobs)
		if err != nil {
			t.Fatal(err)
		}
		var codes []manager.Code
		for _, o := range out[1].Outcomes {
			codes = append(codes, o.Code)
		}
		if fmt.Sprint(codes) != "[not_done not_found not_done]" || out[1].State != storage.JobRefused || out[2].State != storage.JobDone {
			t.Fatalf("%v: %+v", codes, out)
		}
		if out[2].Outcomes[0].RevisionID != "doc:a:2" {
			t.Errorf("%+v", out[2])
		}
		row, err := s.factory.Ledger().Get(t.Context(), jobs[1].Row.ID)
		if err != nil || row.State != storage.JobRefused || row.ErrorCode != "not_found" {
			t.Errorf("%+v, %v", row, err)
		}
	})
}

// drawn makes jobs out of operations of which many are refused, about few resources
// with few unique values.
func drawn(r *rand.Rand) []manager.SaveJob {
	kinds := []manager.Op{
		manager.OpCreate, manager.OpUpsert, manager.OpUpsert, manager.OpUpdate, manager.OpModify,
		manager.OpDelete, manager.OpRestore, manager.OpPurge, manager.OpPatch,
	}
	jobs := make([]manager.SaveJob, 6)
	for i := range jobs {
		ops := make([]manager.Operation, 1+r.IntN(4))
		for n := range ops {
			id := resource.ID(fmt.Sprint("doc:", r.IntN(4)))
			kind, data := kinds[r.IntN(len(kinds))], fmt.Sprintf(`{"login":"l%d","n":%d}`, r.IntN(5), r.IntN(100))
			if kind == manager.OpDelete || kind == manager.OpRestore || kind == manager.OpPurge {
				data = ""
			}
			ops[n] = op(kind, id, data, "ann", i)
		}
		jobs[i] = saveJob(fmt.Sprint("job", i), ops...)
		jobs[i].Whole = r.IntN(2) == 0
	}
	return jobs
}

// TestAJobThatIsRefusedAsAWholeLeavesNoTrace: what a batch makes is what it makes
// without the jobs that were refused.
func TestAJobThatIsRefusedAsAWholeLeavesNoTrace(t *testing.T) {
	undone := 0
	for seed := range uint64(300) {
		jobs := drawn(rand.New(rand.NewPCG(seed, 1)))
		save := func(jobs []manager.SaveJob) ([]manager.SaveJobOutcome, []byte) {
			s := openMemory(t)
			m := declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"login"}, UniquePaths: []string{"login"}})
			out, err := m.SaveJobs(t.Context(), jobs)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return out, s.dumpAll(t)
		}
		out, with := save(jobs)
		var rest []manager.SaveJob
		var effects []string
		for i, o := range out {
			if jobs[i].Whole && o.State == storage.JobRefused {
				undone++
				continue
			}
			rest, effects = append(rest, jobs[i]), append(effects, fmt.Sprint(o.State, o.Outcomes))
		}
		out, without := save(rest)
		for i, o := range out {
			if got := fmt.Sprint(o.State, o.Outcomes); got != effects[i] {
				t.Fatalf("seed %d, job %s: %s with the refused jobs, %s without", seed, rest[i].Row.ID, effects[i], got)
			}
		}
		if !bytes.Equal(with, without) {
			t.Fatalf("seed %d: the refused jobs left something", seed)
		}
	}
	if undone < 100 {
		t.Fatalf("only %d jobs were refused", undone)
	}
}
