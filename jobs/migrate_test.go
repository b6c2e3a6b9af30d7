package jobs_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
)

const catsAt2 = `
name: cat
schema_version: "2"
fields: [{name: full_name, type: str}]
migrations:
  - {from: "1", to: "2", steps: [{rename: {from: name, to: full_name}}]}
`

// catBench is a bench with n cats of version 1 that are declared at version 2;
// every third cannot be migrated. There is a model without a version too.
func catBench(t *testing.T, n int) *bench {
	t.Helper()
	b := newBench()
	if _, err := b.catalog.Declare(t.Context(), storage.ModelInfo{Name: "plain"}); err != nil {
		t.Fatal(err)
	}
	m, err := b.catalog.Declare(t.Context(), storage.ModelInfo{Name: "cat", SchemaVersion: opt.Of("1")})
	if err != nil {
		t.Fatal(err)
	}
	var ops []manager.Operation
	for i := range n {
		data := `{"name":"Al"}`
		if i%3 == 2 {
			data = `{"name":7}`
		}
		ops = append(ops, manager.Operation{Op: manager.OpCreate, ResourceID: resource.ID(fmt.Sprintf("cat:%03d", i)), Data: []byte(data), User: "ann"})
	}
	if _, err := m.SaveMany(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	declared, err := model.ParseYAML("cats.yaml", []byte(catsAt2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.catalog.DeclareModel(t.Context(), declared[0]); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAMigrationJob(t *testing.T) {
	b := catBench(t, 6)
	outcome := func(job jobs.Envelope) map[string]manager.MigrateStats {
		t.Helper()
		v := b.Execute(t.Context(), []jobs.Delivery{deliver(t, job)})[0]
		row := b.row(t, job.ID)
		if v.Action != jobs.ActionAck || row.State != storage.JobDone {
			t.Fatalf("%+v, row %s %s", v, row.State, row.ErrorMessage)
		}
		if row.Kind != "migrate" || row.Done != row.Total {
			t.Errorf("row %+v", row)
		}
		var o struct {
			Models map[string]manager.MigrateStats
		}
		if err := json.Unmarshal(row.Outcome, &o); err != nil {
			t.Fatal(err)
		}
		return o.Models
	}
	failed := func(ids ...resource.ID) (all []manager.MigrateFailure) {
		for _, id := range ids {
			all = append(all, manager.MigrateFailure{ResourceID: id, Code: manager.CodeInvalid})
		}
		return all
	}
	ignoreMessage := cmpopts.IgnoreFields(manager.MigrateFailure{}, "Message")
	want := map[string]manager.MigrateStats{"cat": {Migrated: 4, Failed: 2, Failures: failed("cat:002", "cat:005")}}
	got := outcome(migrate("ann", "cat", "cat"))
	if diff := cmp.Diff(want, got, ignoreMessage); diff != "" {
		t.Error(diff)
	}
	if message := got["cat"].Failures[0].Message; !strings.Contains(message, "full_name") {
		t.Errorf("the failure says %q", message)
	}
	// What is migrated is passed over.
	want = map[string]manager.MigrateStats{"cat": {Failed: 2, Failures: failed("cat:002", "cat:005")}}
	if diff := cmp.Diff(want, outcome(migrate("ann", "cat")), ignoreMessage); diff != "" {
		t.Error(diff)
	}
}

func TestTheProgressOfAMigration(t *testing.T) {
	b := catBench(t, 4)
	work := &jobs.CatalogWork{Catalog: b.catalog}
	for _, c := range []struct {
		name string
		args jobs.Migrate
		want []storage.Progress
	}{
		{"current revisions", jobs.Migrate{Models: []string{"cat"}}, []storage.Progress{{Total: 4}, {Done: 4, Total: 4}}},
		{"the history", jobs.Migrate{Models: []string{"cat"}, History: true}, []storage.Progress{{}, {Done: 1}}},
	} {
		var got []storage.Progress
		if _, err := work.Migrate(t.Context(), jobs.Actor{User: "ann"}, c.args, func(p storage.Progress) { got = append(got, p) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// One model that cannot be migrated refuses the job before anything is done.
func TestMigrationJobsAreRefusedAsAWhole(t *testing.T) {
	b := catBench(t, 1)
	for _, c := range []struct{ model, code, says string }{
		{"plain", string(manager.CodeNoMigration), "model plain declares no schema version"},
		{"nobody", jobs.CodeModelUnknown, "nobody"},
	} {
		job := migrate("ann", "cat", c.model)
		b.Execute(t.Context(), []jobs.Delivery{deliver(t, job)})
		row := b.row(t, job.ID)
		if row.State != storage.JobRefused || row.ErrorCode != c.code || !strings.Contains(row.ErrorMessage, c.says) {
			t.Errorf("%s: %s %s %s", c.model, row.State, row.ErrorCode, row.ErrorMessage)
		}
	}
	m, err := b.catalog.Open(t.Context(), "cat")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := m.Unmigrated(t.Context()); err != nil || n != 1 {
		t.Errorf("%d are left to migrate, %v", n, err)
	}
}

// However many fail, a row lists the first hundred.
func TestAMigrationListsSomeFailures(t *testing.T) {
	b := catBench(t, 3*(manager.MaxMigrateFailures+1))
	stats, err := (&jobs.CatalogWork{Catalog: b.catalog}).Migrate(t.Context(), jobs.Actor{}, jobs.Migrate{Models: []string{"cat"}}, func(storage.Progress) {})
	if err != nil {
		t.Fatal(err)
	}
	if s := stats["cat"]; s.Failed != manager.MaxMigrateFailures+1 || len(s.Failures) != manager.MaxMigrateFailures {
		t.Errorf("%d failed, %d are listed", s.Failed, len(s.Failures))
	}
}
