package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// leaves are imported by all and import only each other.
var leaves = []string{"opt", "resource", "resource/payload", "resource/model", "qb", "archive", "internal/caught", "internal/jsonlex", "internal/msgpack"}

// What the inner packages know nothing of.
var (
	drivers = []string{
		"database/sql", "modernc.org/sqlite", "github.com/jackc", "github.com/aws", "github.com/minio", "github.com/pressly/goose",
	}
	queue   = []string{"github.com/nats-io"}
	logging = []string{"go.uber.org/zap"}
	tests   = []string{"testing", "pgregory.net/rapid"}
)

// contracts are the packages that every backend builds on.
var contracts = append([]string{"storage", "storage/diskblob", "storage/simple", "storage/internal/..."}, leaves...)

// worker is the policy of this module.
var worker = policy{
	module: "github.com/specstar-worker/worker",
	rules: []rule{
		{packages: leaves, ours: leaves, not: slices.Concat(drivers, queue, logging)},
		{
			packages: []string{"storage", "storage/internal/...", "storage/check", "storage/faulty", "storage/simple"},
			ours:     append([]string{"storage"}, leaves...), not: slices.Concat(drivers, queue, logging, tests),
		},
		{
			packages: []string{"storage/storagetest"},
			ours:     append([]string{"storage", "storage/check", "internal/goldenqueries"}, leaves...), not: slices.Concat(drivers, queue, logging),
		},
		{packages: []string{"storage/diskblob"}, ours: append([]string{"storage", "storage/internal/..."}, leaves...), not: slices.Concat(drivers, queue, logging)},
		{ // what wires the backends
			packages: []string{"storage/preset"},
			ours:     append([]string{"storage/..."}, leaves...), not: slices.Concat(drivers, queue, logging),
		},
		{packages: []string{"storage/..."}, ours: contracts, not: slices.Concat(queue, logging)}, // a backend
		{packages: []string{"manager/..."}, ours: append([]string{"manager/...", "storage"}, leaves...), not: slices.Concat(drivers, queue, logging)},
		{packages: []string{"jobs/..."}, ours: append([]string{"jobs/...", "manager", "storage"}, leaves...), not: slices.Concat(drivers, queue, logging)},
		{packages: []string{"consumer/..."}, ours: append([]string{"consumer/...", "jobs", "storage"}, leaves...), not: drivers},
		{packages: []string{"permission/..."}, ours: append([]string{"permission/...", "manager", "storage"}, leaves...), not: slices.Concat(drivers, queue, logging)},
		// What wires, shows and serves may import all that may be imported.
		{packages: []string{"cmd/...", "internal/...", "examples/...", "httpapi/..."}},
	},
	private:  []string{"cmd/..."},
	testOnly: []string{"storage/storagetest", "storage/faulty", "internal/peertest", "internal/pgtest", "internal/s3test", "internal/unpack", "internal/canon", "internal/shmdir", "internal/faultproxy", "internal/chaos", "internal/fakebroker", "internal/overlay", "internal/sim", "internal/goldenqueries"},
}

func TestImportsGoOneWay(t *testing.T) {
	found, err := worker.violations(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// TestViolationsAreFound plants one violation a time in a small tree that is
// otherwise right.
func TestViolationsAreFound(t *testing.T) {
	const ours = "github.com/specstar-worker/worker/"
	for _, tc := range []struct {
		file, imports, want string // want is empty where nothing is wrong
	}{
		{"qb/a.go", ours + "resource", ""},
		{"opt/a.go", ours + "storage", "imports go one way"},
		{"archive/a.go", "go.uber.org/zap", "knows nothing of go.uber.org/zap"},
		{"storage/a.go", "database/sql", "knows nothing of database/sql"},
		{"storage/a.go", ours + "storage/memory", "imports go one way"},
		{"storage/memory/a.go", ours + "storage/sqlite", "imports go one way"},
		{"storage/memory/a.go", ours + "storage/storagetest", "it is for tests"},
		{"storage/memory/a.go", ours + "manager", "imports go one way"},
		{"storage/memory/a_test.go", ours + "storage/storagetest", ""},
		{"storage/sqlite/a.go", "modernc.org/sqlite/lib", ""},
		{"storage/storagetest/a.go", ours + "storage/memory", "imports go one way"},
		{"storage/storagetest/a.go", ours + "storage/check", ""},
		{"storage/sqlite/a.go", ours + "storage/faulty", "it is for tests"},
		{"storage/check/a.go", ours + "storage/memory", "imports go one way"},
		{"storage/check/a.go", "testing", "knows nothing of testing"},
		{"storage/preset/a.go", ours + "storage/sqlite", ""},
		{"storage/preset/a.go", "github.com/jackc/pgx/v5", "knows nothing of github.com/jackc"},
		{"storage/sqlite/a.go", ours + "storage/preset", "imports go one way"},
		{"cmd/worker/a.go", ours + "storage/check", ""},
		{"manager/a.go", ours + "jobs", "imports go one way"},
		{"manager/a.go", "github.com/nats-io/nats.go/jetstream", "knows nothing of github.com/nats-io"},
		{"manager/a.go", "modernc.org/sqlite", "knows nothing of modernc.org/sqlite"},
		{"jobs/a.go", ours + "consumer", "imports go one way"},
		{"jobs/a.go", ours + "permission", "imports go one way"},
		{"permission/a.go", ours + "jobs", "imports go one way"},
		{"jobs/a.go", ours + "storage/sqlite", "imports go one way"},
		{"consumer/a.go", ours + "manager", "imports go one way"},
		{"consumer/a.go", "github.com/nats-io/nats.go", ""},
		{"internal/cli/a.go", ours + "cmd/worker", "nobody imports it"},
		{"cmd/worker/a.go", ours + "storage/sqlite", ""},
		{"cmd/worker/a.go", ours + "storage/storagetest", "it is for tests"},
		{"newcomer/a.go", ours + "opt", "no rule"},
		{"tools/a.go", ours + "newcomer", ""}, // a module of its own
	} {
		tree := fstest.MapFS{
			"tools/go.mod": {Data: []byte("module tools\n")},
			"qb/right.go":  {Data: []byte("package qb\n\nimport \"" + ours + "opt\"\n")},
			tc.file:        {Data: []byte("package p\n\nimport \"" + tc.imports + "\"\n")},
		}
		found, err := worker.violations(tree)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case tc.want == "" && len(found) > 0:
			t.Errorf("%s imports %s: %q, want no objection", tc.file, tc.imports, found)
		case tc.want != "" && (len(found) != 1 || !strings.Contains(found[0], tc.want)):
			t.Errorf("%s imports %s: %q, want %q", tc.file, tc.imports, found, tc.want)
		}
	}
}
