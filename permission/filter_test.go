package permission_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// unfiltered is a checker that is asked about each row.
type unfiltered struct{ checker permission.Checker }

func (u unfiltered) Check(ctx context.Context, c *permission.Context) (permission.Result, error) {
	return u.checker.Check(ctx, c)
}

// In the original a search shows every row to who may search.
func TestRowsAreFiltered(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		documents(t, c, map[string]string{"1": "ann", "2": "bob", "3": "ann"})
		rbac := permission.NewRBAC(c, permission.Config{})
		listing := manager.ActionSearchResources | manager.ActionDump
		write(t, rbac, entry("ann", "doc", listing|manager.ActionGetMeta, allow).RBAC(), entry("ann", "doc:3", manager.ActionGetMeta, deny).RBAC(),
			entry("bob", "doc", listing, allow).RBAC(), entry("bob", "doc:2", manager.ActionGetMeta, allow).RBAC())
		for user, want := range map[string][]resource.ID{"ann": {"doc:1", "doc:2"}, "bob": {"doc:2"}, "root": {"doc:1", "doc:2", "doc:3"}} {
			for name, checker := range map[string]permission.Checker{"filter": rbac, "each row": unfiltered{rbac}} {
				m := open(t, guarded(c, checker, user), "doc")
				if diff := cmp.Diff(want, search(t, m, qb.Query{})); diff != "" {
					t.Errorf("%s, %s: %s", user, name, diff)
				}
				if n, err := m.Count(t.Context(), qb.Query{}); err != nil || int(n) != len(want) {
					t.Errorf("%s, %s: count %d, %v", user, name, n, err)
				}
			}
		}
		m := open(t, guarded(c, rbac, "cyn"), "doc")
		_, err := m.Count(t.Context(), qb.Query{})
		isForbidden(t, "count", err)
	})
}

func search(t *testing.T, m *manager.Manager, q qb.Query) []resource.ID {
	t.Helper()
	ids := []resource.ID{}
	for meta, err := range m.Search(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, meta.ResourceID)
	}
	return ids
}

// generated entries of a few subjects, objects and actions.
func generated(src *rand.Rand, roles bool) [][]byte {
	pick := func(s ...string) string { return s[src.IntN(len(s))] }
	actions := []manager.Action{
		manager.ActionGetMeta, manager.ActionRead, manager.ActionSearchResources, manager.ActionReadList | manager.ActionRead,
		manager.ActionDump, manager.ActionFull, manager.ActionUpdate,
	}
	var records [][]byte
	for range 2 + src.IntN(12) {
		e := entry(pick("ann", "bob", "g1", "g2", "g3"), pick("doc", "doc", "*", "doc:1", "doc/doc:2", "doc:3", "doc:9", "note", "note:1"),
			actions[src.IntN(len(actions))], permission.Result(pick("allow", "allow", "deny", "not_applicable")))
		if src.IntN(2) == 0 {
			e.Order = opt.Of(src.Int64N(4))
		}
		if !roles {
			records = append(records, e.ACL())
			continue
		}
		records = append(records, e.RBAC())
		if src.IntN(2) == 0 {
			records = append(records, member(pick("ann", "bob", "g1", "g2", "g3"), pick("g1", "g2", "g3"), src.Int64N(3)).RBAC())
		}
	}
	return records
}

