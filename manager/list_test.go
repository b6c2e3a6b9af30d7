package manager_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

// TestListNeedsTwoCalls: the number of calls to the store does not grow with that of
// resources. Both are one statement each where there are statements.
func TestListNeedsTwoCalls(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		people(t, s, 40)
		plan := &faulty.Plan{}
		f := faulty.New(s.factory, plan)
		m, err := manager.NewCatalog(f, nil, manager.Options{}).Open(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		before := plan.Calls("*")
		p, err := m.List(t.Context(), byAge.Page(30, 0))
		if err != nil || len(p.Items) != 30 || p.Next == "" {
			t.Fatal(len(p.Items), p.Next, err)
		}
		if got := plan.Calls("*") - before; got > 3 || plan.Calls("Metas.Search") != 1 || plan.Calls("Revisions.GetMany") != 1 {
			t.Errorf("a list of 30 took %d calls", got)
		}
	})
}

// TestListFailsAlone: damage of one resource leaves the others readable.
func TestListFailsAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		typed := people(t, s, 5)
		stores, err := s.factory.Build(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		breakResources(t, stores)
		p, err := typed.List(t.Context(), qb.Query{})
		if err != nil {
			t.Fatal(err)
		}
		var broken, whole []resource.ID
		for _, r := range p.Items {
			id := r.Meta.ResourceID
			switch {
			case r.Err == nil:
				whole = append(whole, id)
			case strings.Contains(r.Err.Error(), string(id)):
				broken = append(broken, id)
			default:
				t.Errorf("the error of %s does not name it: %v", id, r.Err)
			}
		}
		if !slices.Equal(whole, []resource.ID{numbered(0), numbered(3), numbered(4)}) || !slices.Equal(broken, []resource.ID{numbered(1), numbered(2)}) {
			t.Errorf("whole are %q, broken %q", whole, broken)
		}
	})
}

// breakResources damages the payload of 1 and takes the revision of 2 away.
func breakResources(t *testing.T, stores storage.Stores) {
	t.Helper()
	ctx := t.Context()
	meta, err := stores.Metas.Get(ctx, numbered(1))
	if err != nil {
		t.Fatal(err)
	}
	key := resource.RevisionKey{Resource: meta.ResourceID, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion}
	rev, err := stores.Revisions.Get(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	rev.Info.UID, rev.Data = uuid.New(), []byte(`{"name":7}`)
	if err := stores.Revisions.SaveMany(ctx, []resource.Revision{rev}); err != nil {
		t.Fatal(err)
	}
	if err := stores.Revisions.Purge(ctx, []resource.ID{numbered(2)}); err != nil {
		t.Fatal(err)
	}
}

// purges removes a resource while it is listed.
type purges struct {
	stores storage.Stores
	id     resource.ID
}

func (purges) Handle(context.Context, *manager.Event) error { return nil }

func (p purges) Rows(context.Context, *manager.Event) (manager.Rows, error) {
	return manager.Rows{Check: func(ctx context.Context, m *resource.Meta) (bool, error) {
		if m.ResourceID != p.id {
			return true, nil
		}
		err := p.stores.Metas.Delete(ctx, []resource.ID{p.id})
		return true, errors.Join(err, p.stores.Revisions.Purge(ctx, []resource.ID{p.id}))
	}}, nil
}

// TestListLeavesOutWhatIsPurged between the metas and the payloads.
func TestListLeavesOutWhatIsPurged(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		people(t, s, 5)
		stores, err := s.factory.Build(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Catalog.WithHandlers(purges{stores, numbered(2)}).Open(t.Context(), "person")
		if err != nil {
			t.Fatal(err)
		}
		p, err := m.List(t.Context(), qb.Query{}.Page(4, 0))
		if err != nil || p.Next == "" || len(p.Items) != 3 || p.Items[2].Meta.ResourceID != numbered(3) {
			t.Errorf("of 4 one of which is purged %d are listed: %v", len(p.Items), err)
		}
	})
}

// TestListFailsAsAWhole: what concerns all resources is no error of one.
func TestListFailsAsAWhole(t *testing.T) {
	s := openMemory(t)
	people(t, s, 5)
	plan := &faulty.Plan{}
	m, err := manager.NewCatalog(faulty.New(s.factory, plan), nil, manager.Options{}).Open(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	plan.Arm(faulty.Fault{On: []string{"Revisions.GetMany"}, Times: faulty.Always, Do: faulty.Outage()})
	if _, err := m.List(t.Context(), qb.Query{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("a list without a store gave %v", err)
	}
	n := 0
	for _, err := range m.Resources(t.Context(), qb.Query{}) {
		if n++; !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("resources without a store gave %v", err)
		}
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
}

// TestResourcesStream: more resources than are read at once come in order, and the
// loop may be left.
func TestResourcesStream(t *testing.T) {
	s := openMemory(t)
	m := people(t, s, 260).Manager()
	want := idsFound(t, m.Search(t.Context(), byAge))
	for _, stop := range []int{1, 100, 101, 259, 260} {
		var got []resource.ID
		for r, err := range m.Resources(t.Context(), byAge) {
			if err != nil || r.Err != nil || len(r.Data) == 0 {
				t.Fatal(r.Meta.ResourceID, err, r.Err)
			}
			if got = append(got, r.Meta.ResourceID); len(got) == stop {
				break
			}
		}
		if !slices.Equal(got, want[:stop]) {
			t.Errorf("the first %d are %q", stop, got)
		}
	}
}
