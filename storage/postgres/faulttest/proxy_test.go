package faulttest

import (
	"testing"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// startProxy returns a proxy before a server that ends with the test, and the address
// of a database there.
func startProxy(t *testing.T, dsn string) (*faultproxy.Commits, string) {
	t.Helper()
	p, through, err := faultproxy.StartCommits(dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p, through
}
