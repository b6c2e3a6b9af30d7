package manager_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// errCrash is what a faulty store answers once its calls are used up.
var errCrash = errors.New("crashed")

// fuse lets a number of calls pass; from then on every call fails, as if the
// process had died there. after makes the deadly call take effect first; for all
// but the last call that is the same as dying before the next one.
type fuse struct {
	left  int
	after bool
}

func (f *fuse) call(do func() error) error {
	if f.left < 0 {
		return errCrash
	}
	if f.left--; f.left >= 0 {
		return do()
	}
	if f.after {
		return errors.Join(errCrash, do())
	}
	return errCrash
}

// faulty is a store behind a fuse. Reads pass; what writes goes through it.
type faulty struct {
	storage.Factory
	fuse *fuse
}

func (f faulty) SaveModel(ctx context.Context, m storage.ModelInfo) error {
	return f.fuse.call(func() error { return f.Factory.SaveModel(ctx, m) })
}

func (f faulty) Unit() storage.UnitOfWork { return faultyUnit{f.Factory.Unit(), f.fuse} }
func (f faulty) Ledger() storage.Ledger   { return faultyLedger{f.Factory.Ledger(), f.fuse} }

type faultyUnit struct {
	storage.UnitOfWork
	fuse *fuse
}

func (u faultyUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.fuse.call(func() error { return u.UnitOfWork.Update(ctx, b, compute) })
}

func (u faultyUnit) Stage(ctx context.Context, s storage.Staged) error {
	return u.fuse.call(func() error { return u.UnitOfWork.Stage(ctx, s) })
}

func (u faultyUnit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	return u.fuse.call(func() error { return u.UnitOfWork.Publish(ctx, c, final) })
}

type faultyLedger struct {
	storage.Ledger
	fuse *fuse
}

func (l faultyLedger) Chunks(ctx context.Context, job uuid.UUID) (chunks []storage.Chunk, err error) {
	err = l.fuse.call(func() error { chunks, err = l.Ledger.Chunks(ctx, job); return err })
	return chunks, err
}

func (l faultyLedger) Finish(ctx context.Context, c storage.Claim, f storage.Final) error {
	return l.fuse.call(func() error { return l.Ledger.Finish(ctx, c, f) })
}

type faultyBlobs struct {
	storage.BlobStore
	fuse *fuse
}

func (b faultyBlobs) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (info storage.BlobInfo, err error) {
	err = b.fuse.call(func() error { info, err = b.BlobStore.Put(ctx, r, o); return err })
	return info, err
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
	burn := &fuse{left: calls, after: after}
	broken := manager.NewCatalog(faulty{f, burn}, faultyBlobs{blobs, burn}, manager.Options{})
	o := manager.LoadOptions{OnDuplicate: on}
	_, err = broken.Load(t.Context(), claim, bytes.NewReader(in), o, nil)
	crashed := burn.left < 0
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
