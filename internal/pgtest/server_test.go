package pgtest

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func value(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	var v string
	if err := conn.QueryRow(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	a, b := connect(t, Database(t)), connect(t, Database(t))
	mustExec(t, a, "CREATE TABLE x (n int)")
	const tables = "SELECT count(*)::text FROM pg_tables WHERE schemaname = 'public'"
	if n := value(t, a, tables); n != "1" {
		t.Errorf("the first database has %s tables, want 1", n)
	}
	if n := value(t, b, tables); n != "0" {
		t.Errorf("the second database has %s tables, want 0", n)
	}
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "timezone": "UTC", "listen_addresses": "", "lc_collate": "C", "fsync": "off",
	} {
		if got := value(t, a, "SELECT current_setting('"+setting+"')"); got != want {
			t.Errorf("%s = %q, want %q", setting, got, want)
		}
	}
}

func TestADatabaseGoesWithItsTest(t *testing.T) {
	var dsn string
	t.Run("inner", func(t *testing.T) {
		dsn = Database(t)
		connect(t, dsn) // is open when the database goes
	})
	conn, err := pgx.Connect(t.Context(), dsn)
	if err == nil {
		_ = conn.Close(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("a connection afterwards gave %v", err)
	}
}

// stops are the ways in which a server ends. A kill leaves sessions behind, which must not
// keep the next one from starting.
var stops = []struct {
	name string
	stop func(*Server) error
	mode Mode
}{
	{"fast", func(*Server) error { return nil }, Fast},
	{"immediate", func(*Server) error { return nil }, Immediate},
	{"kill", func(s *Server) error { return syscall.Kill(s.PID(), syscall.SIGKILL) }, Fast},
	{"kill again", func(s *Server) error { return syscall.Kill(s.PID(), syscall.SIGKILL) }, Fast},
}

func TestAServerSurvivesEveryKindOfRestart(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Durable: true, TimeZone: "Asia/Taipei", Settings: map[string]string{"deadlock_timeout": "50ms"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop(Immediate) }()
	dsn, err := s.CreateDatabase(t.Context(), `odd "name"`, DatabaseOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, connect(t, dsn), "CREATE TABLE x (n int)")
	for i, how := range stops {
		mustExec(t, connect(t, dsn), "INSERT INTO x VALUES (1)")
		before := s.PID()
		if err := errors.Join(how.stop(s), s.Restart(t.Context(), how.mode)); err != nil {
			t.Fatalf("%s: %v", how.name, err)
		}
		if s.PID() == before || s.PID() == 0 {
			t.Errorf("%s: process %d became %d", how.name, before, s.PID())
		}
		conn := connect(t, dsn)
		if n := value(t, conn, "SELECT count(*)::text FROM x"); n != strconv.Itoa(i+1) {
			t.Errorf("%s: %s rows, want %d", how.name, n, i+1)
		}
		for setting, want := range map[string]string{"fsync": "on", "timezone": "Asia/Taipei", "deadlock_timeout": "50ms"} {
			if got := value(t, conn, "SELECT current_setting('"+setting+"')"); got != want {
				t.Errorf("%s = %q, want %q", setting, got, want)
			}
		}
	}
	s.options.Settings = map[string]string{"max_connections": "many"}
	if err := s.Restart(t.Context(), Fast); err == nil || !strings.Contains(err.Error(), `invalid value for parameter "max_connections"`) {
		t.Errorf("a start with a bad setting gave %v, want the server's log", err)
	}
	for range 2 {
		if err := s.Stop(Fast); err != nil {
			t.Fatal(err)
		}
	}
	if exists(s.Dir()) || s.PID() != 0 {
		t.Errorf("after Stop: the directory is there: %v, process %d", exists(s.Dir()), s.PID())
	}
}

func TestALocaleThatIsMissingIsAnError(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Locale: "xx_YY.UTF-8"})
	if err == nil || !strings.Contains(err.Error(), "initdb") || !strings.Contains(err.Error(), "xx_YY") {
		t.Fatalf("Start with a locale that does not exist gave %v", err)
	}
}
