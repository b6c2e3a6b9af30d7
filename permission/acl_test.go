package permission_test

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
)

const (
	allow = permission.Allow
	deny  = permission.Deny
	none  = permission.NotApplicable

	get    = manager.ActionGet
	update = manager.ActionUpdate
)

// In the original the effect is read where it is not, and a lone deny allows.
func TestALoneDenyDenies(t *testing.T) {
	for _, policy := range []permission.Policy{permission.Strict, permission.Permissive, permission.DenyOverrides | permission.DefaultAllow} {
		acl := permission.NewACL(inMemory(t), permission.Config{Policy: policy})
		write(t, acl, entry("bob", "doc", get, deny).ACL())
		if got := ask(t, acl, "bob", get, "doc", ""); got != deny {
			t.Errorf("policy %b: %s", policy, got)
		}
	}
}

func TestPoliciesDecideBetweenEntries(t *testing.T) {
	const (
		both = permission.DenyOverrides | permission.AllowOverrides
		open = permission.DefaultAllow
	)
	e := entry
	for _, c := range []struct {
		name    string
		entries []permission.Entry
		// want is the answer with the policies strict, permissive, both overrides, and
		// no override with default_allow.
		want [4]permission.Result
	}{
		{"none", nil, [4]permission.Result{deny, allow, deny, allow}},
		{"allow", []permission.Entry{e("bob", "doc", get, allow)}, [4]permission.Result{allow, allow, allow, allow}},
		{"deny", []permission.Entry{e("bob", "doc", get, deny)}, [4]permission.Result{deny, deny, deny, deny}},
		{"no effect", []permission.Entry{e("bob", "doc", get, none)}, [4]permission.Result{deny, allow, deny, allow}},
		{"allow, then deny", []permission.Entry{e("bob", "doc", get, allow, 1), e("bob", "doc", get, deny, 2)}, [4]permission.Result{deny, allow, allow, deny}},
		{"deny, then allow", []permission.Entry{e("bob", "doc", get, allow, 2), e("bob", "doc", get, deny, 1)}, [4]permission.Result{deny, allow, deny, deny}},
		{"unset comes first", []permission.Entry{e("bob", "doc", get, allow, -5), e("bob", "doc", get, deny)}, [4]permission.Result{deny, allow, deny, deny}},
		{"the older comes first", []permission.Entry{e("bob", "doc", get, deny), e("bob", "doc", get, allow)}, [4]permission.Result{deny, allow, deny, deny}},
		{"the model comes before everything", []permission.Entry{e("bob", "*", get, deny, 1), e("bob", "doc", get, allow, 2)}, [4]permission.Result{deny, allow, allow, deny}},
		{"the resource comes before the model", []permission.Entry{e("bob", "doc", get, deny, 1), e("bob", "doc:1", get, allow, 2)}, [4]permission.Result{deny, allow, allow, deny}},
		{"another user", []permission.Entry{e("ann", "doc", get, allow)}, [4]permission.Result{deny, allow, deny, allow}},
		{"another model", []permission.Entry{e("bob", "note", get, allow)}, [4]permission.Result{deny, allow, deny, allow}},
		{"another action", []permission.Entry{e("bob", "doc", update, allow)}, [4]permission.Result{deny, allow, deny, allow}},
		{"no object", []permission.Entry{e("bob", "", get, allow)}, [4]permission.Result{deny, allow, deny, allow}},
		{"subjects are texts", []permission.Entry{e("*", "doc", get, allow), e("user:bob", "doc", get, allow)}, [4]permission.Result{deny, allow, deny, allow}},
	} {
		for i, p := range []permission.Policy{permission.Strict, permission.Permissive, both, open} {
			acl := permission.NewACL(inMemory(t), permission.Config{Policy: p})
			var records [][]byte
			for _, e := range c.entries {
				records = append(records, e.ACL())
			}
			write(t, acl, records...)
			if got := ask(t, acl, "bob", get, "doc", "doc:1"); got != c.want[i] {
				t.Errorf("%s, policy %b: %s, want %s", c.name, p, got, c.want[i])
			}
		}
	}
}

// The original's documentation has entries about one resource; its code never
// looks for them.
func TestEntriesAboutOneResource(t *testing.T) {
	acl := permission.NewACL(inMemory(t), permission.Config{})
	write(t, acl,
		entry("bob", "doc", get, allow).ACL(), entry("bob", "doc:secret", get, deny).ACL(),
		entry("ann", "doc:1", get|update, allow).ACL(), entry("ann", "note/doc:2", get, allow).ACL(),
		entry("ann", "note/a/b", get, allow).ACL(), entry("cyn", "note", get, allow).ACL())
	for _, c := range []struct {
		user, model, id string
		want            permission.Result
	}{
		{"bob", "doc", "doc:1", allow},
		{"bob", "doc", "doc:secret", deny},
		{"bob", "doc", "", allow},
		{"ann", "doc", "doc:1", allow},
		{"ann", "doc", "doc:2", deny},
		{"ann", "doc", "", deny},
		{"ann", "note", "doc:1", deny}, // an id without the model's name is named as model/id
		{"ann", "note", "doc:2", allow},
		{"ann", "note", "a/b", allow},
		{"cyn", "doc", "note", deny}, // a model's name is no resource
	} {
		if got := ask(t, acl, c.user, get, c.model, c.id); got != c.want {
			t.Errorf("%s gets %q of %s: %s, want %s", c.user, c.id, c.model, got, c.want)
		}
	}
}

