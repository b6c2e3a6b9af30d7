package pgtest

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// dropTimeout bounds the removal of a test's database.
const dropTimeout = time.Minute

// shared is the one cluster of a test binary, started by the first test that
// wants it: a start takes a second, a database 15 ms.
var shared struct {
	once   sync.Once
	server *Server
	err    error
	names  atomic.Int64
}

// Main runs the tests of a package and then stops the cluster that [Database]
// started, if it did:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// Without it the cluster ends just after the test binary instead of before.
func Main(m *testing.M) {
	code := m.Run()
	if shared.server != nil {
		if err := shared.server.Stop(Immediate); err != nil {
			fmt.Fprintln(os.Stderr, "stop the PostgreSQL for tests:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Shared returns the cluster of the test binary, with the default options. The
// test must not stop it or change what other tests see.
func Shared(t testing.TB) *Server {
	t.Helper()
	shared.once.Do(func() { shared.server, shared.err = Start(context.Background(), Options{}) })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.server
}

// Database returns the address of an empty database in the cluster that the tests
// of this binary share. It goes when the test ends, with the connections to it.
func Database(t testing.TB) string {
	t.Helper()
	return DatabaseWith(t, DatabaseOptions{})
}

// DatabaseWith is [Database] with another locale or time zone.
func DatabaseWith(t testing.TB, o DatabaseOptions) string {
	t.Helper()
	s := Shared(t)
	name := "test" + strconv.FormatInt(shared.names.Add(1), 10)
	dsn, err := s.CreateDatabase(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), dropTimeout)
		defer cancel()
		if err := s.DropDatabase(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return dsn
}
