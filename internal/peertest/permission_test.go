package peertest

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
)

// entries are permission entries of one kind of checker.
type entries struct {
	kind    string
	policy  permission.Policy
	records []json.RawMessage
}

var (
	permSubjects = []string{"ann", "bob", "cyn", "staff", "admins", "boss"}
	permModels   = []string{"doc", "note", "sales-order"}
)

// randomEntries draws entries on which both programs must agree: of an ACL only
// such that allow, since the original takes every effect for that; memberships
// without cycles, which the original does not survive; and no entries about one
// resource, which it does not look for.
func randomEntries(src *rand.Rand) entries {
	pick := func(s ...string) string { return s[src.IntN(len(s))] }
	order := func() opt.Value[int64] {
		if src.IntN(3) == 0 {
			return opt.Value[int64]{}
		}
		return opt.Of(src.Int64N(4))
	}
	e := entries{kind: pick("acl", "rbac"), policy: permission.Policy(src.IntN(16))}
	if e.policy == 0 {
		e.policy = permission.Strict
	}
	for range 3 + src.IntN(15) {
		some, others := src.Uint32(), src.Uint32() // together about a quarter of the bits
		entry := permission.Entry{Subject: pick(permSubjects...), Action: manager.Action(some & others), Order: order()}
		if o := pick(append(permModels, "*", "*", "")...); o != "" {
			entry.Object = opt.Of(o)
		}
		if e.kind == "acl" {
			e.records = append(e.records, entry.ACL())
			continue
		}
		entry.Effect = permission.Result(pick("allow", "allow", "deny", "not_applicable"))
		e.records = append(e.records, entry.RBAC())
		if i := src.IntN(len(permSubjects) - 1); src.IntN(2) == 0 {
			m := permission.Membership{Subject: permSubjects[i], Group: pick(permSubjects[max(i+1, 3):]...), Order: order()}
			e.records = append(e.records, m.RBAC())
		}
	}
	return e
}

// requests are all questions about the subjects and models.
func requests() []pypeer.Request {
	var all []pypeer.Request
	for _, user := range append([]string{"root", "nobody"}, permSubjects...) {
		for _, model := range append([]string{"other"}, permModels...) {
			for bit := range 16 {
				all = append(all, pypeer.Request{User: user, Action: 1 << bit, Model: model})
			}
		}
	}
	return all
}

// checker is a checker of ours with stored entries.
type checker interface {
	permission.Checker
	ResourceManager(ctx context.Context) (*manager.Manager, error)
}

// checker returns ours over the entries in a store.
func (e entries) checker(s store) checker {
	cfg := permission.Config{Policy: e.policy}
	if e.kind == "acl" {
		return permission.NewACL(s.catalog, cfg)
	}
	return permission.NewRBAC(s.catalog, cfg)
}

