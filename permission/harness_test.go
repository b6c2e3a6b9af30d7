package permission_test

import (
	"context"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// epoch is the time of what tests write.
var epoch = time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)

// eachStore runs a test over every kind of store.
func eachStore(t *testing.T, test func(t *testing.T, c *manager.Catalog)) {
	t.Run("memory", func(t *testing.T) { test(t, catalogOf(t, memory.New())) })
	t.Run("sqlite", func(t *testing.T) {
		f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		test(t, catalogOf(t, f))
	})
}

func catalogOf(t *testing.T, f storage.Factory) *manager.Catalog {
	t.Helper()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	blobs, err := storage.BuildBlobStore(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return manager.NewCatalog(f, blobs, manager.Options{})
}

func inMemory(t *testing.T) *manager.Catalog { return catalogOf(t, memory.New()) }

// guarded is the catalog as the checker guards it, used by a user.
func guarded(c *manager.Catalog, checker permission.Checker, user string) *manager.Catalog {
	return c.WithHandlers(permission.Handler(checker)).Using(manager.Scope{User: user})
}

// documents makes the model doc with resources doc:NAME by their creators.
func documents(t *testing.T, c *manager.Catalog, creators map[string]string) {
	t.Helper()
	m, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc"})
	if err != nil {
		t.Fatal(err)
	}
	for name, user := range creators {
		_, err := m.Create(t.Context(), manager.Operation{
			ResourceID: resource.ID("doc:" + name), Data: []byte(`{"n":1}`), User: user, Time: epoch,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// open opens the manager of a model.
func open(t *testing.T, c *manager.Catalog, model string) *manager.Manager {
	t.Helper()
	m, err := c.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// keeper has a resource manager of its own, as ACL and RBAC do.
type keeper interface {
	ResourceManager(ctx context.Context) (*manager.Manager, error)
	RootUser() string
}

// write stores records, the first one as the oldest.
func write(t *testing.T, k keeper, records ...[]byte) []resource.ID {
	t.Helper()
	m, err := k.ResourceManager(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m = m.Using(manager.Scope{User: k.RootUser()})
	var ids []resource.ID
	for i, data := range records {
		out, err := m.Create(t.Context(), manager.Operation{Data: data, Time: epoch.Add(time.Duration(i) * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, out.ResourceID)
	}
	return ids
}

// entry makes an entry.
func entry(subject, object string, a manager.Action, effect permission.Result, order ...int64) permission.Entry {
	e := permission.Entry{Subject: subject, Action: a, Effect: effect}
	if object != "" {
		e.Object = opt.Of(object)
	}
	if len(order) > 0 {
		e.Order = opt.Of(order[0])
	}
	return e
}

// member makes a membership.
func member(subject, group string, order ...int64) permission.Membership {
	m := permission.Membership{Subject: subject, Group: group}
	if len(order) > 0 {
		m.Order = opt.Of(order[0])
	}
	return m
}

// ask returns what a checker says, an error as "error".
func ask(t *testing.T, c permission.Checker, user string, a manager.Action, model, id string) permission.Result {
	t.Helper()
	r, err := c.Check(t.Context(), &permission.Context{
		Phase: manager.PhaseBefore, User: user, Action: a, Model: model, ResourceID: resource.ID(id),
	})
	if err != nil {
		return "error"
	}
	return r
}

// isForbidden fails the test unless err is the refusal of a checker.
func isForbidden(t *testing.T, what string, err error) {
	t.Helper()
	if code, ok := manager.CodeOf(err); !ok || code != manager.CodeForbidden {
		t.Errorf("%s: %v, want it forbidden", what, err)
	}
}
