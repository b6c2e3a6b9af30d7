package peertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// codes are our codes for what the original raises.
var codes = map[string]manager.Code{
	"ResourceIDNotFoundError":   manager.CodeNotFound,
	"RevisionIDNotFoundError":   manager.CodeNotFound,
	"ResourceIsDeletedError":    manager.CodeDeleted,
	"CannotModifyResourceError": manager.CodeNotDraft,
	"JsonPatchConflict":         manager.CodeInvalid,
	"JsonPatchTestFailed":       manager.CodeInvalid,
	"JsonPatchPathNotFound":     manager.CodeInvalid,
	"JsonPointerException":      manager.CodeInvalid,
	"ValidationError":           manager.CodeInvalid,
}

// items is the golden item model in a store of ours and in the original.
type items struct {
	store
	manager *manager.Manager
	app     *pypeer.App
}

func newItems(t *testing.T, p *pypeer.Peer, b backend) items {
	t.Helper()
	s := items{store: b.open(t), app: p.MustNew(t, pypeer.Config{Models: pypeer.Item})}
	s.manager = declareItem(t, s.store)
	return s
}

// declareItem declares the golden item model.
func declareItem(t *testing.T, s store) *manager.Manager {
	t.Helper()
	const path = "../../examples/models/item.yaml"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	models, err := model.ParseYAML(path, text)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.catalog.DeclareModel(t.Context(), models[0])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// do does an operation here and returns the code of a refusal, empty for none.
func (s items) do(t *testing.T, e pypeer.Edit) manager.Code {
	t.Helper()
	op := manager.Operation{
		Op: manager.Op(e.Op), ResourceID: e.ResourceID, Data: e.Data, RevisionID: e.RevisionID, User: e.User, Time: e.Time,
	}
	if e.Status != "" {
		op.Status = opt.Of(e.Status)
	}
	if op.Op == manager.OpPatch {
		op.Data = e.Patch
	} else {
		op.Patch = e.Patch
	}
	out, err := s.manager.SaveMany(t.Context(), []manager.Operation{op})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Code
}

// there does operations in the original and returns our codes for what it raised.
func (s items) there(t *testing.T, edits []pypeer.Edit) []manager.Code {
	t.Helper()
	raised, err := s.app.Apply("item", edits)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]manager.Code, len(raised))
	for i, name := range raised {
		code, known := codes[name]
		if name != "" && !known {
			t.Fatalf("%+v raised %s", edits[i], name)
		}
		out[i] = code
	}
	return out
}

// withoutUIDs returns the state with all uids of revisions the same: each program
// draws its own.
func withoutUIDs(t *testing.T, s pypeer.State) pypeer.State {
	t.Helper()
	out := pypeer.State{}
	for k, v := range s {
		if strings.HasSuffix(k, "\tinfo") {
			info, err := resource.DecodeRevisionInfo(resource.Msgpack, v)
			if err != nil {
				t.Fatal(err)
			}
			info.UID = uuid.Nil
			v = info.Append(resource.Msgpack, nil)
		}
		out[k] = v
	}
	return out
}

