package permission_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

type document struct{ N int }

// A search that shows payloads shows those that its user may get, and no more
// checks are made than for the search.
func TestTypedSearchesShowWhatTheUserMayGet(t *testing.T) {
	c := inMemory(t)
	acl := permission.NewACL(c, permission.Config{})
	docs, err := manager.For[document](t.Context(), c, model.TypedOptions{Name: "doc"})
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range []resource.ID{"doc:1", "doc:2", "doc:3", "doc:4"} {
		if _, err := docs.Create(t.Context(), id, document{N: i}); err != nil {
			t.Fatal(err)
		}
	}
	write(t, acl, entry("ann", "doc", manager.ActionSearchResources|manager.ActionGetMeta|get, allow).ACL(),
		entry("ann", "doc:2", get, deny).ACL(), entry("ann", "doc:1", manager.ActionGetMeta, deny).ACL())
	for name, checker := range map[string]permission.Checker{"filter": acl, "each row": unfiltered{acl}} {
		view, err := manager.For[document](t.Context(), guarded(c, checker, "ann"), model.TypedOptions{Name: "doc"})
		if err != nil {
			t.Fatal(err)
		}
		var found []int
		for r, err := range view.Search(t.Context(), qb.Query{Limit: opt.Of(2)}) {
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, r.Data.N)
		}
		if diff := cmp.Diff([]int{2, 3}, found); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Who may not migrate a model is not told by failures which resources it has.
func TestMigrationsOfAModelAreChecked(t *testing.T) {
	c := inMemory(t)
	documents(t, c, map[string]string{"1": "ann"})
	if _, err := c.Declare(t.Context(), storage.ModelInfo{Name: "doc", SchemaVersion: opt.Of("2")}); err != nil {
		t.Fatal(err)
	}
	stats, err := open(t, guarded(c, permission.RootOnly{}, "bob"), "doc").MigrateAll(t.Context(), manager.MigrateOptions{})
	isForbidden(t, "migrate", err)
	if stats.Failed != 0 {
		t.Errorf("%+v", stats)
	}
	_, err = open(t, guarded(c, permission.RootOnly{}, "bob"), "doc").Migrate(t.Context(), manager.Operation{ResourceID: "doc:1"})
	isForbidden(t, "migrate one", err)
}
