package jobs_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func TestJobOnTheSubjectOfAnotherKindIsDead(t *testing.T) {
	b := newBench()
	wrong, right := loadDelivery("load-1"), save("a", 1)
	wrong.Subject = jobs.Subject("x", jobs.LaneNormal, jobs.KindSave)
	right.Subject = wrong.Subject
	vs := b.expect(t, []string{"bury", "ack"}, wrong, right)
	if row := b.row(t, "load-1"); vs[0].Code != jobs.CodeEnvelope || row.State != storage.JobDead || len(row.Envelope) == 0 {
		t.Fatalf("%+v, row %+v", vs[0], row)
	}
}

// TestNewerSchemaWaitsForANewerWorker: workers are replaced one after another, and
// submitters may be ahead of them.
func TestNewerSchemaWaitsForANewerWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		d := jobs.Delivery{
			MessageID: "job-a", Published: time.Now(),
			Body: []byte(`{"schema":3,"kind":"dance","later":{"than":"this"},"args":{}}`),
		}
		for range 24 * 60 {
			d.Number++
			v := b.expect(t, []string{"retry"}, d)[0]
			if v.Code != jobs.CodeSchema || v.After != time.Minute || v.Attempt != 0 {
				t.Fatalf("%+v", v)
			}
			time.Sleep(v.After)
		}
		if v := b.expect(t, []string{"bury"}, d)[0]; v.Code != jobs.CodeSchema {
			t.Fatalf("%+v", v)
		}
		if row := b.row(t, "job-a"); row.State != storage.JobDead || len(row.Envelope) == 0 {
			t.Fatalf("%+v", row)
		}
	})
}
