package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// statements counts and keeps what is asked of the server.
type statements struct {
	mu  sync.Mutex
	all []string
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, d.SQL)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns what was asked since the last take.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

// TestListIsTwoStatements whatever the number of resources: from the store as it is, and
// from a snapshot.
func TestListIsTwoStatements(t *testing.T) {
	dsn, err := schemaOf(t.Context(), database(t), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	asked := &statements{}
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn, Tracer: asked})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	catalog := manager.NewCatalog(f, nil, manager.Options{})
	m, err := catalog.Declare(t.Context(), storage.ModelInfo{Name: "person", Encoding: resource.JSON})
	if err != nil {
		t.Fatal(err)
	}
	var ops []manager.Operation
	for i := range 150 {
		ops = append(ops, manager.Operation{Op: manager.OpCreate, ResourceID: resource.ID(fmt.Sprintf("p:%03d", i)), Data: []byte(`{"n":1}`)})
	}
	if _, err := m.SaveMany(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	snap, err := catalog.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer snap.Close()
	past, err := snap.Open(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	for what, r := range map[string]*manager.Reader{"store": &m.Reader, "snapshot": past} {
		for _, n := range []int{1, 149, 150} {
			asked.take()
			p, err := r.List(t.Context(), qb.Query{Sort: []qb.Sort{qb.UpdatedTime().Desc()}}.Page(n, 0))
			if err != nil || len(p.Items) != n || p.Items[n-1].Err != nil {
				t.Fatal(what, len(p.Items), err)
			}
			if got := asked.take(); len(got) != 2 {
				t.Errorf("%s: a list of %d took %d statements:\n%s", what, n, len(got), strings.Join(got, "\n"))
			}
		}
	}
}
