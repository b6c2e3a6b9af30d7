package jobs_test

import (
	"context"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/storage"
)

// TestAJobRefusedAsAWholeDoesNotTakeTheNextAlong: also where permissions are asked
// for ahead, as if each job had had its effect.
func TestAJobRefusedAsAWholeDoesNotTakeTheNextAlong(t *testing.T) {
	update := create("m:a")
	update.Op, update.Data = manager.OpUpsert, []byte(`{"n":1}`)
	missing := create("m:none")
	missing.Op, missing.Data = manager.OpDelete, nil
	bad := jobs.NewSave("m", "ann", update, missing)
	bad.Args = jobs.Save{Operations: []manager.Operation{update, missing}, OnError: jobs.OnErrorFail}
	allowed := permission.CheckerFunc(func(context.Context, *permission.Context) (permission.Result, error) { return permission.Allow, nil })
	for name, b := range map[string]*bench{"unguarded": newBench(), "guarded": guardedBench(allowed, nil)} {
		t.Run(name, func(t *testing.T) {
			before, after := jobs.NewSave("m", "ann", create("m:b")), jobs.NewSave("m", "ann", update)
			vs := b.expect(t, []string{"ack", "ack", "ack"}, deliver(t, before), deliver(t, bad), deliver(t, after))
			if vs[1].State != storage.JobRefused || vs[1].Code != "not_found" || vs[1].Refused != 2 || vs[2].State != storage.JobDone || vs[2].Refused != 0 {
				t.Fatalf("%+v", vs)
			}
			if n, data := b.written(t, "m:a"); n != 1 || data != `{"n":1}` {
				t.Fatalf("written %d times: %s", n, data)
			}
		})
	}
}
