package permission_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// aged makes the settings of a checker that rereads after the given time.
func aged(d time.Duration) permission.Config { return permission.Config{MaxAge: opt.Of(d)} }

func TestOwnChangesCountAtOnce(t *testing.T) {
	eachStore(t, func(t *testing.T, c *manager.Catalog) {
		rbac := permission.NewRBAC(c, aged(time.Hour))
		app := guarded(c, rbac, "root")
		if got := ask(t, rbac, "bob", get, "doc", ""); got != deny {
			t.Fatal(got)
		}
		ids := write(t, rbac, entry("bob", "doc", get, allow).RBAC())
		if got := ask(t, rbac, "bob", get, "doc", ""); got != allow {
			t.Errorf("through the resource manager: %s", got)
		}
		if _, err := open(t, app, permission.RBACModel).Delete(t.Context(), manager.Operation{ResourceID: ids[0]}); err != nil {
			t.Fatal(err)
		}
		if got := ask(t, rbac, "bob", get, "doc", ""); got != deny {
			t.Errorf("through the guarded catalog: %s", got)
		}
	})
}

func TestChangesByOthersCountWithinMaxAge(t *testing.T) {
	c := inMemory(t)
	other := permission.NewACL(c, permission.Config{})
	write(t, other)
	const age = 300 * time.Millisecond
	acl, eager := permission.NewACL(c, aged(age)), permission.NewACL(c, aged(0))
	for _, a := range []*permission.ACL{acl, eager} {
		if got := ask(t, a, "bob", get, "doc", ""); got != deny {
			t.Fatal(got)
		}
	}
	began := time.Now()
	write(t, other, entry("bob", "doc", get, allow).ACL())
	if got := ask(t, eager, "bob", get, "doc", ""); got != allow {
		t.Errorf("with age 0: %s", got)
	}
	for ask(t, acl, "bob", get, "doc", "") != allow {
		if time.Since(began) > 20*age {
			t.Fatal("the change does not count")
		}
		time.Sleep(age / 10)
	}
}

// With age 0 the entries are read once for a batch.
func TestOneBatchDecidesByOneReading(t *testing.T) {
	c := inMemory(t)
	acl := permission.NewACL(c, aged(0))
	other := permission.NewACL(c, permission.Config{})
	write(t, other, entry("bob", "doc", get, allow).ACL())
	check := func(call uint64) permission.Result {
		r, err := acl.Check(t.Context(), &permission.Context{User: "bob", Action: get, Model: "doc", Call: call})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got := check(1); got != allow {
		t.Fatal(got)
	}
	write(t, other, entry("bob", "doc", get, deny).ACL())
	if got := check(1); got != allow {
		t.Errorf("the same call: %s", got)
	}
	if got := check(2); got != deny {
		t.Errorf("the next call: %s", got)
	}
}

// BenchmarkChecks is about 1000 operations of a batch by several users over
// 1000 entries; the entries are read anew for each batch.
func BenchmarkChecks(b *testing.B) {
	for _, bc := range []struct {
		name string
		age  time.Duration
	}{{"kept", time.Hour}, {"read for each batch", 0}} {
		b.Run(bc.name, func(b *testing.B) { benchmarkChecks(b, bc.age) })
	}
}

func benchmarkChecks(b *testing.B, age time.Duration) {
	f, err := sqlite.Open(b.Context(), sqlite.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	c := manager.NewCatalog(f, nil, manager.Options{})
	rbac := permission.NewRBAC(c, aged(age))
	m, err := rbac.ResourceManager(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var ops []manager.Operation
	for i := range 500 {
		user, group := fmt.Sprint("user", i), fmt.Sprint("group", i%20)
		ops = append(ops, manager.Operation{Op: manager.OpCreate, Data: member(user, group).RBAC()},
			manager.Operation{Op: manager.OpCreate, Data: entry(group, "doc", manager.ActionFull, allow).RBAC()})
	}
	if _, err := m.Using(manager.Scope{User: "root"}).SaveMany(b.Context(), ops); err != nil {
		b.Fatal(err)
	}
	call := uint64(0)
	for b.Loop() {
		call++
		for i := range 1000 {
			user := fmt.Sprint("user", i%500)
			r, err := rbac.Check(b.Context(), &permission.Context{User: user, Action: update, Model: "doc", ResourceID: "doc:1", Call: call})
			if err != nil || r != allow {
				b.Fatal(r, err)
			}
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
