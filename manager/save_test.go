package manager_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// op makes an operation at a number of minutes after the epoch.
func op(kind manager.Op, id resource.ID, data, user string, minute int) manager.Operation {
	o := manager.Operation{Op: kind, ResourceID: id, User: user, Time: epoch.Add(time.Duration(minute) * time.Minute)}
	if data != "" {
		o.Data = []byte(data)
	}
	return o
}

func declare(t *testing.T, s *store, info storage.ModelInfo) *manager.Manager {
	t.Helper()
	m, err := s.Declare(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestOperationsOnOneResource(t *testing.T) {
	expect := func(o manager.Operation, rev resource.RevisionID) manager.Operation {
		o.ExpectedRevisionID = rev
		return o
	}
	status := func(o manager.Operation, s resource.Status) manager.Operation {
		o.Status = opt.Of(s)
		return o
	}
	steps := []struct {
		op   manager.Operation
		want manager.Outcome
	}{
		{op(manager.OpUpdate, "doc:a", `{"n":1}`, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeNotFound}},
		{op(manager.OpDelete, "doc:a", "", "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeNotFound}},
		{op(manager.OpCreate, "a/b", `{"n":1}`, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "a/b", Code: manager.CodeInvalid}},
		{op(manager.OpCreate, "doc:a", `{"n":1,}`, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeInvalid}},
		{op(manager.OpCreate, "doc:a", ``, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeInvalid}},
		{status(op(manager.OpCreate, "doc:a", `{}`, "ann", 0), "final"), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeInvalid}},
		{op("merge", "doc:a", `{}`, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeUnsupport}},
		{op(manager.OpUpdate, "", `{}`, "ann", 0), manager.Outcome{Effect: manager.EffectRefused, Code: manager.CodeInvalid}},
		{op(manager.OpCreate, "doc:a", `{"n": 1}`, "ann", 1), manager.Outcome{Effect: manager.EffectCreated, ResourceID: "doc:a", RevisionID: "doc:a:1"}},
		{op(manager.OpCreate, "doc:a", `{"n": 1}`, "ann", 2), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeExists}},
		{status(op(manager.OpUpdate, "doc:a", ` { "n" : 1 } `, "bob", 3), resource.Draft), manager.Outcome{Effect: manager.EffectUnchanged, ResourceID: "doc:a", RevisionID: "doc:a:1"}},
		{status(op(manager.OpUpdate, "doc:a", `{"n":2}`, "bob", 4), resource.Draft), manager.Outcome{Effect: manager.EffectUpdated, ResourceID: "doc:a", RevisionID: "doc:a:2"}},
		{expect(op(manager.OpUpdate, "doc:a", `{"n":3}`, "bob", 5), "doc:a:1"), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeConflict}},
		{expect(op(manager.OpUpsert, "doc:a", `{"n":3}`, "cyn", 6), "doc:a:2"), manager.Outcome{Effect: manager.EffectUpdated, ResourceID: "doc:a", RevisionID: "doc:a:3"}},
		{op(manager.OpRestore, "doc:a", "", "cyn", 7), manager.Outcome{Effect: manager.EffectUnchanged, ResourceID: "doc:a", RevisionID: "doc:a:3"}},
		{op(manager.OpDelete, "doc:a", "", "dan", 8), manager.Outcome{Effect: manager.EffectDeleted, ResourceID: "doc:a", RevisionID: "doc:a:3"}},
		{op(manager.OpDelete, "doc:a", "", "dan", 9), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeDeleted}},
		{op(manager.OpUpdate, "doc:a", `{"n":4}`, "dan", 10), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeDeleted}},
		{op(manager.OpUpsert, "doc:a", `{"n":4}`, "dan", 11), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeDeleted}},
		{op(manager.OpCreate, "doc:a", `{"n":4}`, "dan", 11), manager.Outcome{Effect: manager.EffectRefused, ResourceID: "doc:a", Code: manager.CodeExists}},
		{op(manager.OpRestore, "doc:a", "", "eva", 12), manager.Outcome{Effect: manager.EffectRestored, ResourceID: "doc:a", RevisionID: "doc:a:3"}},
		{op(manager.OpUpsert, "doc:b", `{"n":5}`, "eva", 13), manager.Outcome{Effect: manager.EffectCreated, ResourceID: "doc:b", RevisionID: "doc:b:1"}},
	}
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n", "deep.er"}})
		var all []manager.Operation
		for i, step := range steps {
			all = append(all, step.op)
			got, err := m.SaveMany(t.Context(), []manager.Operation{step.op})
			if err != nil {
				t.Fatal(err)
			}
			checkOutcome(t, i, got[0], step.want)
		}
		checkHistory(t, m)

		// The same in one unit of work: changes of one resource chain.
		m = declare(t, open(t), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n", "deep.er"}})
		got, err := m.SaveMany(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		for i, step := range steps {
			checkOutcome(t, i, got[i], step.want)
		}
		checkHistory(t, m)
	})
}

