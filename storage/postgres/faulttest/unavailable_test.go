package faulttest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestErrorsOfTheServerPause has the server fail for reasons that lie not in the
// data: each is ErrUnavailable and says what helps, and then saves work again.
func TestErrorsOfTheServerPause(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Database(t)
	f := open(t, postgres.Config{DSN: dsn})
	m, conn := declare(t, f), connect(t, dsn)
	execute(t, conn, `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN RAISE EXCEPTION 'out of luck' USING ERRCODE = TG_ARGV[0]; END $$`)
	for state, help := range map[string]string{
		"53100": "free space", "53200": "out of resources", "53300": "max_connections", "57014": "statement_timeout", "55P03": "lock",
		"25006": "target_session_attrs", "57P01": "try again", "57P03": "try again", "58030": "try again", "08006": "try again",
	} {
		for _, table := range []string{"item_meta", "item_resource_data", "specstar_jobs"} {
			execute(t, conn, fmt.Sprintf(`CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION fail('%s')`, table, state))
			batch := []manager.SaveJob{job(state+table, manager.OpUpsert, id(1))}
			_, err := m.SaveJobs(t.Context(), batch)
			if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), help) {
				t.Errorf("%s at %s: %v; want ErrUnavailable with %q", state, table, err, help)
			}
			execute(t, conn, `DROP TRIGGER fail ON `+table)
			if _, err := m.SaveJobs(t.Context(), batch); err != nil {
				t.Errorf("after %s at %s: %v", state, table, err)
			}
		}
	}
}

// TestSessionsThatAreDisturbed cancels, terminates and times out the session of a
// save that waits for a lock, and makes the database one for reading.
func TestSessionsThatAreDisturbed(t *testing.T) {
	t.Parallel()
	const waiting = ` FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
	for _, c := range []struct{ name, options, disturb, help string }{
		{"cancelled", "", `SELECT pg_cancel_backend(pid)` + waiting, "cancelled the statement"},
		{"terminated", "", `SELECT pg_terminate_backend(pid)` + waiting, "try again"},
		{"statement_timeout", "&statement_timeout=300ms", ``, "cancelled the statement"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dsn := pgtest.Database(t)
			f := open(t, postgres.Config{DSN: dsn + c.options})
			m, holder, watch := declare(t, f), connect(t, dsn), connect(t, dsn)
			execute(t, holder, `BEGIN`)
			execute(t, holder, `LOCK TABLE item_meta`)
			saved := make(chan error)
			go func() {
				_, err := m.SaveJobs(t.Context(), []manager.SaveJob{job("waits", manager.OpUpsert, id(1))})
				saved <- err
			}()
			eventually(t, watch, `SELECT EXISTS (SELECT`+waiting+`)`)
			if c.disturb != "" {
				execute(t, watch, c.disturb)
			}
			if err := <-saved; !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), c.help) {
				t.Errorf("%v; want ErrUnavailable with %q", err, c.help)
			}
			execute(t, holder, `ROLLBACK`)
			if _, err := m.SaveJobs(t.Context(), []manager.SaveJob{job("waits", manager.OpUpsert, id(1))}); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("read only", func(t *testing.T) {
		dsn := pgtest.Database(t)
		f := open(t, postgres.Config{DSN: dsn})
		m, conn := declare(t, f), connect(t, dsn)
		readOnly := func(value string) {
			execute(t, conn, `SET default_transaction_read_only = off`)
			execute(t, conn, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = `+value+`', current_database()); END $$`)
			terminate(t.Context(), dsn)
			conn = connect(t, dsn)
		}
		readOnly("on")
		_, err := m.SaveJobs(t.Context(), []manager.SaveJob{job("reads", manager.OpUpsert, id(1))})
		if !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "target_session_attrs") {
			t.Errorf("%v; want ErrUnavailable with help", err)
		}
		readOnly("off")
		if _, err := m.SaveJobs(t.Context(), []manager.SaveJob{job("reads", manager.OpUpsert, id(1))}); err != nil {
			t.Error(err)
		}
	})
}

// TestNoConnectionsLeft takes all connections of a small server.
func TestNoConnectionsLeft(t *testing.T) {
	t.Parallel()
	s := durable(t, map[string]string{"max_connections": "6", "superuser_reserved_connections": "0", "autovacuum": "off", "max_wal_senders": "0"})
	dsn := s.DSN("postgres")
	f := open(t, postgres.Config{DSN: dsn})
	m := declare(t, f)
	first := connect(t, dsn)
	execute(t, first, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`)
	var held []*pgx.Conn
	for range 5 {
		held = append(held, connect(t, dsn))
	}
	batch := []manager.SaveJob{job("full", manager.OpUpsert, id(1))}
	if _, err := m.SaveJobs(t.Context(), batch); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "max_connections") {
		t.Errorf("%v; want ErrUnavailable with help", err)
	}
	for _, conn := range held {
		if err := conn.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	eventually(t, first, `SELECT count(*) < 6 FROM pg_stat_activity WHERE backend_type = 'client backend'`)
	if _, err := m.SaveJobs(t.Context(), batch); err != nil {
		t.Error(err)
	}
}
