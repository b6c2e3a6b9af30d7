package faulttest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestRowsThatTheServerRefusesAreRefusedAlone has rules on the tables that somebody else
// made, which nobody knows of before the rows are sent.
func TestRowsThatTheServerRefusesAreRefusedAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ rule, says string }{
		"constraint": {`ALTER TABLE item_meta ADD CONSTRAINT no_mallory CHECK (updated_by <> 'mallory')`, "no_mallory"},
		"trigger": {`CREATE FUNCTION no_mallory() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF new.updated_by = 'mallory' THEN RAISE EXCEPTION 'mallory may not write'; END IF; RETURN new; END $$;
			CREATE TRIGGER no_mallory BEFORE INSERT OR UPDATE ON item_meta FOR EACH ROW EXECUTE FUNCTION no_mallory()`, "mallory may not write"},
		"trigger at the end": {`CREATE FUNCTION no_mallory() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF new.updated_by = 'mallory' THEN RAISE EXCEPTION 'mallory may not write'; END IF; RETURN new; END $$;
			CREATE CONSTRAINT TRIGGER no_mallory AFTER INSERT OR UPDATE ON item_meta DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no_mallory()`, "mallory may not write"},
		"narrow column": {`ALTER TABLE item_meta ALTER COLUMN updated_by TYPE varchar(6)`, "too long"},
	} {
		for where, revisions := range map[string]bool{"in the database": false, "on disk": true} {
			t.Run(name+", revisions "+where, func(t *testing.T) {
				t.Parallel()
				config := postgres.Config{DSN: pgtest.Database(t)}
				if revisions {
					medium, err := disk.Open(t.Context(), disk.Config{Dir: t.TempDir()})
					if err != nil {
						t.Fatal(err)
					}
					config.Revisions = medium
				}
				checkRefusedAlone(t, open(t, config), c.rule, c.says, config.DSN)
			})
		}
	}
}

// checkRefusedAlone puts two rows that a rule refuses among those that it takes: of
// resources that are new and of such that are there.
func checkRefusedAlone(t *testing.T, f *postgres.Factory, rule, says, dsn string) {
	m, err := manager.NewCatalog(f, nil, manager.Options{}).Declare(t.Context(), storage.ModelInfo{Name: model})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	const resources = 60
	var first []manager.Operation
	for n := range resources / 2 {
		first = append(first, job("first", manager.OpCreate, id(n)).Operations[0])
	}
	if _, err := m.SaveMany(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	refused := map[int]bool{7: true, resources/2 + 7: true}

	t.Run("one call", func(t *testing.T) {
		var ops []manager.Operation
		for n := range resources {
			op := job("called", manager.OpUpsert, id(n)).Operations[0]
			if refused[n] {
				op.User = "mallory"
			}
			ops = append(ops, op)
		}
		out, err := m.SaveMany(t.Context(), ops)
		if err != nil {
			t.Fatal(err)
		}
		for n, o := range out {
			if is := o.Effect == manager.EffectRefused; is != refused[n] || is && !strings.Contains(o.Message, says) {
				t.Errorf("%s is %s: %s", o.ResourceID, o.Effect, o.Message)
			}
		}
	})
	x := newExecutor(f, nil)
	packed := func(number int, args string) jobs.Verdict {
		var ops []string
		for n := range resources {
			user := ""
			if refused[n] {
				user = `,"user":"mallory"`
			}
			ops = append(ops, fmt.Sprintf(`{"op":"upsert","resource_id":%q,"data":{"n":%d}%s}`, id(n), number, user))
		}
		d := message{Job: number, Number: 1}.delivery(1)
		d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":%q,"user":"ann","args":{%s"operations":[%s]}}`, model, args, strings.Join(ops, ","))
		return x.Execute(t.Context(), []jobs.Delivery{d})[0]
	}
	if v := packed(100, ""); v.State != storage.JobDone || v.Operations != resources || v.Refused != len(refused) {
		t.Errorf("a job of many is %s, %d of %d refused: %v", v.State, v.Refused, v.Operations, v.Err)
	}
	if v := packed(101, `"on_error":"fail",`); v.State != storage.JobRefused || v.Refused != resources {
		t.Errorf("a job that is done whole or not at all is %s, %d of %d refused: %v", v.State, v.Refused, v.Operations, v.Err)
	}
	checkOneEach(t, x)
}

// checkOneEach has one of two jobs be refused by the server: it is dead, with a letter
// that can be tried again when the rule is gone, and the other is done.
func checkOneEach(t *testing.T, x *jobs.Executor) {
	var ds []jobs.Delivery
	for n, user := range []string{"ann", "mallory"} {
		d := message{Job: 200 + n, Number: 1}.delivery(1)
		d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":%q,"user":%q,"args":{"op":"upsert","resource_id":%q,"data":{"n":1}}}`, model, user, id(200+n))
		ds = append(ds, d)
	}
	vs := x.Execute(t.Context(), ds)
	if vs[0].State != storage.JobDone || vs[1].State == storage.JobDone || vs[1].State == storage.JobRefused {
		t.Errorf("jobs of one resource are %s (%v) and %s (%v)", vs[0].State, vs[0].Err, vs[1].State, vs[1].Err)
	}
}
