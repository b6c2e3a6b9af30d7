package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// An index that a process left behind is dropped, one that others have is used.
func TestHelpWithUIDs(t *testing.T) {
	f := openSwept(t, Config{})
	names, err := f.tables(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	first, err := f.helpWithUIDs(t.Context(), []tables{names})
	if err != nil || number(t, f, helperCount) != 1 {
		t.Fatalf("%d indexes (%v), want one", number(t, f, helperCount), err)
	}
	second, err := f.helpWithUIDs(t.Context(), []tables{names})
	if err != nil || second.conn != nil {
		t.Fatalf("a second one was made (%v)", err)
	}
	if err := errors.Join(second.end(t.Context()), first.conn.Conn().Close(t.Context()), first.end(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := number(t, f, helperCount); n != 0 {
		t.Errorf("%d indexes after the end", n)
	}
	for number(t, f, `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) > 0 {
		time.Sleep(time.Millisecond) // the server has not noticed yet that the connection is closed
	}
	if left, err := f.helpWithUIDs(t.Context(), []tables{names}); err != nil {
		t.Fatal(err)
	} else {
		left.made = nil // as of a process that died
		if err := left.end(t.Context()); err != nil || number(t, f, helperCount) != 1 {
			t.Fatal(err)
		}
	}
	again, err := f.helpWithUIDs(t.Context(), []tables{names})
	if err != nil {
		t.Fatal(err)
	}
	if err := again.end(t.Context()); err != nil || number(t, f, helperCount) != 0 {
		t.Errorf("%d indexes are left behind (%v)", number(t, f, helperCount), err)
	}
	sql(t, f, `CREATE INDEX of_others ON person_resource_index (uid)`)
	none, err := f.helpWithUIDs(t.Context(), []tables{names})
	if err != nil || len(none.made) != 0 {
		t.Errorf("an index was made beside another (%v)", err)
	}
	if err := none.end(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSweepWithoutRightsToIndex(t *testing.T) {
	f := openSwept(t, Config{})
	makeSwept(t, f, 0, 2*helpedFrom)
	sql(t, f, lostCopies)
	role := "r" + strings.ReplaceAll(uuid.NewString(), "-", "")
	sql(t, f, `CREATE ROLE `+role+` LOGIN`)
	sql(t, f, `GRANT ALL ON ALL TABLES IN SCHEMA public TO `+role)
	t.Cleanup(func() {
		ctx := context.Background()
		g, err := Open(ctx, Config{DSN: f.pool.Config().ConnString()})
		if err != nil {
			t.Error(err)
			return
		}
		_, err = g.pool.Exec(ctx, `DROP OWNED BY `+role+`; DROP ROLE `+role)
		if err = errors.Join(err, g.Close()); err != nil {
			t.Error(err)
		}
	})
	weak, err := Open(t.Context(), Config{DSN: f.pool.Config().ConnString() + "&user=" + role})
	if err != nil {
		t.Fatal(err)
	}
	if n := number(t, weak, `SELECT count(*)::int FROM pg_user WHERE usename = current_user AND usename = $1`, role); n != 1 {
		t.Error("the role is another")
	}
	if found := sweepOf(t, weak, storage.SweepOptions{Remove: true}); found.Payloads.Count != 2*helpedFrom {
		t.Errorf("the sweep finds %+v", found)
	}
	if err := weak.Close(); err != nil {
		t.Error(err)
	}
	if n := number(t, f, dataCount); n != 2*helpedFrom {
		t.Errorf("%d payloads are left", n)
	}
}
