package permission_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
)

func TestGroupsAreAskedInTheirOrder(t *testing.T) {
	e, m := entry, member
	readers, banned := e("readers", "doc", get, allow).RBAC(), e("banned", "doc", get, deny).RBAC()
	for _, c := range []struct {
		name    string
		records [][]byte
		want    permission.Result
	}{
		{"nothing", nil, deny},
		{"a group", [][]byte{readers, m("bob", "readers").RBAC()}, allow},
		{"a group of a group", [][]byte{readers, m("bob", "a").RBAC(), m("a", "b").RBAC(), m("b", "readers").RBAC()}, allow},
		{"the user first", [][]byte{e("bob", "doc", get, allow).RBAC(), banned, m("bob", "banned").RBAC()}, allow},
		{"of two groups the higher", [][]byte{readers, banned, m("bob", "readers", 1).RBAC(), m("bob", "banned", 2).RBAC()}, deny},
		{"and the other way round", [][]byte{readers, banned, m("bob", "readers", 2).RBAC(), m("bob", "banned", 1).RBAC()}, allow},
		{"without an order the older", [][]byte{readers, banned, m("bob", "readers").RBAC(), m("bob", "banned").RBAC()}, allow},
		{"one without an order last", [][]byte{readers, banned, m("bob", "banned").RBAC(), m("bob", "readers", -9).RBAC()}, allow},
		{"depth first", [][]byte{readers, banned, m("bob", "banned", 1).RBAC(), m("bob", "a", 2).RBAC(), m("a", "readers").RBAC()}, allow},
		{"a group that says nothing", [][]byte{banned, e("mute", "doc", get, none).RBAC(), m("bob", "banned", 1).RBAC(), m("bob", "mute", 2).RBAC()}, deny},
		{"a group of the same name as a user", [][]byte{e("bob", "doc", get, allow).RBAC(), m("bob", "bob").RBAC()}, allow},
	} {
		rbac := permission.NewRBAC(inMemory(t), permission.Config{})
		write(t, rbac, c.records...)
		if got := ask(t, rbac, "bob", get, "doc", "doc:1"); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// In the original a cycle of memberships never ends.
func TestMembershipCyclesEnd(t *testing.T) {
	done := make(chan permission.Result)
	rbac := permission.NewRBAC(inMemory(t), permission.Config{})
	write(t, rbac, member("bob", "a").RBAC(), member("a", "b").RBAC(), member("b", "a").RBAC(), member("b", "b").RBAC())
	go func() { done <- ask(t, rbac, "bob", get, "doc", "") }()
	select {
	case got := <-done:
		if got != deny {
			t.Errorf("%s", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the cycle does not end")
	}
	write(t, rbac, entry("b", "doc", get, allow).RBAC())
	if got := ask(t, rbac, "bob", get, "doc", ""); got != allow {
		t.Errorf("through the cycle: %s", got)
	}
}

func TestMembershipsThatAreTooDeepDeny(t *testing.T) {
	rbac := permission.NewRBAC(inMemory(t), permission.Config{Policy: permission.Permissive})
	records := [][]byte{member("bob", "g1").RBAC()}
	for i := 1; i <= permission.MaxDepth; i++ {
		records = append(records, member(fmt.Sprintf("g%d", i), fmt.Sprintf("g%d", i+1)).RBAC())
	}
	ids := write(t, rbac, records...)
	_, err := rbac.Check(t.Context(), &permission.Context{User: "bob", Action: get, Model: "doc"})
	if err == nil || !strings.Contains(err.Error(), "g101") {
		t.Errorf("%v", err)
	}
	if got := ask(t, rbac, "g2", get, "doc", ""); got != allow {
		t.Errorf("one level less: %s", got)
	}
	m, err := rbac.ResourceManager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Using(manager.Scope{User: "root"}).Delete(t.Context(), manager.Operation{ResourceID: ids[len(ids)-1]}); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, rbac, "bob", get, "doc", ""); got != allow {
		t.Errorf("within the bound: %s", got)
	}
}

func TestRecordsOfUnknownTypeDeny(t *testing.T) {
	c := inMemory(t)
	rbac := permission.NewRBAC(c, permission.Config{})
	write(t, rbac, entry("bob", "doc", get, allow).RBAC())
	if _, err := open(t, c, permission.RBACModel).Create(t.Context(), manager.Operation{Payload: entry("bob", "doc", get, allow).ACL()}); err != nil {
		t.Fatal(err)
	}
	rbac = permission.NewRBAC(c, permission.Config{})
	if got := ask(t, rbac, "bob", get, "doc", ""); got != "error" {
		t.Errorf("%s", got)
	}
}
