package manager_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

var (
	queue1 = uuid.MustParse("10000000-0000-4000-8000-000000000001")
	queue2 = uuid.MustParse("20000000-0000-4000-8000-000000000002")
)

// placed makes a job with one save of a value, as a queue delivers it.
func placed(name string, at storage.Origin, o manager.Operation) manager.SaveJob {
	j := saveJob(name, o)
	j.From, j.Row.Created = at, epoch.Add(time.Duration(at.Epoch)*time.Hour+time.Duration(at.Sequence)*time.Second)
	return j
}

// value makes a full-value save.
func value(kind manager.Op, n int) manager.Operation {
	return op(kind, "doc:a", fmt.Sprintf(`{"n":%d}`, n), "ann", 0)
}

// at is the place of the n-th message.
func at(n int) storage.Origin { return storage.Origin{Queue: queue1, Epoch: 1, Sequence: uint64(n)} }

// effectOf does a job and returns the effect of its first operation.
func effectOf(t *testing.T, m *manager.Manager, j manager.SaveJob) manager.Outcome {
	t.Helper()
	out, err := m.SaveJobs(t.Context(), []manager.SaveJob{j})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Outcomes[0]
}

// valuesOf returns the values of all revisions of doc:a, the oldest first.
func valuesOf(t *testing.T, m *manager.Manager) []int {
	t.Helper()
	var values []int
	for info, err := range m.Revisions(t.Context(), "doc:a") {
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Get(t.Context(), "doc:a", manager.GetOptions{Revision: info.RevisionID})
		if err != nil {
			t.Fatal(err)
		}
		var v struct{ N int }
		if err := json.Unmarshal(got.Data, &v); err != nil {
			t.Fatal(err)
		}
		values = append(values, v.N)
	}
	return values
}

// TestAnyDeliveryOrderEndsWithTheNewestValue delivers saves in drawn orders and batches,
// some of them again: each is applied before all newer ones, or superseded.
func TestAnyDeliveryOrderEndsWithTheNewestValue(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		for seed := range uint64(40) {
			t.Run(fmt.Sprint(seed), func(t *testing.T) { anyOrder(t, open(t), rand.New(rand.NewPCG(seed, 28))) })
		}
	})
}

