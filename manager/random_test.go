package manager_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// generated is the model of random operations.
var generated = storage.ModelInfo{Name: "doc", IndexedPaths: []string{"mail", "n"}, UniquePaths: []string{"mail"}}

var randomOps = []manager.Op{
	manager.OpCreate, manager.OpUpdate, manager.OpUpdate, manager.OpUpsert, manager.OpModify, manager.OpModify, manager.OpPatch,
	manager.OpSwitch, manager.OpDelete, manager.OpRestore, manager.OpPurge,
}

// drawRequest draws an operation on one of a few resources.
func drawRequest(t *rapid.T) request {
	id := resource.ID(rapid.SampledFrom([]string{"doc:a", "doc:b", "doc:c"}).Draw(t, "id"))
	user := rapid.SampledFrom([]string{"ann", "bob", "cyn"}).Draw(t, "user")
	q := request{op: op(rapid.SampledFrom(randomOps).Draw(t, "op"), id, "", user, rapid.IntRange(0, 99).Draw(t, "minute"))}
	switch q.op.Op {
	case manager.OpCreate, manager.OpUpdate, manager.OpUpsert:
		q.drawData(t)
	case manager.OpModify:
		switch rapid.IntRange(0, 2).Draw(t, "modify") {
		case 0:
			q.drawData(t)
		case 1:
			q.op.Patch = q.drawPatch(t)
		}
	case manager.OpPatch:
		q.op.Data = q.drawPatch(t)
	case manager.OpSwitch:
		q.op.RevisionID = id.Revision(rapid.IntRange(1, 4).Draw(t, "to"))
	}
	if q.op.Op != manager.OpCreate && rapid.IntRange(0, 3).Draw(t, "expects") == 0 {
		q.op.ExpectedRevisionID = id.Revision(rapid.IntRange(1, 3).Draw(t, "number"))
	}
	if s := rapid.SampledFrom([]resource.Status{"", resource.Draft, resource.Stable}).Draw(t, "status"); s != "" {
		q.op.Status = opt.Of(s)
	}
	return q
}

func (q *request) drawData(t *rapid.T) {
	q.data = fields{n: rapid.IntRange(0, 2).Draw(t, "n"), mail: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "mail")}
	q.op.Data = []byte(q.data.text())
}

// drawPatch draws a patch of either kind, some of which cannot be applied.
func (q *request) drawPatch(t *rapid.T) []byte {
	n, mail := rapid.IntRange(0, 2).Draw(t, "n"), rapid.SampledFrom([]string{"x", "y"}).Draw(t, "mail")
	patches := []struct {
		text  string
		apply func(*fields) string
	}{
		{fmt.Sprintf(`{"n":%d}`, n), func(f *fields) string { f.n = n; return "" }},
		{fmt.Sprintf(`{"mail":%q}`, mail), func(f *fields) string { f.mail = mail; return "" }},
		{`{"mail":null}`, func(f *fields) string { f.mail = ""; return "" }},
		{fmt.Sprintf(`[{"op":"replace","path":"/n","value":%d}]`, n), func(f *fields) string { f.n = n; return "" }},
		{fmt.Sprintf(`[{"op":"test","path":"/n","value":%d},{"op":"add","path":"/mail","value":%q}]`, n, mail), func(f *fields) string {
			if f.n != n {
				return "test"
			}
			f.mail = mail
			return ""
		}},
		{`[{"op":"remove","path":"/mail"}]`, func(f *fields) string {
			if f.mail == "" {
				return "absent"
			}
			f.mail = ""
			return ""
		}},
	}
	p := rapid.SampledFrom(patches).Draw(t, "patch")
	q.patch = p.apply
	return []byte(p.text)
}

// backend is a store of some kind with sources of time and ids that begin anew.
type backend struct {
	name string
	*manager.Manager
	*store
	reopen func() (storage.Factory, error) // nil: it forgets
	uids   atomic.Uint64
}

// options are deterministic: the n-th uid is made of n.
func (b *backend) options(batch, parallel int) manager.Options {
	return manager.Options{
		Now: func() time.Time { return epoch }, BatchSize: batch, Parallelism: parallel,
		NewUID: func() (id uuid.UUID) {
			binary.BigEndian.PutUint64(id[8:], b.uids.Add(1))
			return id
		},
	}
}

