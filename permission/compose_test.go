package permission_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// always answers the same.
func always(r permission.Result) permission.Checker {
	return permission.CheckerFunc(func(context.Context, *permission.Context) (permission.Result, error) { return r, nil })
}

var errDown = errors.New("the directory is down")

// down fails, with an answer that must not matter.
func down() permission.Checker {
	return permission.CheckerFunc(func(context.Context, *permission.Context) (permission.Result, error) { return allow, errDown })
}

func TestCheckersTogether(t *testing.T) {
	type list = []permission.Checker
	yes, no, na := always(allow), always(deny), always(none)
	for _, c := range []struct {
		name             string
		checkers         list
		composite, first permission.Result
	}{
		{"none", nil, none, none},
		{"not applicable", list{na, na}, none, none},
		{"allow", list{na, yes}, allow, allow},
		{"deny", list{no, na}, deny, deny},
		{"allow, deny", list{yes, no}, deny, allow},
		{"deny, allow", list{no, yes}, deny, deny},
		{"an unknown answer", list{always("maybe")}, none, none},
		{"error", list{na, down()}, "error", "error"},
		{"allow, error", list{yes, down()}, "error", allow},
		{"deny, error", list{no, down()}, deny, deny},
	} {
		if got := ask(t, permission.Composite(c.checkers), "bob", get, "doc", ""); got != c.composite {
			t.Errorf("composite of %s: %s, want %s", c.name, got, c.composite)
		}
		if got := ask(t, permission.Conditional(c.checkers), "bob", get, "doc", ""); got != c.first {
			t.Errorf("first of %s: %s, want %s", c.name, got, c.first)
		}
	}
}

func TestCheckersByAction(t *testing.T) {
	rules := permission.ActionBased{
		{Actions: manager.ActionRead, Checker: always(none)},
		{Actions: get | update, Checker: always(allow)},
		{Actions: manager.ActionFull, Checker: always(deny)},
	}
	for a, want := range map[manager.Action]permission.Result{get: allow, update: allow, manager.ActionGetMeta: deny, manager.ActionDump: deny} {
		if got := ask(t, rules, "bob", a, "doc", ""); got != want {
			t.Errorf("%s: %s, want %s", a, got, want)
		}
	}
	if got := ask(t, rules[:1], "bob", update, "doc", ""); got != none {
		t.Errorf("no rule: %s", got)
	}
}

// In the original the checker of a model is never asked.
func TestEachModelHasItsOwnChecker(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	byModel := permission.ByModel{Models: map[string]permission.Checker{"doc": always(deny)}, Else: permission.AllowAll{}}
	if got := ask(t, byModel, "bob", get, "note", ""); got != allow {
		t.Errorf("another model: %s", got)
	}
	_, err := open(t, guarded(c, byModel, "bob"), "doc").Get(t.Context(), "doc:1", manager.GetOptions{})
	isForbidden(t, "get", err)
	byModel = permission.ByModel{Models: map[string]permission.Checker{"doc": permission.AllowAll{}}}
	if _, err := open(t, guarded(c, byModel, "bob"), "doc").Get(t.Context(), "doc:1", manager.GetOptions{}); err != nil {
		t.Error(err)
	}
	if got := ask(t, byModel, "bob", get, "note", ""); got != none {
		t.Errorf("a model without a checker: %s", got)
	}
}

func TestRootAndOwners(t *testing.T) {
	if got := ask(t, permission.RootOnly{}, permission.DefaultRootUser, get, "doc", ""); got != allow {
		t.Error(got)
	}
	if got := ask(t, permission.RootOnly{User: "boss"}, "root", get, "doc", ""); got != deny {
		t.Error(got)
	}
	meta := &resource.Meta{ResourceID: "doc:1", CreatedBy: "ann"}
	for _, c := range []struct {
		name    string
		context permission.Context
		want    permission.Result
	}{
		{"hers", permission.Context{User: "ann", Action: update, ResourceID: "doc:1", Meta: meta}, allow},
		{"another's", permission.Context{User: "bob", Action: update, ResourceID: "doc:1", Meta: meta}, deny},
		{"of nobody", permission.Context{User: "ann", Action: update, ResourceID: "doc:2"}, deny},
		{"nobody", permission.Context{Action: update, ResourceID: "doc:1", Meta: &resource.Meta{}}, deny},
		{"no resource", permission.Context{User: "ann", Action: get}, none},
		{"another action", permission.Context{User: "ann", Action: manager.ActionCreate, ResourceID: "doc:1", Meta: meta}, none},
	} {
		if got, err := (permission.Ownership{}).Check(t.Context(), &c.context); got != c.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", c.name, got, err, c.want)
		}
	}
}

func TestPublishersAreNotRoot(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	if _, err := c.Declare(t.Context(), storage.ModelInfo{Name: permission.ACLModel}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		user, model string
		want        string
	}{
		{"ann", "doc", ""},
		{"root", "doc", "jobs of user root are not taken from the queue; advice"},
		{"ann", permission.ACLModel, "resources of model ACLPermission are not taken from the queue; advice"},
	} {
		checker := permission.Composite{permission.Publishers{Advice: "advice"}, permission.AllowAll{}}
		m := open(t, guarded(c, checker, tc.user), tc.model)
		_, err := m.Create(t.Context(), manager.Operation{Data: []byte(`{}`)})
		if tc.want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		isForbidden(t, tc.user, err)
		if !strings.HasSuffix(err.Error(), tc.want) {
			t.Errorf("%v, want %s", err, tc.want)
		}
		if n, err := m.Count(t.Context(), qb.Query{}); n != 0 {
			t.Errorf("%s counts %d, %v", tc.user, n, err)
		}
	}
}
