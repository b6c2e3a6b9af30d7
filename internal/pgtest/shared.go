package pgtest

import (
	"context"
	"errors"
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

// The clusters that all tests of a binary share. There is one binary for each
// package, so this is the package's under test: a start takes a second, a
// database 15 ms.
var (
	usual cluster
	newer = cluster{bin: findNewer}
)

// cluster is started by the first test that wants it.
type cluster struct {
	bin func() (string, error) // finds the programs; nil for the machine's own

	once   sync.Once
	server *Server
	err    error
	names  atomic.Int64
}

// Main runs the tests of a package and then stops the clusters that [Database]
// and others started, if they did:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
// Without it the clusters end just after the test binary instead of before.
func Main(m *testing.M) {
	code := m.Run()
	if err := errors.Join(usual.stop(), newer.stop()); err != nil {
		fmt.Fprintln(os.Stderr, "stop the PostgreSQL for tests:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Shared returns the cluster of the test binary, with the default options. The
// test must not stop it or change what other tests see.
func Shared(t testing.TB) *Server {
	t.Helper()
	return usual.get(t)
}

// Database returns the address of an empty database in the cluster that the tests
// of this binary share. It goes when the test ends, with the connections to it.
func Database(t testing.TB) string {
	t.Helper()
	return usual.database(t, DatabaseOptions{})
}

// DatabaseWith is [Database] with another locale or time zone.
func DatabaseWith(t testing.TB, o DatabaseOptions) string {
	t.Helper()
	return usual.database(t, o)
}

// NewerDatabase is [Database] in a cluster of the server that [Newer] names.
func NewerDatabase(t testing.TB) string {
	t.Helper()
	return newer.database(t, DatabaseOptions{})
}

func (c *cluster) get(t testing.TB) *Server {
	t.Helper()
	c.once.Do(func() { c.server, c.err = c.start() })
	if c.err != nil {
		t.Fatal(c.err)
	}
	return c.server
}

func (c *cluster) start() (*Server, error) {
	var o Options
	if c.bin != nil {
		var err error
		if o.Bin, err = c.bin(); err != nil {
			return nil, err
		}
	}
	return Start(context.Background(), o)
}

func (c *cluster) stop() error {
	if c.server == nil {
		return nil
	}
	return c.server.Stop(Immediate)
}

func (c *cluster) database(t testing.TB, o DatabaseOptions) string {
	t.Helper()
	s := c.get(t)
	name := "test" + strconv.FormatInt(c.names.Add(1), 10)
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