func anyOrder(t *testing.T, s *store, r *rand.Rand) {
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	const n = 12
	byNumber := r.IntN(2) == 0
	var jobs []manager.SaveJob
	for i := 1; i <= n; i++ {
		o, place := value(manager.OpUpsert, i), at(i)
		if byNumber {
			o.Order, place = manager.Numbered(int64(i)-6), at(1+r.IntN(n))
		}
		jobs = append(jobs, placed(fmt.Sprint(i), place, o))
	}
	deliveries := append(r.Perm(n), r.Perm(n)...)
	done, newest := map[int]bool{}, -1
	for len(deliveries) > 0 {
		size := min(1+r.IntN(4), len(deliveries))
		var batch []manager.SaveJob
		for _, i := range deliveries[:size] {
			batch = append(batch, jobs[i])
		}
		out, err := m.SaveJobs(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range deliveries[:size] {
			if out[k].Repeated != done[i] {
				t.Fatalf("job %d: repeated is %v", i, out[k].Repeated)
			}
			if done[i] {
				continue
			}
			done[i] = true
			late := i < newest
			if got := out[k].Outcomes[0]; out[k].State != storage.JobDone || (got.Effect == manager.EffectSuperseded) != late || (got.Code == manager.CodeSuperseded) != late {
				t.Fatalf("job %d after %d: %+v", i, newest, out[k])
			}
			newest = max(newest, i)
		}
		deliveries = deliveries[size:]
	}
	values := valuesOf(t, m)
	for i, v := range values {
		if i > 0 && v <= values[i-1] {
			t.Fatalf("the values came into force as %v", values)
		}
	}
	if values[len(values)-1] != n {
		t.Fatalf("the values are %v, want %d to be the last", values, n)
	}
}

// TestWhatIsOrderedAndWhatIsNot delivers one operation behind a newer save.
func TestWhatIsOrderedAndWhatIsNot(t *testing.T) {
	numbered := func(o manager.Operation, n int64) manager.Operation { o.Order = manager.Numbered(n); return o }
	none := value(manager.OpUpsert, 1)
	none.Order = manager.Unordered
	conditional := value(manager.OpUpdate, 1)
	conditional.ExpectedRevisionID = "doc:a:1"
	toDraft := draft(op(manager.OpModify, "doc:a", "", "ann", 0))
	toDraft.Data = nil
	modified := draft(value(manager.OpModify, 1))
	for name, tc := range map[string]struct {
		newer, late manager.SaveJob
		want        manager.Effect
	}{
		"upsert":                       {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), value(manager.OpUpsert, 1)), manager.EffectSuperseded},
		"update":                       {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), value(manager.OpUpdate, 1)), manager.EffectSuperseded},
		"modify with data":             {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), modified), manager.EffectSuperseded},
		"behind a create":              {placed("newer", at(9), value(manager.OpCreate, 9)), placed("late", at(8), value(manager.OpUpsert, 1)), manager.EffectSuperseded},
		"create has its own condition": {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), value(manager.OpCreate, 1)), manager.EffectRefused},
		"modify of the status":         {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), toDraft), manager.EffectModified},
		"patch":                        {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), value(manager.OpPatch, 1)), manager.EffectUpdated},
		"delete":                       {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), op(manager.OpDelete, "doc:a", "", "ann", 0)), manager.EffectDeleted},
		"with a condition":             {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), conditional), manager.EffectUpdated},
		"order none":                   {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), none), manager.EffectUpdated},
		"behind order none":            {placed("newer", at(9), none), placed("late", at(8), value(manager.OpUpsert, 2)), manager.EffectUpdated},
		"the same place":               {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(9), value(manager.OpUpsert, 1)), manager.EffectUpdated},
		"no place":                     {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", storage.Origin{}, value(manager.OpUpsert, 1)), manager.EffectUpdated},
		"another queue":                {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", storage.Origin{Queue: queue2, Epoch: 1, Sequence: 8}, value(manager.OpUpsert, 1)), manager.EffectUpdated},
		"a stream made anew":           {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", storage.Origin{Queue: queue1, Epoch: 2, Sequence: 1}, value(manager.OpUpsert, 1)), manager.EffectUpdated},
		"the stream before":            {placed("newer", storage.Origin{Queue: queue1, Epoch: 2, Sequence: 1}, value(manager.OpUpsert, 9)), placed("late", at(9), value(manager.OpUpsert, 1)), manager.EffectSuperseded},
		"a number and a place":         {placed("newer", at(9), value(manager.OpUpsert, 9)), placed("late", at(8), numbered(value(manager.OpUpsert, 1), -5)), manager.EffectUpdated},
		"a place and a number":         {placed("newer", at(9), numbered(value(manager.OpUpsert, 9), 100)), placed("late", at(8), value(manager.OpUpsert, 1)), manager.EffectUpdated},
		"a lower number":               {placed("newer", at(8), numbered(value(manager.OpUpsert, 9), -5)), placed("late", at(9), numbered(value(manager.OpUpsert, 1), -6)), manager.EffectSuperseded},
		"the same number":              {placed("newer", at(9), numbered(value(manager.OpUpsert, 9), 5)), placed("late", at(8), numbered(value(manager.OpUpsert, 1), 5)), manager.EffectUpdated},
	} {
		t.Run(name, func(t *testing.T) {
			m := declare(t, openMemory(t), storage.ModelInfo{Name: "doc"})
			if got := effectOf(t, m, tc.newer); got.Effect != manager.EffectCreated {
				t.Fatalf("the newer save: %+v", got)
			}
			if got := effectOf(t, m, tc.late); got.Effect != tc.want {
				t.Errorf("%+v, want %s", got, tc.want)
			}
		})
	}
}

// TestAStreamThatIsTakenForAnotherLosesNothing: a worker that has not noticed that the
// stream was made anew gives its messages too early places, but not too early times.
func TestAStreamThatIsTakenForAnotherLosesNothing(t *testing.T) {
	m := declare(t, openMemory(t), storage.ModelInfo{Name: "doc"})
	effectOf(t, m, placed("newer", at(900), value(manager.OpUpsert, 9)))
	j := placed("later", at(3), value(manager.OpUpsert, 10))
	j.Row.Created = epoch.Add(24 * time.Hour)
	if got := effectOf(t, m, j); got.Effect != manager.EffectUpdated {
		t.Errorf("%+v", got)
	}
	// Of a message that was published again its first place alone tells.
	j = placed("again", at(899), value(manager.OpUpsert, 8))
	j.Again, j.Row.Created = true, epoch.Add(48*time.Hour)
	if got := effectOf(t, m, j); got.Effect != manager.EffectSuperseded {
		t.Errorf("%+v", got)
	}
}

// TestUnchangedValuesAndUndoneJobsInOrder: a save that finds its value there is the
// newest all the same; one that is taken back with its job is not.
func TestUnchangedValuesAndUndoneJobsInOrder(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), storage.ModelInfo{Name: "doc"})
		effectOf(t, m, placed("first", at(1), value(manager.OpUpsert, 1)))
		undone := whole("undone", value(manager.OpUpsert, 7), op(manager.OpUpdate, "doc:none", `{}`, "ann", 0))
		undone.From, undone.Row.Created = at(7), epoch.Add(7*time.Second)
		if got := effectOf(t, m, undone); got.Code != manager.CodeNotDone {
			t.Fatalf("%+v", got)
		}
		for _, step := range []struct {
			at, n int
			want  manager.Effect
		}{{3, 1, manager.EffectUnchanged}, {2, 2, manager.EffectSuperseded}, {4, 4, manager.EffectUpdated}} {
			if got := effectOf(t, m, placed(fmt.Sprint(step.at), at(step.at), value(manager.OpUpsert, step.n))); got.Effect != step.want {
				t.Errorf("save %d: %+v, want %s", step.at, got, step.want)
			}
		}
		if values := valuesOf(t, m); fmt.Sprint(values) != "[1 4]" {
			t.Errorf("the values came into force as %v", values)
		}
	})
}