// On its SQL stores the original compares the digits of actions.
func TestActionBitsMatchOnEveryStore(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		acl := permission.NewACL(c, permission.Config{})
		held := manager.ActionRead | manager.ActionPatch
		write(t, acl, entry("bob", "doc", held, allow).ACL())
		for bit := range 16 {
			a := manager.Action(1) << bit
			want := deny
			if held.Has(a) {
				want = allow
			}
			if got := ask(t, acl, "bob", a, "doc", ""); got != want {
				t.Errorf("%s: %s, want %s", a, got, want)
			}
		}
	})
}

func TestOnlyRootMaySeeAndChangeEntries(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		acl := permission.NewACL(c, permission.Config{Policy: permission.Permissive, RootUser: "boss"})
		ids := write(t, acl, entry("bob", "*", manager.ActionFull, allow).ACL())
		own, err := acl.ResourceManager(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		app := guarded(c, acl, "bob")
		for name, m := range map[string]*manager.Manager{
			"resource manager": own.Using(manager.Scope{User: "bob"}), "resource manager of nobody": own, "catalog": open(t, app, permission.ACLModel),
		} {
			_, err := m.Get(t.Context(), ids[0], manager.GetOptions{})
			isForbidden(t, name+": get", err)
			_, err = m.Create(t.Context(), manager.Operation{Data: entry("bob", "*", get, allow).ACL()})
			isForbidden(t, name+": create", err)
		}
		for name, m := range map[string]*manager.Manager{
			"resource manager": own.Using(manager.Scope{User: "boss"}), "catalog": open(t, app.Using(manager.Scope{User: "boss"}), permission.ACLModel),
		} {
			if _, err := m.Get(t.Context(), ids[0], manager.GetOptions{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, err = m.Create(t.Context(), manager.Operation{Data: []byte(`{"subject":"bob","object":"doc","action":65536}`)})
			if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
				t.Errorf("%s: an entry that cannot be read is written: %v", name, err)
			}
		}
	})
}

func TestDeletedEntriesDoNotCount(t *testing.T) {
	acl := permission.NewACL(inMemory(t), permission.Config{})
	ids := write(t, acl, entry("bob", "doc", get, allow).ACL())
	m, err := acl.ResourceManager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m = m.Using(manager.Scope{User: "root"})
	if _, err := m.Delete(t.Context(), manager.Operation{ResourceID: ids[0]}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, acl, "bob", get, "doc", ""); got != deny {
		t.Errorf("deleted: %s", got)
	}
	if _, err := m.Restore(t.Context(), manager.Operation{ResourceID: ids[0]}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, acl, "bob", get, "doc", ""); got != allow {
		t.Errorf("restored: %s", got)
	}
}

// An entry that cannot be read may be a deny: nothing is allowed to whom it may
// concern, and the error names it.
func TestAnEntryThatCannotBeReadDenies(t *testing.T) {
	c := inMemory(t)
	acl := permission.NewACL(c, permission.Config{Policy: permission.Permissive})
	write(t, acl, entry("bob", "doc", get, allow).ACL(), entry("ann", "doc", get, allow).ACL())
	raw := open(t, c, permission.ACLModel)
	for _, bad := range []struct {
		data     string
		bob, ann permission.Result
	}{
		{`{"subject":"bob","object":"doc","action":"get"}`, "error", allow},
		{`{"subject":7,"object":"doc","action":2}`, "error", "error"},
	} {
		out, err := raw.Create(t.Context(), manager.Operation{Payload: []byte(bad.data)})
		if err != nil {
			t.Fatal(err)
		}
		acl := permission.NewACL(c, permission.Config{Policy: permission.Permissive})
		if got := ask(t, acl, "bob", get, "doc", ""); got != bad.bob {
			t.Errorf("%s: bob: %s", bad.data, got)
		}
		if got := ask(t, acl, "ann", get, "doc", ""); got != bad.ann {
			t.Errorf("%s: ann: %s", bad.data, got)
		}
		_, err = acl.Check(t.Context(), &permission.Context{User: "bob", Action: get, Model: "doc"})
		if err == nil || !strings.Contains(err.Error(), string(out.ResourceID)) {
			t.Errorf("%v does not name %s", err, out.ResourceID)
		}
	}
	if got := ask(t, acl, "root", get, "doc", ""); got != allow {
		t.Errorf("root: %s", got)
	}
}
