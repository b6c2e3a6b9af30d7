package postgres

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// What the medium says of its network is not taken for an outage of the server, and an
// outage of the server stays one whatever the medium says beside it.
func TestErrorsOfTheMediumAreNotTheServers(t *testing.T) {
	cut := &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
	f := &Factory{place: "postgres://h/db"}
	for _, tc := range []struct {
		what string
		err  error
		down bool
	}{
		{"the server", cut, true},
		{"the server, wrapped", fmt.Errorf("copy rows: %w", cut), true},
		{"the medium", ofMedium(cut), false},
		{"the medium, wrapped", fmt.Errorf("put contents: %w", ofMedium(fmt.Errorf("s3://b: %w", cut))), false},
		{"both", errors.Join(cut, ofMedium(cut)), true},
		{"the medium, twice", errors.Join(ofMedium(cut), fmt.Errorf("take back: %w", ofMedium(cut))), false},
		{"a refusal and the medium", errors.Join(errTaken, ofMedium(cut)), false},
	} {
		if _, down := isDown(tc.err); down != tc.down {
			t.Errorf("%s: down is %v, want %v", tc.what, down, tc.down)
		}
		err := f.explain("write", tc.err)
		if errors.Is(err, storage.ErrUnavailable) != tc.down || strings.Contains(err.Error(), "the server cannot be reached") != tc.down {
			t.Errorf("%s is explained as %v", tc.what, err)
		}
		if !errors.Is(err, cut) {
			t.Errorf("%s: the cause is lost in %v", tc.what, err)
		}
	}
	if err := f.explainWrite("write", ofMedium(cut)); err.Error() != cut.Error() {
		t.Errorf("an error of the medium is explained as %v", err)
	}
}
