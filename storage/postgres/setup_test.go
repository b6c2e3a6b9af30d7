package postgres

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/specstar-worker/worker/storage"
)

func TestWhatAnOperatorHasToMendIsNoOutage(t *testing.T) {
	f := new(Factory)
	for state, setup := range map[string]bool{
		"42501": true, "42P01": true, "42703": true, "3D000": true, "28P01": true, "28000": true,
		"53100": false, "57P01": false, "22003": false, "42601": false,
	} {
		cause := &pgconn.PgError{Code: state, Message: "no"}
		err := f.explain("save", cause)
		if errors.Is(err, storage.ErrSetup) != setup || setup && errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s: %v", state, err)
		}
		if sqlState(err) != state {
			t.Errorf("%s: the cause is lost: %v", state, err)
		}
	}
}
