package manager_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/faulty"
)

// errCrash is what a faulty store answers once its calls are used up.
var errCrash = errors.New("crashed")

// deadly are the calls that a store may die at: all that a load makes but reads.
var deadly = []string{
	"Factory.SaveModel", "Unit.Update", "Unit.Stage", "Unit.Publish", "Ledger.Chunks", "Ledger.Finish", "Blobs.Put",
}

// dying returns a plan that lets a number of calls pass; from then on every call
// fails, as if the process had died there. after makes the deadly call take
// effect first; for all but the last call that is the same as dying before the
// next one.
func dying(calls int, after bool) *faulty.Plan {
	plan := new(faulty.Plan)
	if after {
		plan.Arm(faulty.Fault{On: deadly, Skip: calls, Do: faulty.FailAfter(errCrash)})
	}
	plan.Arm(faulty.Fault{On: deadly, Skip: calls, Times: faulty.Always, Do: faulty.Fail(errCrash)})
	return plan
}

// scattered is an archive with enough resources for several chunks; its blob and
// its second revisions stand where the reader does not expect them.
func scattered(t *testing.T, n int) []byte {
	t.Helper()
	recs := []archive.Record{archive.Header{}, archive.ModelStart{Model: "doc"}}
	var late []archive.Record
	for i := range n {
		meta, rev := simple(numbered(i), fmt.Sprintf(`{"n":%d}`, i))
		_, second := simple(numbered(i), fmt.Sprintf(`{"n":%d,"more":true}`, i))
		second.Info.RevisionID = numbered(i).Revision(2)
		meta.TotalRevisionCount = 2
		recs = append(recs, archive.Meta{Meta: meta}, archive.Revision{Revision: rev})
		late = append(late, archive.Revision{Revision: second})
	}
	data := []byte("content")
	recs = append(recs, blobOf(data))
	recs = append(recs, late...)
	return encodeArchive(t, append(recs, archive.ModelEnd{Model: "doc"}, archive.EOF{}))
}

func TestALoadThatCrashesAnywhereIsResumed(t *testing.T) {
	large := scattered(t, 10_500) // staged: too many for one unit of work
	small := testdata(t, "small.acbak")
	for _, tc := range []struct {
		name string
		in   []byte
		on   manager.OnDuplicate
		open opener
	}{
		{"one unit of work", small, manager.RaiseError, openMemory},
		{"one unit of work in SQLite", small, manager.RaiseError, openSQLite},
		{"staged", large, manager.RaiseError, openMemory},
		{"skip", small, manager.Skip, openMemory},
		{"skip in SQLite", small, manager.Skip, openSQLite},
		{"overwrite", scattered(t, 2500), manager.Overwrite, openMemory},
	} {
		t.Run(tc.name, func(t *testing.T) {
			whole := openMemory(t)
			want := whole.load(t, tc.in, manager.LoadOptions{OnDuplicate: tc.on})
			dump := whole.dumpAll(t)
			calls := 0
			for crash(t, tc.open, calls, false, tc.in, tc.on, want, dump) {
				calls++
			}
			if calls < 4 {
				t.Fatalf("only %d calls to crash at", calls)
			}
			// The last call takes effect, but its caller does not live to know.
			crash(t, tc.open, calls-1, true, tc.in, tc.on, want, dump)
		})
	}
}

// crash loads an archive into a store that crashes after the given number of
// calls, then resumes, and checks that the result is that of an undisturbed
// load. It returns false when the load needed no more calls than that.
func crash(t *testing.T, open opener, calls int, after bool, in []byte, on manager.OnDuplicate, want map[string]manager.LoadStats, dump []byte) bool {
	t.Helper()
	s := open(t)
	f, blobs := s.factory, s.blobs
	job := storage.Job{ID: uuid.New(), Kind: "load"}
	_, claim, err := f.Ledger().Claim(t.Context(), job, 0)
	if err != nil {
		t.Fatal(err)
	}
	plan := dying(calls, after)
	broken := manager.NewCatalog(faulty.New(f, plan), faulty.NewBlobs(blobs, plan), manager.Options{})
	o := manager.LoadOptions{OnDuplicate: on}
	_, err = broken.Load(t.Context(), claim, bytes.NewReader(in), o, nil)
	crashed := plan.Fired() > 0
	if crashed != (err != nil) || crashed && !errors.Is(err, errCrash) {
		t.Fatalf("after %d calls: %v", calls, err)
	}

	row, claim, err := f.Ledger().Claim(t.Context(), job, time.Minute)
	switch {
	case errors.Is(err, storage.ErrFinal):
		if row.State != storage.JobDone {
			t.Fatalf("after %d calls the job ended as %s", calls, row.State)
		}
	case err != nil:
		t.Fatal(err)
	default:
		if on == manager.RaiseError {
			invisible(t, s)
		}
		got, err := s.Load(t.Context(), claim, bytes.NewReader(in), o, nil)
		if err != nil {
			t.Fatalf("after %d calls the load is not resumed: %v", calls, err)
		}
		for model, w := range want {
			if got[model] != w {
				t.Fatalf("after %d calls %s: %+v, want %+v", calls, model, got[model], w)
			}
		}
	}
	if !bytes.Equal(s.dumpAll(t), dump) {
		t.Fatalf("after %d calls the store is another", calls)
	}
	return crashed
}

// invisible checks that nothing of an interrupted load can be read.
func invisible(t *testing.T, s *store) {
	t.Helper()
	infos, err := s.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if n := ids(t, s, info.Name); len(n) > 0 {
			t.Fatalf("%d resources of %s are visible before the load is done", len(n), info.Name)
		}
	}
}
