package peertest

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// TestAModelThatTheOriginalMakesMeanwhile has our store open, empty and asked for the
// model in vain, when an app of the original makes its tables: the next look takes the
// model in, with our indexes, and both go on with it. So does a second store of ours.
func TestAModelThatTheOriginalMakesMeanwhile(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		place := c.place(t, "")
		s := items{store: open(t, place)}
		second := open(t, place)
		for _, ours := range []store{s.store, second} {
			if names := modelNames(t, ours); len(names) > 0 {
				t.Fatalf("an empty store has the models %v", names)
			}
			if _, err := ours.catalog.Open(t.Context(), "item"); err == nil {
				t.Fatal("a model that is not there was opened")
			}
		}

		s.app = p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place})
		mustApply(t, s.app, someEdits(20))
		want := c.comparable(s.app.MustState(t))
		if names := modelNames(t, second); !slices.Equal(names, []string{"item"}) {
			t.Errorf("the models are %v", names)
		}
		var err error
		if s.manager, err = s.catalog.Open(t.Context(), "item"); err != nil {
			t.Fatal(err)
		}
		equal(t, "taken in", want, c.comparable(s.state(t)))
		equal(t, "seen by the other store", want, c.comparable(second.state(t)))
		again := open(t, c.place(t, ""))
		again.load(t, s.dump(t), manager.LoadOptions{})
		equal(t, "dumped, and loaded elsewhere", want, c.comparable(again.state(t)))
		if place.DSN != "" {
			if n := indexesOf(t, place.DSN, "item_meta"); n < 10 {
				t.Errorf("the table has %d indexes: ours are not among them", n)
			}
		}

		s.manager = declareItem(t, s.store)
		s.save(t, []manager.Operation{
			{Op: manager.OpUpdate, ResourceID: "item:001", Data: labelled("ours", 1), User: "go", Time: noon},
			{Op: manager.OpCreate, ResourceID: "item:ours", Data: labelled("ours", 2), User: "go", Time: noon},
		})
		mustApply(t, s.app, []pypeer.Edit{
			{Op: "update", ResourceID: "item:001", Data: labelled("theirs", 3), User: "py", Time: noon},
			{Op: "update", ResourceID: "item:ours", Data: labelled("theirs", 4), User: "py", Time: noon},
		})
		got := c.same(t, "after each has written", s.app, s.store)
		equal(t, "seen by the other store after each has written", got, c.comparable(second.state(t)))
		if found := sameAnswers(t, s.app, s.store, "item"); found < 50 {
			t.Errorf("only %d ids were found", found)
		}
		findings, err := s.catalog.Verify(t.Context())
		if err != nil || !findings.OK {
			t.Errorf("%+v, %v", findings, err)
		}
	})
}

// TestALoadIntoAModelThatTheOriginalMakesMeanwhile loads into a model whose tables
// appear behind the back of the store that loads.
func TestALoadIntoAModelThatTheOriginalMakesMeanwhile(t *testing.T) {
	p := pypeer.Start(t)
	alone := p.MustNew(t, pypeer.Config{Models: pypeer.Item})
	mustApply(t, alone, someEdits(20))
	archive := filepath.Join(t.TempDir(), "alone.acbak")
	if err := alone.Dump(archive); err != nil {
		t.Fatal(err)
	}
	eachComposition(t, func(t *testing.T, c composition) {
		place := c.place(t, "")
		ours := open(t, place)
		app := p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place})
		mustApply(t, app, []pypeer.Edit{{Op: "create", ResourceID: "item:theirs", Data: labelled("theirs", 1), User: "py", Time: noon}})
		stats := ours.load(t, archive, manager.LoadOptions{})
		if stats["item"].Loaded != 20 {
			t.Errorf("loaded %+v", stats)
		}
		got := c.same(t, "after the load", app, ours)
		if n := len(alone.MustState(t)); len(got) != n+3 {
			t.Errorf("there are %d records, want those %d of the archive and 3", len(got), n)
		}
	})
}

// TestAModelThatBothMakeAtOnce has both make the tables of one model at the same time,
// and another process of the original too.
func TestAModelThatBothMakeAtOnce(t *testing.T) {
	peers := []*pypeer.Peer{pypeer.Start(t), pypeer.Start(t)}
	eachComposition(t, func(t *testing.T, c composition) {
		place := c.place(t, "")
		ours := open(t, place)
		apps, errs := make([]*pypeer.App, len(peers)), make(chan error, len(peers))
		for i, p := range peers {
			go func() {
				var err error
				apps[i], err = p.New(pypeer.Config{Models: pypeer.Item, Store: place})
				errs <- err
			}()
		}
		s := items{store: ours, manager: declareItem(t, ours)}
		s.save(t, []manager.Operation{{Op: manager.OpCreate, ResourceID: "item:ours", Data: labelled("ours", 1), User: "go", Time: noon}})
		for range peers {
			if err := <-errs; err != nil {
				t.Logf("the original: %v", err) // two of its own collide as well
			}
		}
		for i, p := range peers {
			if apps[i] = p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place}); apps[i] != nil {
				mustApply(t, apps[i], []pypeer.Edit{{Op: "update", ResourceID: "item:ours", Data: labelled("theirs", i), User: "py", Time: noon.Add(time.Hour)}})
				c.same(t, "afterwards", apps[i], ours)
			}
		}
		s.linear(t, 1, 1+len(peers))
	})
}

func modelNames(t *testing.T, s store) (names []string) {
	t.Helper()
	models, err := s.factory.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range models {
		names = append(names, m.Name)
	}
	return names
}

// indexesOf returns how many indexes a table has.
func indexesOf(t *testing.T, dsn, table string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_indexes WHERE tablename = $1`, table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