// What a filter shows is what asking about each row shows.
func TestFiltersShowWhatEachRowShows(t *testing.T) {
	src := rand.New(rand.NewPCG(7, 7))
	policies := []permission.Policy{
		permission.Strict, permission.Permissive, permission.DenyOverrides | permission.AllowOverrides, permission.DefaultAllow,
	}
	shown, hidden := 0, 0
	for round := range 120 {
		c := inMemory(t)
		creators := map[string]string{}
		for i := range 8 {
			creators[fmt.Sprint(i)] = []string{"ann", "bob", "cyn"}[src.IntN(3)]
		}
		documents(t, c, creators)
		policy := policies[src.IntN(len(policies))]
		acl, rbac := permission.NewACL(c, permission.Config{Policy: policy}), permission.NewRBAC(c, permission.Config{Policy: policy})
		write(t, acl, generated(src, false)...)
		write(t, rbac, generated(src, true)...)
		own := permission.Ownership{Actions: manager.ActionOwner | manager.ActionDump}
		search := permission.ActionBased{
			{Actions: manager.ActionSearchResources, Checker: permission.AllowAll{}},
			{Actions: manager.ActionRead, Checker: own},
			{Actions: manager.ActionFull, Checker: acl},
		}
		for name, checker := range map[string]permission.Checker{
			"acl": acl, "rbac": rbac, "root only": permission.RootOnly{}, "all": permission.AllowAll{}, "nobody": permission.Composite{},
			"entries and ownership": permission.Composite{acl, own}, "any of three": permission.Conditional{own, unfiltered{acl}, rbac},
			"half known": permission.Composite{own, unfiltered{rbac}}, "by action": search,
			"by model": permission.ByModel{Models: map[string]permission.Checker{"doc": rbac}},
		} {
			for _, user := range []string{"ann", "bob", "root", ""} {
				want := listing(t, guarded(c, unfiltered{checker}, user))
				if diff := cmp.Diff(want, listing(t, guarded(c, checker, user))); diff != "" {
					t.Errorf("round %d, policy %b, %s, %q: %s", round, policy, name, user, diff)
				}
				found := 0
				for _, line := range want {
					if strings.HasPrefix(line, "found ") {
						found++
					}
				}
				shown, hidden = shown+found, hidden+8-found
			}
		}
	}
	if shown < 1000 || hidden < 1000 {
		t.Errorf("%d rows were shown and %d hidden: that compares nothing", shown, hidden)
	}
}

// listing returns what a search and a dump show, or that they are refused.
func listing(t *testing.T, c *manager.Catalog) []string {
	t.Helper()
	var lines []string
	m := open(t, c, "doc")
	for meta, err := range m.Search(t.Context(), qb.Query{}) {
		if err != nil {
			lines = append(lines, "search: "+err.Error())
			break
		}
		lines = append(lines, "found "+string(meta.ResourceID))
	}
	n, err := m.Count(t.Context(), qb.Query{})
	lines = append(lines, fmt.Sprint("count ", n, err != nil))
	stats, err := c.DumpTo(t.Context(), &bytes.Buffer{}, manager.DumpOptions{Models: []string{"doc"}})
	return append(lines, fmt.Sprint("dump ", stats.Models["doc"].Metas, err))
}

func TestAFilterOfManyNamedResourcesAsksAboutEachRow(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann", "2": "ann"})
	acl := permission.NewACL(c, permission.Config{})
	records := [][]byte{entry("bob", "doc", manager.ActionSearchResources, allow).ACL()}
	for i := range 1100 {
		records = append(records, entry("bob", fmt.Sprintf("doc:x%d", i), manager.ActionGetMeta, allow).ACL())
	}
	write(t, acl, append(records, entry("bob", "doc:2", manager.ActionGetMeta, allow).ACL())...)
	if diff := cmp.Diff([]resource.ID{"doc:2"}, search(t, open(t, guarded(c, acl, "bob"), "doc"), qb.Query{})); diff != "" {
		t.Error(diff)
	}
}

// A checker may read the store while a listing or a dump of it is under way.
func TestACheckMayReadTheStoreItGuards(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		documents(t, c, map[string]string{"1": "ann", "2": "bob", "3": "ann"})
		checker := permission.CheckerFunc(func(ctx context.Context, q *permission.Context) (permission.Result, error) {
			if q.ResourceID == "" {
				return allow, nil
			}
			meta, err := open(t, c, "doc").GetMeta(ctx, q.ResourceID)
			if err != nil || meta.CreatedBy != q.User {
				return deny, err
			}
			return allow, nil
		})
		view := guarded(c, checker, "ann")
		want := []string{"found doc:1", "found doc:3", "count 2 false", "dump 2 <nil>"}
		if diff := cmp.Diff(want, listing(t, view)); diff != "" {
			t.Error(diff)
		}
		out, err := open(t, view, "doc").SaveMany(t.Context(), []manager.Operation{
			{Op: manager.OpDelete, ResourceID: "doc:1"}, {Op: manager.OpDelete, ResourceID: "doc:2"},
		})
		if err != nil || out[0].Effect != manager.EffectDeleted || out[1].Code != manager.CodeForbidden {
			t.Errorf("%+v, %v", out, err)
		}
	})
}
