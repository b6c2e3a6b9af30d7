package pgtest

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Each runs a check with an empty database and, when SPECSTAR_TEST_LONG is set,
// with others that a program must work on just as well: one in English order
// and local times, and one of a newer server.
func Each(t *testing.T, check func(t *testing.T, dsn string)) {
	t.Run("usual", func(t *testing.T) { check(t, Database(t)) })
	if os.Getenv("SPECSTAR_TEST_LONG") == "" {
		return
	}
	t.Run("abroad", func(t *testing.T) { check(t, DatabaseWith(t, Abroad(t))) })
	t.Run("newer", func(t *testing.T) { check(t, NewerDatabase(t)) })
}

// Abroad returns the options of a database that is not in C order and UTC: in
// the order of en_US.UTF-8, or of ICU's en-US where the machine lacks that
// locale, and in the time zone of Taipei.
func Abroad(t testing.TB) DatabaseOptions {
	t.Helper()
	o := DatabaseOptions{TimeZone: "Asia/Taipei"}
	conn, err := pgx.Connect(t.Context(), Shared(t).DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var there bool
	err = conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'en_US.utf8')`).Scan(&there)
	if err != nil {
		t.Fatal(err)
	}
	if there {
		o.Locale = "en_US.UTF-8"
	} else {
		o.ICULocale = "en-US"
	}
	return o
}