// TestOldSavesDoNotBringBackWhatWasPurged: the mark outlives the resource; what others
// write in between has none.
func TestOldSavesDoNotBringBackWhatWasPurged(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), storage.ModelInfo{Name: "doc"})
		effectOf(t, m, placed("newer", at(9), value(manager.OpUpsert, 9)))
		if _, err := m.Update(t.Context(), value(manager.OpUpdate, 20)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Purge(t.Context(), manager.Operation{ResourceID: "doc:a", User: "ann"}); err != nil {
			t.Fatal(err)
		}
		if got := effectOf(t, m, placed("late", at(8), value(manager.OpUpsert, 8))); got.Effect != manager.EffectSuperseded {
			t.Errorf("an older save after the purge: %+v", got)
		}
		if got := effectOf(t, m, placed("create", at(7), value(manager.OpCreate, 7))); got.Effect != manager.EffectCreated {
			t.Errorf("a create after the purge: %+v", got)
		}
		if got := effectOf(t, m, placed("between", at(8), value(manager.OpUpsert, 6))); got.Effect != manager.EffectSuperseded {
			t.Errorf("an older save after the create: %+v", got)
		}
	})
}

// TestNumbersOutsideJobs: direct saves keep the order of their numbers.
func TestNumbersOutsideJobs(t *testing.T) {
	m := declare(t, openMemory(t), storage.ModelInfo{Name: "doc"})
	var ops []manager.Operation
	for _, n := range []int{3, 5, 4} {
		o := value(manager.OpUpsert, n)
		o.Order = manager.Numbered(int64(n))
		ops = append(ops, o)
	}
	out, err := m.SaveMany(t.Context(), ops)
	if err != nil || out[2].Effect != manager.EffectSuperseded || out[2].ResourceID != resource.ID("doc:a") {
		t.Fatalf("%+v (%v)", out, err)
	}
	if out, err := m.Upsert(t.Context(), ops[0]); err != nil || out.Effect != manager.EffectSuperseded {
		t.Errorf("%+v (%v)", out, err)
	}
}
