package manager_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

var account = storage.ModelInfo{Name: "doc", IndexedPaths: []string{"mail", "no"}, UniquePaths: []string{"mail", "no"}}

func TestUniqueValues(t *testing.T) {
	play(t, account, []step{
		does(op(manager.OpCreate, "doc:a", `{"mail":"a","no":1}`, "ann", 0), manager.EffectCreated),
		refuses(op(manager.OpCreate, "doc:b", `{"mail":"a"}`, "ann", 1), manager.CodeNotUnique),
		refuses(op(manager.OpUpsert, "doc:b", `{"mail":"b","no":1.0}`, "ann", 1), manager.CodeNotUnique), // equal numbers
		does(op(manager.OpCreate, "doc:b", `{"mail":"b","no":null}`, "ann", 2), manager.EffectCreated),
		does(op(manager.OpCreate, "doc:c", `{"no":null}`, "ann", 3), manager.EffectCreated), // null and absent are no values
		refuses(op(manager.OpUpdate, "doc:c", `{"mail":"b"}`, "ann", 4), manager.CodeNotUnique),
		does(op(manager.OpUpdate, "doc:a", `{"mail":"a","no":2}`, "ann", 5), manager.EffectUpdated), // its own value
		does(op(manager.OpUpdate, "doc:c", `{"no":1}`, "ann", 6), manager.EffectUpdated),            // given up by a
		refuses(switchTo("doc:a", 1, "ann", 7), manager.CodeNotUnique),                              // and so gone for a's old revision
		does(op(manager.OpDelete, "doc:c", "", "ann", 8), manager.EffectDeleted),
		does(switchTo("doc:a", 1, "ann", 9), manager.EffectSwitched), // the deleted hold nothing
		refuses(op(manager.OpRestore, "doc:c", "", "ann", 10), manager.CodeNotUnique),
		refuses(draft(op(manager.OpModify, "doc:b", `{"mail":"a"}`, "ann", 11)), manager.CodeNotUnique),
		does(draft(op(manager.OpModify, "doc:b", `{"mail":"z"}`, "ann", 12)), manager.EffectModified),
		does(op(manager.OpCreate, "doc:d", `{"mail":"b"}`, "ann", 13), manager.EffectCreated), // given up by b's modify
		refuses(op(manager.OpCreate, "doc:e", `{"mail":"z"}`, "ann", 14), manager.CodeNotUnique),
		does(op(manager.OpUpdate, "doc:d", `{"mail":"A"}`, "ann", 15), manager.EffectUpdated), // case matters
	}, func(t *testing.T, s *store, m *manager.Manager) {
		wantHistory(t, s, "doc", "doc:c", `:1<- stable ann/ann {"no":null}`, `:2<:1 stable ann/ann {"no":1}`)
		wantCurrent(t, m, "doc:a", `doc:a:1 of 2 by ann at 9; stable ann/ann at 0/0; {"mail":"a","no":1}`)
		if got := ids(t, s, "doc"); len(got) != 4 {
			t.Errorf("resources %q", got)
		}
	})
}

func TestARefusalOfUniquenessNamesFieldValueAndHolder(t *testing.T) {
	m := declare(t, openMemory(t), account)
	out, err := m.SaveMany(t.Context(), []manager.Operation{
		op(manager.OpCreate, "doc:a", `{"mail":"a@b.c"}`, "ann", 0), op(manager.OpCreate, "doc:b", `{"mail":"a@b.c"}`, "ann", 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"mail", `"a@b.c"`, "doc:a", "doc:b"} {
		if !strings.Contains(out[1].Message, part) {
			t.Errorf("message %q lacks %s", out[1].Message, part)
		}
	}
}

// TestRacingClaimsOfAValue has many writers create resources with few values, in
// units of one and of several: each value is held once in the end.
func TestRacingClaimsOfAValue(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, account)
		const writers, values = 12, 5
		var wg sync.WaitGroup
		created := make([]int, writers)
		errs := make([]error, writers)
		for w := range writers {
			wg.Go(func() {
				var ops []manager.Operation
				for v := range values {
					id := resource.ID(fmt.Sprintf("doc:%d-%d", w, v))
					ops = append(ops, op(manager.OpCreate, id, fmt.Sprintf(`{"mail":"m%d"}`, v), "ann", 0))
				}
				var out []manager.Outcome
				out, errs[w] = m.SaveMany(t.Context(), ops)
				for _, o := range out {
					if o.Effect == manager.EffectCreated {
						created[w]++
					}
				}
			})
		}
		wg.Wait()
		total := 0
		for w := range writers {
			if errs[w] != nil {
				t.Fatal(errs[w])
			}
			total += created[w]
		}
		if total != values || len(ids(t, s, "doc")) != values {
			t.Fatalf("%d creations and %d resources; want %d", total, len(ids(t, s, "doc")), values)
		}
	})
}

// TestUniqueTimesInMetasOfJSON: a msgpack payload has times and bytes where the metas
// have texts; within a unit of work they are equal too.
func TestUniqueTimesInMetasOfJSON(t *testing.T) {
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Encoding: resource.JSON})
	if err != nil {
		t.Fatal(err)
	}
	m := declare(t, catalogOf(t, f), storage.ModelInfo{Name: "doc", Encoding: resource.Msgpack, UniquePaths: []string{"v"}})
	for i, value := range []string{"\xd6\xff\x00\x00\x00\x01", "\xc4\x03abc"} {
		a, b := resource.ID(fmt.Sprintf("doc:a%d", i)), resource.ID(fmt.Sprintf("doc:b%d", i))
		with := func(kind manager.Op, id resource.ID) manager.Operation {
			o := op(kind, id, "", "ann", 0)
			o.Payload = []byte("\x81\xa1v" + value)
			return o
		}
		if _, err := m.SaveMany(t.Context(), []manager.Operation{with(manager.OpCreate, a), op(manager.OpDelete, a, "", "ann", 1)}); err != nil {
			t.Fatal(err)
		}
		out, err := m.SaveMany(t.Context(), []manager.Operation{op(manager.OpRestore, a, "", "ann", 2), with(manager.OpCreate, b)})
		if err != nil || out[0].Effect != manager.EffectRestored || out[1].Code != manager.CodeNotUnique {
			t.Errorf("value %q: %+v, %v", value, out, err)
		}
	}
}
