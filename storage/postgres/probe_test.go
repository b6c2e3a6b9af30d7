package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// TestProbeSeesAServerThatOnlyReads, as a standby does: everything but a write works.
func TestProbeSeesAServerThatOnlyReads(t *testing.T) {
	f := openTest(t)
	l := f.Ledger()
	only := func(what string) {
		t.Helper()
		admin, err := pgx.Connect(t.Context(), f.pool.Config().ConnString())
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close(t.Context())
		for _, do := range []string{`SET default_transaction_read_only = off`, `DO $$ BEGIN
			EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = ` + what + `', current_database()); END $$`} {
			if _, err := admin.Exec(t.Context(), do); err != nil {
				t.Fatal(err)
			}
		}
		f.pool.Reset() // sessions have the setting from their start
	}
	if err := l.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
	only("on")
	if _, err := l.Get(t.Context(), uuid.New()); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("Get = %v", err)
	}
	if err := l.Probe(t.Context()); !errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "only reads") {
		t.Errorf("Probe = %v, want storage.ErrUnavailable and the reason", err)
	}
	only("off")
	if err := l.Probe(t.Context()); err != nil {
		t.Fatal(err)
	}
}