// write stores the entries, the first one as the oldest.
func (e entries) write(t *testing.T, s store) checker {
	t.Helper()
	c := e.checker(s)
	m, err := c.ResourceManager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range e.records {
		at := time.Date(2024, 3, 1, 0, 0, i, 0, time.UTC)
		if _, err := m.Create(t.Context(), manager.Operation{Data: data, User: permission.DefaultRootUser, Time: at}); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// decide asks our checker.
func decide(t *testing.T, c permission.Checker, questions []pypeer.Request) []string {
	t.Helper()
	answers := make([]string, len(questions))
	for i, q := range questions {
		r, err := c.Check(t.Context(), &permission.Context{
			Phase: manager.PhaseBefore, User: q.User, Action: manager.Action(q.Action), Model: q.Model,
		})
		if err != nil {
			t.Fatal(err)
		}
		answers[i] = string(r)
	}
	return answers
}

// same fails the test where answers differ.
func same(t *testing.T, what string, e entries, questions []pypeer.Request, theirs, ours []string) {
	t.Helper()
	if diff := cmp.Diff(theirs, ours); diff == "" {
		return
	}
	for i, q := range questions {
		if theirs[i] != ours[i] {
			t.Errorf("%s: %s, policy %b: %+v is %s there and %s here, with %s", what, e.kind, e.policy, q, theirs[i], ours[i], e.records)
			return
		}
	}
}

// TestBothProgramsDecideAlike writes entries with one program, loads its archive
// into the other and asks both.
func TestBothProgramsDecideAlike(t *testing.T) {
	p := pypeer.Start(t)
	questions := requests()
	counts := map[string]int{}
	for _, seed := range seeds(8) {
		e := randomEntries(rand.New(rand.NewPCG(uint64(seed), 9)))
		theirs, answers := askOriginal(t, p, e, questions)
		for _, a := range answers {
			counts[a]++
		}
		path := filepath.Join(t.TempDir(), "theirs.acbak")
		if err := theirs.Dump(path); err != nil {
			t.Fatal(err)
		}
		for i, b := range backends {
			loaded := b.open(t)
			loaded.load(t, path, manager.LoadOptions{})
			same(t, b.name+", their entries", e, questions, answers, decide(t, e.checker(loaded), questions))

			written := b.open(t)
			same(t, b.name+", our entries", e, questions, answers, decide(t, e.write(t, written), questions))
			if i != int(seed)%len(backends) {
				continue // the original takes its time
			}
			same(t, b.name+", our entries there", e, questions, e.loadThere(t, p, written.dump(t), questions), answers)
		}
	}
	if counts["allow"] < 200 || counts["deny"] < 200 {
		t.Errorf("%v: that compares nothing", counts)
	}
}

// loadThere asks the original's checker with the entries of an archive.
func (e entries) loadThere(t *testing.T, p *pypeer.Peer, path string, questions []pypeer.Request) []string {
	t.Helper()
	c, err := p.Permissions(e.kind, int(e.policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Load(path); err != nil {
		t.Fatal(err)
	}
	answers, err := c.Ask(questions)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// TestWhereTheOriginalDecidesOtherwise shows the holes that we do not share; each
// answer of ours has a test in package permission that tells why.
func TestWhereTheOriginalDecidesOtherwise(t *testing.T) {
	p := pypeer.Start(t)
	get := int(manager.ActionGet)
	entry := func(object string, effect permission.Result) permission.Entry {
		return permission.Entry{Subject: "bob", Object: opt.Of(object), Action: manager.ActionGet, Effect: effect}
	}
	for _, c := range []struct {
		name         string
		entries      entries
		theirs, ours string
	}{
		{"a lone deny", entries{kind: "acl", records: []json.RawMessage{entry("doc", permission.Deny).ACL()}}, "allow", "deny"},
		{"a resource", entries{kind: "rbac", records: []json.RawMessage{entry("doc:1", permission.Allow).RBAC()}}, "deny", "allow"},
	} {
		c.entries.policy = permission.Strict
		questions := []pypeer.Request{{User: "bob", Action: get, Model: "doc"}}
		_, theirs := askOriginal(t, p, c.entries, questions)
		r, err := c.entries.write(t, backends[0].open(t)).Check(t.Context(), &permission.Context{
			User: "bob", Action: manager.ActionGet, Model: "doc", ResourceID: "doc:1",
		})
		if err != nil || theirs[0] != c.theirs || string(r) != c.ours {
			t.Errorf("%s: %s there and %s here, %v; want %s and %s", c.name, theirs[0], r, err, c.theirs, c.ours)
		}
	}
}

// askOriginal asks the original's checker with the entries.
func askOriginal(t *testing.T, p *pypeer.Peer, e entries, questions []pypeer.Request) (*pypeer.Permissions, []string) {
	t.Helper()
	c, err := p.Permissions(e.kind, int(e.policy))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Add(e.records); err != nil {
		t.Fatal(err)
	}
	answers, err := c.Ask(questions)
	if err != nil {
		t.Fatal(err)
	}
	return c, answers
}