// openBackends makes an empty store of every kind.
func openBackends(t *testing.T) []*backend {
	t.Helper()
	all := []*backend{{name: "memory", store: &store{factory: memory.New()}}}
	for _, enc := range []resource.Encoding{resource.Msgpack, resource.JSON} {
		c := sqlite.Config{Dir: t.TempDir(), Encoding: enc}
		b := &backend{name: "sqlite " + string(enc), reopen: func() (storage.Factory, error) { return sqlite.Open(context.Background(), c) }}
		f, err := b.reopen()
		if err != nil {
			t.Fatal(err)
		}
		b.store = &store{factory: f}
		all = append(all, b)
	}
	for _, b := range all {
		t.Cleanup(func() {
			if err := b.factory.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return all
}

// use makes the model, or one of another name, with a catalog of the given options.
func (b *backend) use(t *testing.T, model string, o manager.Options) {
	t.Helper()
	b.Catalog = manager.NewCatalog(b.factory, nil, o)
	info := generated
	info.Name = model
	b.Manager = declare(t, b.store, info)
}

// describe is oracle.describe of what is stored.
func (b *backend) describe(t *testing.T) string {
	t.Helper()
	stores, err := b.factory.Build(t.Context(), b.Manager.Info().Name)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for m, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		x, _ := m.IndexedData.Get()
		n, _ := x.Lookup("n")
		mail, _ := x.Lookup("mail")
		if mail == nil {
			mail = ""
		}
		number, _ := m.CurrentRevisionID.Number()
		lines = append(lines, line("meta", m.ResourceID, number, m.TotalRevisionCount, m.IsDeleted, m.CreatedBy, m.UpdatedBy, m.CreatedTime, m.UpdatedTime,
			m.Rev.Status, m.Rev.CreatedBy, m.Rev.UpdatedBy, m.Rev.CreatedTime, m.Rev.UpdatedTime, mail, n))
		lines = append(lines, b.revisions(t, stores.Revisions, m.ResourceID)...)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (b *backend) revisions(t *testing.T, r storage.RevisionReader, id resource.ID) (lines []string) {
	t.Helper()
	for info, err := range r.List(t.Context(), id) {
		if err != nil {
			t.Fatal(err)
		}
		rev, err := r.Get(t.Context(), info.Key())
		if err != nil {
			t.Fatal(err)
		}
		if hash, _ := rev.Info.DataHash.Get(); hash != resource.DataHash(rev.Data) {
			t.Fatalf("%s: %s: the hash is not that of the payload", b.name, info.RevisionID)
		}
		number, _ := info.RevisionID.Number()
		parent := 0
		if p, ok := info.ParentRevisionID.Get(); ok {
			parent, _ = p.Number()
		}
		lines = append(lines, line("revision", id, number, parent, info.Status, info.CreatedBy, info.UpdatedBy, info.CreatedTime, info.UpdatedTime, string(rev.Data)))
	}
	return lines
}

// dumpModel is the archive of the model that is in use.
func (b *backend) dumpModel(t *testing.T) []byte {
	t.Helper()
	archive, _ := b.dump(t, manager.DumpOptions{Models: []string{b.Manager.Info().Name}})
	return archive
}

func operationsOf(qs []request) []manager.Operation {
	ops := make([]manager.Operation, len(qs))
	for i, q := range qs {
		ops[i] = q.op
	}
	return ops
}

// TestRandomOperationsObeyTheRules does random operations in random batches on
// every backend: equal outcomes, messages too, equal state as the oracle has it, and
// equal archives.
func TestRandomOperationsObeyTheRules(t *testing.T) {
	backends := openBackends(t)
	round := 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		for _, b := range backends {
			b.uids.Store(0)
			b.use(t, fmt.Sprintf("doc-%d", round), b.options(0, 0))
		}
		want := oracle{}
		for range rapid.IntRange(1, 5).Draw(rt, "batches") {
			qs := rapid.SliceOfN(rapid.Custom(drawRequest), 1, 10).Draw(rt, "requests")
			var first []manager.Outcome
			for _, b := range backends {
				got, err := b.SaveMany(t.Context(), operationsOf(qs))
				if err != nil {
					rt.Fatal(err)
				}
				if first == nil {
					first = got
				} else if !slices.Equal(first, got) {
					rt.Fatalf("%s: %+v, want those of %s: %+v", b.name, got, backends[0].name, first)
				}
			}
			for i, q := range qs {
				effect, code := want.apply(q)
				if first[i].Effect != effect || first[i].Code != code {
					rt.Fatalf("%s of %s: %+v, want %s %s", q.op.Op, q.op.ResourceID, first[i], effect, code)
				}
			}
		}
		var archive []byte
		for _, b := range backends {
			if got := b.describe(t); got != want.describe() {
				rt.Fatalf("%s holds\n%s\nwant\n%s", b.name, got, want.describe())
			}
			if dumped := b.dumpModel(t); archive == nil {
				archive = dumped
			} else if !bytes.Equal(dumped, archive) {
				rt.Fatalf("%s: another archive than %s", b.name, backends[0].name)
			}
		}
	})
	for _, b := range backends {
		wantSound(t, b.store)
	}
}

// TestHowOperationsAreGroupedDoesNotMatter does the same operations in any split
// into calls, units and workers, with restarts between: the archive is the same.
func TestHowOperationsAreGroupedDoesNotMatter(t *testing.T) {
	backends := openBackends(t)
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		qs := rapid.SliceOfN(rapid.Custom(drawRequest), 1, 40).Draw(rt, "requests")
		for i := range qs { // uniqueness looks at other resources, whose units may be in any order
			qs[i] = qs[i].unique(i)
		}
		ops := operationsOf(qs)
		b := rapid.SampledFrom(backends).Draw(rt, "backend")
		var want []byte
		for range 3 {
			rounds++
			model := fmt.Sprintf("doc-%06d", rounds)
			b.uids.Store(0)
			b.group(t, rt, model, ops)
			got := bytes.ReplaceAll(b.dumpModel(t), []byte(model), []byte("doc-000000"))
			if want == nil {
				want = got
			} else if !bytes.Equal(got, want) {
				rt.Fatalf("%s: another grouping gives another archive", b.name)
			}
		}
	})
}

