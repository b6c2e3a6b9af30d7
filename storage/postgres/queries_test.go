package postgres_test

import (
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// eachOrder runs a test with databases that order texts by bytes and as English does.
func eachOrder(t *testing.T, test func(*testing.T, check.Open)) {
	english := pgtest.Abroad(t)
	english.TimeZone = "UTC"
	for name, o := range map[string]pgtest.DatabaseOptions{"C": {}, "English": english} {
		t.Run(name, func(t *testing.T) { test(t, openIn(pgtest.DatabaseWith(t, o))) })
	}
}

func TestQueriesEqualMatch(t *testing.T) { eachOrder(t, storagetest.RunQueries) }

func TestGoldenQueries(t *testing.T) { eachOrder(t, storagetest.RunGolden) }

// TestInjection: what is in a query stays a value.
func TestInjection(t *testing.T) {
	dsn := pgtest.Database(t)
	storagetest.RunInjection(t, openIn(dsn), func(t *testing.T) string {
		schema, err := schemaOf(t.Context(), dsn, "injection")
		if err != nil {
			t.Fatal(err)
		}
		conn := connect(t, schema)
		told := ""
		for _, table := range lines(t, conn, `SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`) {
			told += table + " " + lines(t, conn, `SELECT count(*)::text FROM "`+table+`"`)[0] + "\n"
		}
		return told
	})
}