func checkOutcome(t *testing.T, step int, got, want manager.Outcome) {
	t.Helper()
	if (got.Message != "") != (got.Effect == manager.EffectRefused) {
		t.Errorf("step %d: message %q with %s", step, got.Message, got.Effect)
	}
	got.Message = ""
	if got != want {
		t.Errorf("step %d: %+v, want %+v", step, got, want)
	}
}

// checkHistory checks what the steps of TestOperationsOnOneResource leave.
func checkHistory(t *testing.T, m *manager.Manager) {
	t.Helper()
	r, err := m.Get(t.Context(), "doc:a", manager.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	at := func(minute int) string {
		return epoch.Add(time.Duration(minute) * time.Minute).Format(time.RFC3339Nano)
	}
	want := map[string]any{
		"current_revision_id": "doc:a:3", "resource_id": "doc:a", "schema_version": nil, "total_revision_count": 3.0,
		"created_time": at(1), "updated_time": at(12), "created_by": "ann", "updated_by": "eva", "is_deleted": false,
		"indexed_data": map[string]any{"n": 3.0, "deep.er": nil},
		"rev_status":   "stable", "rev_created_by": "cyn", "rev_updated_by": "cyn", "rev_created_time": at(6), "rev_updated_time": at(6),
	}
	if diff := cmp.Diff(want, canon.Of(t, r.Meta)); diff != "" {
		t.Error(diff)
	}
	if string(r.Data) != `{"n":3}` || r.Info.DataHash != opt.Of(resource.DataHash(r.Data)) {
		t.Errorf("payload %s with hash %s", r.Data, r.Info.DataHash)
	}
	var revs []string
	for info, err := range m.Revisions(t.Context(), "doc:a") {
		if err != nil {
			t.Fatal(err)
		}
		revs = append(revs, fmt.Sprintf("%s %s %s %s", info.RevisionID, info.ParentRevisionID, info.Status, info.CreatedBy))
	}
	if diff := cmp.Diff([]string{"doc:a:1 unset stable ann", "doc:a:2 doc:a:1 draft bob", "doc:a:3 doc:a:2 stable cyn"}, revs); diff != "" {
		t.Error(diff)
	}
}

func TestGet(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		m := s.open(t, "person")
		code := func(id resource.ID, o manager.GetOptions) manager.Code {
			_, err := m.Get(t.Context(), id, o)
			if bad, ok := errors.AsType[*manager.RefusedError](err); ok {
				return bad.Code
			}
			if err != nil {
				t.Fatal(err)
			}
			return ""
		}
		for _, tc := range []struct {
			id   resource.ID
			o    manager.GetOptions
			want manager.Code
		}{
			{"person:p1", manager.GetOptions{}, ""},
			{"person:p1", manager.GetOptions{Revision: "person:p1:3"}, ""},
			{"person:p1", manager.GetOptions{Revision: "person:p1:9"}, manager.CodeNotFound},
			{"person:none", manager.GetOptions{}, manager.CodeNotFound},
			{"person:p5", manager.GetOptions{}, manager.CodeDeleted},
			{"person:p5", manager.GetOptions{IncludeDeleted: true}, ""},
		} {
			if got := code(tc.id, tc.o); got != tc.want {
				t.Errorf("get %s %+v: %q, want %q", tc.id, tc.o, got, tc.want)
			}
		}
		if _, err := s.Open(t.Context(), "absent"); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("open of an absent model: %v", err)
		}
	})
}

