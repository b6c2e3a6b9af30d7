package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// with puts options into the envelope of a delivery.
func with(t *testing.T, d jobs.Delivery, options map[string]any) jobs.Delivery {
	t.Helper()
	var envelope map[string]any
	if err := json.Unmarshal(d.Body, &envelope); err != nil {
		t.Fatal(err)
	}
	for key, value := range options {
		envelope[key] = value
	}
	var err error
	if d.Body, err = json.Marshal(envelope); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestOptionsSurviveEncoding(t *testing.T) {
	e := jobs.NewLoad("alice", jobs.Load{Source: "file:/x"})
	e.Options = jobs.Options{
		Expires: time.Date(2031, 1, 2, 3, 4, 5, 6000, time.UTC), Timeout: 1500 * time.Millisecond, Attempts: 3,
	}
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if err := validate(schema(t), body); err != nil {
		t.Fatal(err)
	}
	got, err := jobs.Decode(body)
	e.Timeout = 2 * time.Second // a part of a second counts as one
	if err != nil || got.Options != e.Options {
		t.Fatalf("%+v (%v), want %+v", got.Options, err, e.Options)
	}
}

func TestJobsThatAreNotStartedInTimeAreDead(t *testing.T) {
	b := newBench()
	b.load = func(context.Context, func(storage.Progress)) error { return errors.New("not yet") }
	late := map[string]any{"expires": "2020-01-01T00:00:00Z"}
	for _, v := range b.expect(t, []string{"bury", "bury"}, with(t, save("a", 1), late), with(t, loadDelivery("l"), late)) {
		if v.Code != jobs.CodeExpired || v.State != storage.JobDead {
			t.Fatalf("%+v", v)
		}
		if row := b.row(t, v.Text); row.State != storage.JobDead || row.ErrorCode != jobs.CodeExpired || len(row.Envelope) == 0 {
			t.Fatalf("%+v", row)
		}
	}
	if len(b.batches) > 0 {
		t.Fatalf("it was begun: %v", b.batches)
	}
	// The same letter comes again after a crash; another job's id is not touched.
	b.expect(t, []string{"bury"}, with(t, save("a", 2), late))
	if v := b.expect(t, []string{"bury"}, with(t, save("a", 1), map[string]any{"expires": "2020-01-02T00:00:00Z"}))[0]; v.Code != jobs.CodeDiffers {
		t.Fatalf("%+v", v)
	}
}

// TestStartedJobsDoNotExpire: what was begun in time may take longer.
func TestStartedJobsDoNotExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		fail := errors.New("not yet")
		b.fault = func([]string) error { return fail }
		b.load = func(context.Context, func(storage.Progress)) error { return fail }
		soon := map[string]any{"expires": time.Now().Add(time.Minute).Format(time.RFC3339)}
		b.expect(t, []string{"retry", "retry"}, with(t, save("a", 1), soon), with(t, loadDelivery("l"), soon))
		time.Sleep(time.Hour)
		b.fault, fail = nil, nil
		again := with(t, loadDelivery("l"), soon)
		again.Number = 2
		b.load = func(context.Context, func(storage.Progress)) error { return nil }
		b.expect(t, []string{"ack", "ack"}, with(t, save("a", 2), soon), again)
	})
}

func TestAttemptsOfAJob(t *testing.T) {
	b := newBench()
	b.fault = func([]string) error { return errors.New("no") }
	b.load = func(context.Context, func(storage.Progress)) error { return errors.New("no") }
	two := map[string]any{"attempts": 2}
	b.expect(t, []string{"retry", "retry"}, with(t, save("a", 1), two), with(t, loadDelivery("l"), two))
	b.expect(t, []string{"bury", "bury"}, with(t, save("a", 2), two), with(t, loadDelivery("l"), two))
}

func TestTimeoutOfASave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.hang(true)
		began := time.Now()
		v := b.expect(t, []string{"retry"}, with(t, save("a", 1), map[string]any{"timeout": 3}))[0]
		if took := time.Since(began); took != 3*time.Second || v.Code != jobs.CodeTimeout || v.Attempt != 1 {
			t.Fatalf("after %s: %+v", took, v)
		}
		// Others do not share its time, but keep their order.
		b.wait, b.batches = nil, nil
		b.expect(t, []string{"ack", "ack", "ack"}, save("x", 1), with(t, save("a", 2), map[string]any{"timeout": 3}), save("y", 1))
		if len(b.batches) != 3 {
			t.Fatalf("batches %v", b.batches)
		}
		if row := b.row(t, "job-a"); row.Attempt != 2 {
			t.Fatalf("%d attempts", row.Attempt)
		}
	})
}

// TestTimeoutOfALongJob: each attempt counts, also one that came further.
func TestTimeoutOfALongJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.load = func(ctx context.Context, progress func(storage.Progress)) error {
			for n := int64(1); ; n++ {
				progress(storage.Progress{Done: n, Total: 1000})
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		d := with(t, loadDelivery("l"), map[string]any{"timeout": 10, "attempts": 2})
		began := time.Now()
		v := b.expect(t, []string{"retry"}, d)[0]
		if took := time.Since(began); took < 10*time.Second || took > 11*time.Second || v.Code != jobs.CodeTimeout || v.Attempt != 1 {
			t.Fatalf("after %s: %+v", took, v)
		}
		if v := b.expect(t, []string{"bury"}, d)[0]; v.Code != jobs.CodeTimeout {
			t.Fatalf("%+v", v)
		}
	})
}

func TestExpiryBeforeItsTimeIsRefused(t *testing.T) {
	_, err := jobs.Decode([]byte(`{"schema":1,"kind":"backfill","not_before":"2030-01-02T00:00:00Z","expires":"2030-01-01T00:00:00Z","args":{}}`))
	if bad, is := errors.AsType[*jobs.EnvelopeError](err); !is || bad.Field != "expires" {
		t.Fatalf("%v", err)
	}
}

func TestUniqueKeysAreOfWhatIsDone(t *testing.T) {
	key := func(e jobs.Envelope) string {
		t.Helper()
		k, err := e.UniqueKey()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	a := jobs.NewBackfill("alice", "m")
	b := jobs.NewBackfill("bob", "m")
	b.Lane, b.Timeout = jobs.LaneHigh, time.Minute
	if key(a) != key(b) || key(a) == key(jobs.NewBackfill("alice", "n")) || key(a) == key(jobs.NewMigrate("alice", jobs.Migrate{Models: []string{"m"}})) {
		t.Fatal("keys do not tell jobs apart by what they do")
	}
}