// unique replaces mails by ones that no other resource has.
func (q request) unique(i int) request {
	q.op.Data = bytes.ReplaceAll(q.op.Data, []byte(`"mail":"`), fmt.Appendf(nil, `"mail":"%s`, q.op.ResourceID))
	q.op.Patch = bytes.ReplaceAll(q.op.Patch, []byte(`"mail":"`), fmt.Appendf(nil, `"mail":"%s`, q.op.ResourceID))
	q.op.Data = bytes.ReplaceAll(q.op.Data, []byte(`"/mail","value":"`), fmt.Appendf(nil, `"/mail","value":"%s`, q.op.ResourceID))
	if len(q.op.Patch) == 0 {
		q.op.Patch = nil
	}
	if len(q.op.Data) == 0 {
		q.op.Data = nil
	}
	return q
}

// group does the operations in random parts.
func (b *backend) group(t *testing.T, rt *rapid.T, model string, ops []manager.Operation) {
	for at := 0; at < len(ops); {
		if b.reopen != nil && at > 0 && rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
			if err := b.factory.Close(); err != nil {
				rt.Fatal(err)
			}
			f, err := b.reopen()
			if err != nil {
				rt.Fatal(err)
			}
			b.factory = f
		}
		b.use(t, model, b.options(rapid.IntRange(1, 10).Draw(rt, "batch"), rapid.IntRange(1, 4).Draw(rt, "workers")))
		n := rapid.IntRange(1, len(ops)-at).Draw(rt, "part")
		if _, err := b.SaveMany(t.Context(), ops[at:at+n]); err != nil {
			rt.Fatal(err)
		}
		at += n
	}
}

// TestManyWritersKeepALinearHistory has 64 writers update, patch and modify one
// resource at once: every acknowledged update is a revision whose parent is the one
// before, and nothing else is.
func TestManyWritersKeepALinearHistory(t *testing.T) {
	const writers, each = 64, 6
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"w"}})
		if _, err := m.Create(t.Context(), draft(op("", "doc:a", `{"w":-1}`, "ann", 0))); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		acknowledged := map[resource.RevisionID]bool{"doc:a:1": true}
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for n := range each {
					data := fmt.Sprintf(`{"w":%d,"n":%d}`, w, n)
					if n%3 == 2 { // refused or not, it makes no revision
						if _, err := m.SaveMany(t.Context(), []manager.Operation{draft(op(manager.OpModify, "doc:a", data, "bob", n))}); err != nil {
							t.Error(err)
						}
						continue
					}
					out, err := m.SaveMany(t.Context(), []manager.Operation{op([]manager.Op{manager.OpUpdate, manager.OpPatch}[n%2], "doc:a", data, "ann", n)})
					if err != nil || out[0].Effect != manager.EffectUpdated {
						t.Errorf("%+v, %v", out, err)
						continue
					}
					mu.Lock()
					if acknowledged[out[0].RevisionID] {
						t.Errorf("%s was given twice", out[0].RevisionID)
					}
					acknowledged[out[0].RevisionID] = true
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		checkLinear(t, m, acknowledged)
		wantSound(t, s)
	})
}

func checkLinear(t *testing.T, m *manager.Manager, acknowledged map[resource.RevisionID]bool) {
	t.Helper()
	next := 0
	var parent opt.Value[resource.RevisionID]
	for info, err := range m.Revisions(t.Context(), "doc:a") {
		if err != nil {
			t.Fatal(err)
		}
		next++
		if info.RevisionID != resource.ID("doc:a").Revision(next) || info.ParentRevisionID != parent || !acknowledged[info.RevisionID] {
			t.Fatalf("revision %s of parent %s at place %d", info.RevisionID, info.ParentRevisionID, next)
		}
		parent = opt.Of(info.RevisionID)
	}
	if next != len(acknowledged) {
		t.Fatalf("%d revisions, %d were acknowledged", next, len(acknowledged))
	}
}