func TestAnUpdateOfALoadedResourceKeepsItsIndexAndEncoding(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "small_0.8.5.acbak"), manager.LoadOptions{})
		m := s.open(t, "person")
		before, err := m.GetMeta(t.Context(), "person:p1")
		if err != nil || before.Rev.Status.IsSet() {
			t.Fatalf("%+v, %v", before.Rev, err)
		}
		text := `{"name":"New","age":1,"tags":["a"],"address":{"city":"Rome"}}`
		out, err := m.Update(t.Context(), op("", "person:p1", text, "zoe", 99))
		if err != nil || out.RevisionID != "person:p1:4" {
			t.Fatalf("%+v, %v", out, err)
		}
		meta, err := m.GetMeta(t.Context(), "person:p1")
		if err != nil || !meta.Rev.Complete() || meta.Rev.CreatedBy != opt.Of("zoe") {
			t.Fatalf("%+v, %v", meta.Rev, err)
		}
		want := map[string]any{"address.city": "Rome", "age": 1.0, "level": nil, "name": "New", "tags": []any{"a"}}
		if diff := cmp.Diff(want, canon.Of(t, meta)["indexed_data"]); diff != "" {
			t.Error(diff)
		}
		if _, err := m.Delete(t.Context(), op("", "person:p2", "", "zoe", 99)); err != nil {
			t.Fatal(err)
		}
		if meta, err = m.GetMeta(t.Context(), "person:p2"); err != nil || !meta.IsDeleted || meta.Rev.Status.IsSet() {
			t.Errorf("delete filled rev_*: %+v, %v", meta.Rev, err)
		}
		orders := s.open(t, "sales-order")
		created, err := orders.Create(t.Context(), op("", "", `{"number":"x"}`, "zoe", 99))
		if err != nil {
			t.Fatal(err)
		}
		r, err := orders.Get(t.Context(), created.ResourceID, manager.GetOptions{})
		if err != nil || string(r.Data) != "\x81\xa6number\xa1x" {
			t.Fatalf("payload %q, %v; want msgpack like the others", r.Data, err)
		}
	})
}

func TestASaveRemembersItsBlobs(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc"})
		ref := putBlob(t, s, "hello")
		text := fmt.Sprintf(`{"here":{"file_id":%q,"size":5},"gone":{"file_id":"0123","size":1}}`, ref)
		if _, err := m.Create(t.Context(), op("", "doc:a", text, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		stores, err := s.factory.Build(t.Context(), "doc")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for id, err := range stores.Metas.Blobs(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, id)
		}
		if diff := cmp.Diff([]string{ref}, got); diff != "" {
			t.Error(diff)
		}
		_, stats := s.dump(t, manager.DumpOptions{})
		if stats.Models["doc"].Blobs != 1 || stats.MissingBlobs != 1 || len(stats.Warnings) != 1 {
			t.Errorf("dump: %+v", stats)
		}
		f, err := s.Verify(t.Context())
		if err != nil || f.OK || f.Count != 1 || f.Problems[0].Code != manager.CodeBlobMissing {
			t.Errorf("verify: %+v, %v", f, err)
		}
	})
}

func TestConcurrentUpdatesOfOneResourceStayLinear(t *testing.T) {
	const writers, each = 16, 5
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), storage.ModelInfo{Name: "doc"})
		if _, err := m.Create(t.Context(), op("", "doc:a", `{"w":-1}`, "ann", 0)); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					if _, err := m.Update(t.Context(), op("", "doc:a", fmt.Sprintf(`{"w":%d,"n":%d}`, w, n), "ann", n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		next := 0
		var parent opt.Value[resource.RevisionID]
		for info, err := range m.Revisions(t.Context(), "doc:a") {
			if err != nil {
				t.Fatal(err)
			}
			next++
			if info.RevisionID != resource.ID("doc:a").Revision(next) || info.ParentRevisionID != parent {
				t.Fatalf("revision %s of parent %s at place %d", info.RevisionID, info.ParentRevisionID, next)
			}
			parent = opt.Of(info.RevisionID)
		}
		if next != writers*each+1 {
			t.Fatalf("%d revisions, want %d", next, writers*each+1)
		}
	})
}

func TestSaveManyOfManyChunks(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		small := manager.NewCatalog(s.factory, s.blobs, manager.Options{BatchSize: 7, Parallelism: 4})
		m, err := small.Declare(t.Context(), storage.ModelInfo{Name: "doc"})
		if err != nil {
			t.Fatal(err)
		}
		var ops []manager.Operation
		for round := range 3 {
			for i := range 50 {
				ops = append(ops, op(manager.OpUpsert, numbered(i), fmt.Sprintf(`{"round":%d}`, round), "ann", round))
			}
		}
		out, err := m.SaveMany(t.Context(), ops)
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range out {
			if want := numbered(i % 50).Revision(i/50 + 1); o.RevisionID != want {
				t.Fatalf("operation %d made %s, want %s", i, o.RevisionID, want)
			}
		}
	})
}
