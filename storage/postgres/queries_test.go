package postgres_test

import (
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/storage/storagetest"
)

// TestQueriesEqualMatch asks databases that order texts by bytes and as English does.
func TestQueriesEqualMatch(t *testing.T) {
	english := pgtest.Abroad(t)
	english.TimeZone = "UTC"
	for name, o := range map[string]pgtest.DatabaseOptions{"C": {}, "English": english} {
		t.Run(name, func(t *testing.T) { storagetest.RunQueries(t, openIn(pgtest.DatabaseWith(t, o))) })
	}
}