// doAsThere does an operation here and returns what the original has to do for the
// same effect, and the code of a refusal. The original ignores the status of a modify
// that brings the data that are there: it is given the status alone.
func (s items) doAsThere(t *testing.T, e pypeer.Edit) (pypeer.Edit, manager.Code) {
	t.Helper()
	before, _ := s.manager.Get(t.Context(), e.ResourceID, manager.GetOptions{}) // nothing before it is created
	code := s.do(t, e)
	if e.Op != "modify" || code != "" {
		return e, code
	}
	after, err := s.manager.Get(t.Context(), e.ResourceID, manager.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(before.Data, after.Data) && before.Info.Status != after.Info.Status {
		e.Data, e.Patch = nil, nil
	}
	return e, code
}

var editKinds = []string{"create", "update", "update", "upsert", "modify", "modify", "patch", "switch", "delete", "restore", "restore", "purge"}

// drawEdit draws an operation on one of two items.
func drawEdit(t *rapid.T) pypeer.Edit {
	id := resource.ID(rapid.SampledFrom([]string{"item:a", "item:b"}).Draw(t, "id"))
	zone := time.FixedZone("", 3600*rapid.SampledFrom([]int{0, 8, -5}).Draw(t, "zone"))
	e := pypeer.Edit{
		Op: rapid.SampledFrom(editKinds).Draw(t, "op"), ResourceID: id,
		User: rapid.SampledFrom([]string{"ann", "用户"}).Draw(t, "user"),
		Time: time.Date(2024, 5, 1, 12, rapid.IntRange(0, 59).Draw(t, "minute"), 0, 1000*rapid.IntRange(0, 999999).Draw(t, "µs"), zone),
	}
	data := fmt.Appendf(nil, `{"n":%d,"label":"é","weight":%d.5,"tags":["x"],"nested":{"k":1}}`,
		rapid.IntRange(0, 2).Draw(t, "n"), rapid.IntRange(0, 1).Draw(t, "weight"))
	switch e.Op {
	case "create", "update", "upsert":
		e.Data = data
	case "modify":
		switch rapid.IntRange(0, 3).Draw(t, "modify") {
		case 0, 1:
			e.Data = data
		case 2:
			e.Patch = drawPatch(t)
		}
	case "patch":
		e.Patch = drawPatch(t)
	case "switch":
		e.RevisionID = id.Revision(rapid.IntRange(1, 4).Draw(t, "to"))
	}
	if e.Data != nil || e.Op == "modify" {
		e.Status = rapid.SampledFrom([]resource.Status{"", resource.Draft, resource.Draft, resource.Stable}).Draw(t, "status")
	}
	return e
}

// drawPatch draws a patch; some do not apply, some give what is no item.
func drawPatch(t *rapid.T) json.RawMessage {
	return json.RawMessage(rapid.SampledFrom([]string{
		`[{"op":"replace","path":"/n","value":1}]`,
		`[{"op":"replace","path":"/weight","value":2}]`,
		`[{"op":"add","path":"/tags/-","value":"y"},{"op":"add","path":"/nested/a","value":3}]`,
		`[{"op":"move","from":"/nested/a","path":"/nested/b"}]`,
		`[{"op":"copy","from":"/tags/0","path":"/label"},{"op":"remove","path":"/tags/0"}]`,
		`[{"op":"test","path":"/n","value":2},{"op":"replace","path":"/label","value":"z"}]`,
		`[{"op":"replace","path":"/n","value":"text"}]`,
		`[{"op":"remove","path":"/label"}]`,
		`[{"op":"replace","path":"/absent","value":1}]`,
		`[]`,
	}).Draw(t, "patch"))
}

// shown returns operations as JSON.
func shown(t *testing.T, edits []pypeer.Edit) string {
	t.Helper()
	b, err := json.Marshal(edits)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOperationsAreThoseOfTheOriginal does random operations here and there:
// equal refusals, and at the end equal metas, infos apart from the uids, and
// payloads. For what differs on purpose see TestWhereOperationsDifferFromTheOriginal.
func TestOperationsAreThoseOfTheOriginal(t *testing.T) {
	p := pypeer.Start(t)
	done := map[string]int{}
	for _, seed := range seeds(30) {
		s := newItems(t, p, backends[int(seed)%len(backends)])
		var edits []pypeer.Edit
		var here []manager.Code
		for _, e := range rapid.SliceOfN(rapid.Custom(drawEdit), 20, 20).Example(int(seed)) {
			e, code := s.doAsThere(t, e)
			if code == manager.CodeExists {
				continue // the original creates it anew
			}
			edits, here = append(edits, e), append(here, code)
			done[e.Op+" "+string(code)]++
		}
		for i, there := range s.there(t, edits) {
			if there != here[i] {
				t.Errorf("seed %d: operation %d of %s: refused here as %q, there as %q", seed, i, shown(t, edits), here[i], there)
			}
		}
		if d := withoutUIDs(t, s.app.MustState(t)).Diff(withoutUIDs(t, s.state(t))); d != "" {
			t.Errorf("seed %d, after %s:\n%s", seed, shown(t, edits), d)
		}
		if err := s.app.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{
		"create ", "update ", "upsert ", "modify ", "patch ", "switch ", "delete ", "restore ", "purge ",
		"update not_found", "update deleted", "modify not_draft", "patch invalid", "switch not_found",
	} {
		if done[want] < 3 {
			t.Errorf("%q was done %d times: %v", want, done[want], done)
		}
	}
}

// TestWhereOperationsDifferFromTheOriginal shows the two differences that are meant.
func TestWhereOperationsDifferFromTheOriginal(t *testing.T) {
	p := pypeer.Start(t)
	s := newItems(t, p, backends[0])
	at := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	one, two := json.RawMessage(`{"n":1,"label":"a","weight":1.5,"tags":[],"nested":{}}`), json.RawMessage(`{"n":2,"label":"a","weight":1.5,"tags":[],"nested":{}}`)
	edits := []pypeer.Edit{
		{Op: "create", ResourceID: "item:a", Data: one, Status: resource.Draft, User: "ann", Time: at},
		{Op: "modify", ResourceID: "item:a", Data: one, Status: resource.Stable, User: "bob", Time: at},
		{Op: "update", ResourceID: "item:b", Data: two, User: "ann", Time: at},
		{Op: "create", ResourceID: "item:b", Data: one, User: "ann", Time: at},
		{Op: "update", ResourceID: "item:b", Data: two, User: "ann", Time: at},
		{Op: "create", ResourceID: "item:b", Data: one, User: "cyn", Time: at},
	}
	var here []manager.Code
	for _, e := range edits {
		here = append(here, s.do(t, e))
	}
	there := s.there(t, edits)
	for i, want := range []struct{ here, there manager.Code }{
		{"", ""}, {"", ""}, {manager.CodeNotFound, manager.CodeNotFound}, {"", ""}, {"", ""}, {manager.CodeExists, ""},
	} {
		if here[i] != want.here || there[i] != want.there {
			t.Errorf("%s of %s: %q here, %q there", edits[i].Op, edits[i].ResourceID, here[i], there[i])
		}
	}
	for what, tc := range map[string]struct {
		state pypeer.State
		a, b  string // status of item:a; creator and count of item:b
	}{
		"here":  {s.state(t), "stable", "ann 2"},
		"there": {s.app.MustState(t), "draft", "cyn 1"},
	} {
		meta := func(id string) resource.Meta {
			m, err := resource.DecodeMeta(resource.Msgpack, tc.state["item\tmeta\t"+id])
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if got := string(meta("item:a").Rev.Status.Or("")); got != tc.a {
			t.Errorf("%s: item:a is %s, want %s", what, got, tc.a)
		}
		b := meta("item:b")
		if got := fmt.Sprintf("%s %d", b.CreatedBy, b.TotalRevisionCount); got != tc.b {
			t.Errorf("%s: item:b is of %s, want %s", what, got, tc.b)
		}
	}
}
