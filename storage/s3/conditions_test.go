package s3

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
)

// TestLostAnswers lets writes take effect whose answers do not come.
func TestLostAnswers(t *testing.T) {
	f := startFake(t)
	s := openFake(t, f.direct())
	m := s.Revisions(LayoutPostgresS3).Model("person")
	contents, uids := someContents(5)
	f.Fail(
		s3test.Fault{Kind: s3test.DropResponse, Operation: s3test.PutObject, Key: dataName, Times: 5},
		s3test.Fault{Kind: s3test.DropResponse, Operation: s3test.PutObject, Key: infoName, Times: 5},
		s3test.Fault{Kind: s3test.DropResponse, Operation: s3test.PutObject, Key: uidName, Times: 1},
	)
	done, err := m.Put(t.Context(), contents)
	if err != nil || slices.Contains(done, false) {
		t.Errorf("put gives %v (%v), want what it did", done, err)
	}
	owners, err := m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: uids[0]}})
	if err != nil || owners[0] != uids[0] {
		t.Errorf("claim gives %q (%v), want its own", owners, err)
	}
	if got := s.Stats().Retries; got != 11 {
		t.Errorf("%d requests were sent again, want 11", got)
	}
	owners, err = m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: uids[1]}})
	if err != nil || owners[0] != uids[0] {
		t.Errorf("a later claim gives %q (%v), want the first", owners, err)
	}
}

// TestWritersAgreeWhateverFails lets writers of two processes put and claim the same
// while requests fail in every way: each uid and each key has one owner.
func TestWritersAgreeWhateverFails(t *testing.T) {
	f := startFake(t)
	stores := []*Store{openFake(t, f.direct()), openFake(t, f.direct())}
	f.Fail(
		s3test.Fault{Kind: s3test.DropResponse, Fraction: 0.1},
		s3test.Fault{Kind: s3test.DropRequest, Fraction: 0.05},
		s3test.Fault{Kind: s3test.InternalError, Fraction: 0.05},
		s3test.Fault{Kind: s3test.CutResponse, Fraction: 0.05},
		s3test.Fault{Kind: s3test.Conflict, Operation: s3test.PutObject, Fraction: 0.05},
	)
	const writers, keys = 6, 8
	owners := make([][]string, writers)
	puts := make([][]bool, writers)
	var all sync.WaitGroup
	for w := range writers {
		m := stores[w%len(stores)].Revisions(LayoutPostgresS3).Model("person")
		var contents []storage.Content
		var entries []storage.Entry
		for k := range keys {
			contents = append(contents, storage.Content{UID: fmt.Sprint("u", k), Data: []byte("same"), Info: fmt.Append(nil, "info", w)})
			entries = append(entries, storage.Entry{Key: key("p", k), UID: fmt.Sprint(w)})
		}
		all.Go(func() {
			var err, claimErr error
			puts[w], err = m.Put(t.Context(), contents)
			owners[w], claimErr = m.Claim(t.Context(), entries)
			if err := errors.Join(err, claimErr); err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		return
	}
	for k := range keys {
		var put []string
		for w := range writers {
			if puts[w][k] {
				put = append(put, fmt.Sprint("info", w))
			}
			if owners[w][k] != owners[0][k] {
				t.Errorf("key %d is owned by %s and by %s", k, owners[0][k], owners[w][k])
			}
		}
		info := string(f.Get("bucket", fmt.Sprintf("person/data/resources/store/u%d/info", k)))
		if len(put) != 1 || put[0] != info {
			t.Errorf("uid %d was put by %q and holds %q", k, put, info)
		}
	}
}

func TestStoreWithoutConditionalWrites(t *testing.T) {
	for _, lacks := range []s3test.Lacks{{Conditions: true}, {ConditionsRefused: true}} {
		f := startFake(t)
		f.Lack(lacks)
		s := openFake(t, f.direct())
		if s.Exclusive() {
			t.Error("the store believes in conditional writes")
		}
		m := s.Revisions(LayoutPostgresS3).Model("person")
		for _, want := range []bool{true, false} {
			done, err := m.Put(t.Context(), []storage.Content{{UID: "u", Info: []byte("i"), Data: []byte("d")}})
			if err != nil || done[0] != want {
				t.Errorf("put gives %v (%v), want %v", done, err, want)
			}
		}
		for _, uid := range []string{"u", "v"} {
			owner, err := m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: uid}})
			if err != nil || owner[0] != "u" {
				t.Errorf("claim gives %q (%v), want u", owner, err)
			}
		}
		if left, want := f.Keys("bucket"), 3; len(left) != want {
			t.Errorf("the bucket holds %q, want %d objects", left, want)
		}
	}
}

// TestConflictsAreRepeated: S3 answers 409 to a conditional write beside another.
func TestConflictsAreRepeated(t *testing.T) {
	f := startFake(t)
	s := openFake(t, f.direct())
	f.Fail(s3test.Fault{Kind: s3test.Conflict, Operation: s3test.PutObject, Times: 1})
	if created, err := s.create(t.Context(), "k", []byte("x")); err != nil || !created {
		t.Errorf("create gives %v (%v)", created, err)
	}
}
