package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// stateError is a database's answer, as drivers give it.
type stateError string

func (e stateError) Error() string    { return "ERROR: no" }
func (e stateError) SQLState() string { return string(e) }

func TestClassesOfErrors(t *testing.T) {
	for _, c := range []struct {
		err   error
		class jobs.Class
		code  string
	}{
		{errors.New("no"), jobs.ClassRetry, jobs.CodeFailed},
		{context.DeadlineExceeded, jobs.ClassRetry, jobs.CodeFailed},
		{&jobs.PanicError{Value: "index out of range"}, jobs.ClassRetry, jobs.CodePanic},
		{storage.ErrFenced, jobs.ClassRetry, jobs.CodeFailed},
		{&jobs.RefusedError{Code: "test", Err: errors.New("no")}, jobs.ClassRefuse, "test"},
		{&manager.RefusedError{Code: manager.CodeConflict}, jobs.ClassRefuse, "conflict"},
		{&jobs.RefusedError{Code: "test", Err: storage.ErrUnavailable}, jobs.ClassRefuse, "test"},
		{storage.ErrUnavailable, jobs.ClassPause, jobs.CodeUnavailable},
		{fmt.Errorf("%w: %w", storage.ErrUnavailable, stateError("53100")), jobs.ClassPause, jobs.CodeUnavailable},
		{storage.ErrSetup, jobs.ClassPause, jobs.CodeSetup},
		{fmt.Errorf("%w: %w", storage.ErrSetup, stateError("42501")), jobs.ClassPause, jobs.CodeSetup},
		{&storage.RecordError{Model: "m", ID: "a", Reason: "a NUL"}, jobs.ClassRefuse, string(manager.CodeInvalid)},
		{&payload.SyntaxError{Reason: "no value"}, jobs.ClassPoison, jobs.CodeUnreadable},
		{stateError("08006"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("0A000"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("21000"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("22001"), jobs.ClassPoison, "sqlstate_22001"},
		{stateError("22003"), jobs.ClassPoison, "sqlstate_22003"},
		{stateError("22021"), jobs.ClassPoison, "sqlstate_22021"},
		{stateError("22P05"), jobs.ClassPoison, "sqlstate_22p05"},
		{stateError("23502"), jobs.ClassPoison, "sqlstate_23502"},
		{stateError("23503"), jobs.ClassPoison, "sqlstate_23503"},
		{stateError("23505"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("23514"), jobs.ClassPoison, "sqlstate_23514"},
		{stateError("25006"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("25P02"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("28000"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("28P01"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("3D000"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("40001"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("40003"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("40P01"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("42501"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("42601"), jobs.ClassRetry, jobs.CodeFailed},
		{stateError("42703"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("42P01"), jobs.ClassPause, jobs.CodeSetup},
		{stateError("53100"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("53300"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("54000"), jobs.ClassPoison, "sqlstate_54000"},
		{stateError("55P03"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("57014"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("57P01"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("58030"), jobs.ClassPause, jobs.CodeUnavailable},
		{stateError("XX000"), jobs.ClassRetry, jobs.CodeFailed},
	} {
		class, code, state := jobs.Classify(fmt.Errorf("save 3 jobs: %w", c.err))
		if class != c.class || code != c.code {
			t.Errorf("%v: class %d, code %s; want %d, %s", c.err, class, code, c.class, c.code)
		}
		if e, ok := c.err.(stateError); ok && state != string(e) {
			t.Errorf("%s: SQLSTATE %q", string(e), state)
		}
	}
}

func TestPoisonIsDeadAtOnceAndTakesNobodyAlong(t *testing.T) {
	b := newBench()
	b.failing("c", stateError("22003"))
	vs := b.expect(t, []string{"ack", "ack", "bury", "ack"}, save("a", 1), save("b", 1), save("c", 1), save("d", 1))
	row := b.row(t, "job-c")
	if vs[2].Code != "sqlstate_22003" || row.State != storage.JobDead || row.ErrorCode != "sqlstate_22003" || row.Attempt != 1 {
		t.Fatalf("%+v, row %+v", vs[2], row)
	}
	if !strings.Contains(row.ErrorMessage, "SQLSTATE 22003") || len(row.Envelope) == 0 {
		t.Fatalf("row %+v", row)
	}
}

// TestOperationsOfAPackedSave: what a rule refuses fails alone; what the store refuses without
// saying which record it means fails with its job, and nothing of that is left.
func TestOperationsOfAPackedSave(t *testing.T) {
	b := newBench()
	packed := func(ids ...string) jobs.Delivery {
		d := save(ids[0], 1)
		for i, id := range ids {
			ids[i] = upsertOf(id)
		}
		d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m","args":{"operations":[%s,{"op":"update","resource_id":"nowhere","data":{}}]}}`, strings.Join(ids, ","))
		return d
	}
	b.failing("c", stateError("22003")) // all of a unit whose first operations are of c
	vs := b.expect(t, []string{"ack", "bury", "ack"}, packed("a", "b"), packed("c", "d"), packed("e", "f"))
	if vs[0].Operations != 3 || vs[0].Refused != 1 || vs[0].State != storage.JobDone || vs[1].Code != "sqlstate_22003" {
		t.Fatalf("%+v", vs)
	}
	for id, want := range map[string]int{"a": 1, "b": 1, "c": 0, "d": 0, "e": 1, "f": 1} {
		if n, _ := b.written(t, id); n != want {
			t.Errorf("%s has %d revisions, not %d", id, n, want)
		}
	}
}

func TestPoisonousLoadIsDeadAtOnce(t *testing.T) {
	b := newBench()
	b.load = func(context.Context, func(storage.Progress)) error { return stateError("54000") }
	if v := b.expect(t, []string{"bury"}, loadDelivery("load-1"))[0]; v.Code != "sqlstate_54000" || v.Attempt != 1 || b.swept != 1 {
		t.Fatalf("%+v, swept %d times", v, b.swept)
	}
}

func TestMissingSetupPausesAndCountsNothing(t *testing.T) {
	b := newBench()
	missing := fmt.Errorf("the role lacks a right: %w (%w)", storage.ErrSetup, stateError("42501"))
	b.fault = func([]string) error { return missing }
	b.load = func(context.Context, func(storage.Progress)) error { return missing }
	for i := range 3 * jobs.DefaultMaxAttempts {
		vs := b.expect(t, []string{"pause", "pause", "pause"}, save("a", i+1), save("b", i+1), loadDelivery("load-1"))
		for _, v := range vs {
			if v.Code != jobs.CodeSetup {
				t.Fatalf("%+v", v)
			}
		}
	}
	b.attempts(t, "job-a", 0)
	b.attempts(t, "load-1", 0)
}
