package diskblob

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// oldIDs returns the sorted ids of the blobs that are old.
func oldIDs(t *testing.T, s *Store, before time.Time) []string {
	t.Helper()
	ids := []string{}
	for b, err := range s.Old(t.Context(), before) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, b.FileID)
	}
	slices.Sort(ids)
	return ids
}

// age gives a file a time of last change.
func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	at := time.Now().Add(-d)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestAgeIsThatOfTheFile(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	s := openStore(t, Config{Dir: dir, Now: func() time.Time { return now }})
	id := put(t, s, "hello", storage.PutOptions{}).FileID
	log := put(t, s, "log", storage.PutOptions{Key: "__job_log__/a"}).FileID
	for _, name := range []string{id, "__job_log___a"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.ModTime().Equal(now) {
			t.Errorf("%s is of %v (%v), want %v", name, info.ModTime(), err, now)
		}
		age(t, filepath.Join(dir, name), 48*time.Hour)
	}
	if got := oldIDs(t, s, now.Add(-time.Hour)); !slices.Equal(got, slices.Sorted(slices.Values([]string{id, log}))) {
		t.Errorf("old are %q", got)
	}
	now = now.Add(time.Minute)
	put(t, s, "hello", storage.PutOptions{})
	if _, err := s.Touch(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	if got := oldIDs(t, s, now); len(got) != 0 {
		t.Errorf("old are %q after they were put and touched", got)
	}
	gone, err := s.DeleteOld(t.Context(), []string{id, log}, now)
	if err != nil || !slices.Equal(gone, []bool{false, false}) {
		t.Errorf("gone: %v, %v", gone, err)
	}
}

func TestBlobsOfTheOriginalGrowOldToo(t *testing.T) {
	dir := t.TempDir()
	unpackBlobs(t, dir)
	s := openStore(t, Config{Dir: dir})
	ids := list(t, s)
	soon := time.Now().Add(time.Hour)
	if got := oldIDs(t, s, soon); !slices.Equal(got, ids) {
		t.Errorf("old are %q, want %q", got, ids)
	}
	gone, err := s.DeleteOld(t.Context(), ids, soon)
	if err != nil || slices.Contains(gone, false) {
		t.Errorf("gone: %v, %v", gone, err)
	}
	if got := leftIn(t, dir); !slices.Equal(got, []string{lockName}) {
		t.Errorf("left are %q", got)
	}
}

func leftIn(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestSweepRemovesWhatCrashesLeft(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, Config{Dir: dir})
	id := put(t, s, "blob", storage.PutOptions{}).FileID
	files := map[string]bool{ // whether it is left
		tempPrefix + "old": false, tempPrefix + "new": true, "lone.blobmeta": false, "fresh.blobmeta": true, "legacy": true,
		id: true, id + sidecarSuffix: true, lockName: true,
	}
	for name := range files {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			if err := os.WriteFile(path, []byte("12345"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if name != tempPrefix+"new" && name != "fresh.blobmeta" {
			age(t, path, 48*time.Hour)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, sessionsDir, tempPrefix+"dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	limit := time.Now().Add(-24 * time.Hour)
	for _, remove := range []bool{false, true} {
		found, err := s.Sweep(t.Context(), limit, remove)
		if err != nil || found != (storage.Tally{Count: 2, Bytes: 10}) {
			t.Errorf("sweep finds %+v, %v", found, err)
		}
	}
	for name, left := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != left {
			t.Errorf("%s: %v, want left %v", name, err, left)
		}
	}
	if found, err := s.Sweep(t.Context(), limit, true); err != nil || found != (storage.Tally{}) {
		t.Errorf("a second sweep finds %+v, %v", found, err)
	}
}

func TestReadOnlyLooksAtOldBlobs(t *testing.T) {
	dir := t.TempDir()
	id := put(t, openStore(t, Config{Dir: dir}), "x", storage.PutOptions{}).FileID
	before := leftIn(t, dir)
	s := openStore(t, Config{Dir: dir, ReadOnly: true})
	if got := oldIDs(t, s, time.Now().Add(time.Hour)); !slices.Equal(got, []string{id}) {
		t.Errorf("old are %q", got)
	}
	_, touch := s.Touch(t.Context(), id)
	_, deleted := s.DeleteOld(t.Context(), []string{id}, time.Now())
	_, swept := s.Sweep(t.Context(), time.Now(), true)
	for what, err := range map[string]error{"touch": touch, "delete": deleted, "sweep": swept} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("%s gives %v, want %v", what, err, errReadOnly)
		}
	}
	if _, err := s.Sweep(t.Context(), time.Now(), false); err != nil {
		t.Error(err)
	}
	if after := leftIn(t, dir); !slices.Equal(after, before) {
		t.Errorf("the directory holds %q, held %q", after, before)
	}
}

// Two stores of one directory are as two processes: the lock's file is opened by
// each.
func TestPutExcludesTheDeletionOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	writer, collector := openStore(t, Config{Dir: dir}), openStore(t, Config{Dir: dir})
	const blobs = 40
	var ids []string
	for n := range blobs {
		ids = append(ids, put(t, writer, fmt.Sprint("blob ", n), storage.PutOptions{}).FileID)
	}
	for round := range 5 {
		for _, id := range ids {
			age(t, filepath.Join(dir, id), 48*time.Hour)
		}
		before := time.Now().Add(-24 * time.Hour)
		var all sync.WaitGroup
		all.Go(func() {
			for batch := range slices.Chunk(ids, 3) {
				if _, err := collector.DeleteOld(t.Context(), batch, before); err != nil {
					t.Error(err)
				}
			}
		})
		for n, id := range ids {
			info, err := writer.Put(t.Context(), strings.NewReader(fmt.Sprint("blob ", n)), storage.PutOptions{})
			if err == nil {
				_, err = writer.Stat(t.Context(), id)
			}
			if err != nil || info.FileID != id {
				t.Errorf("round %d: blob %d was put and is not there: %v", round, n, err)
			}
		}
		all.Wait()
		if got := len(list(t, writer)); got != blobs {
			t.Errorf("round %d: %d blobs, want %d", round, got, blobs)
		}
		for n, id := range ids {
			if got := resource.ContentHash([]byte(content(t, writer, id))); got != id {
				t.Errorf("round %d: blob %d has the content of %s", round, n, got)
			}
		}
	}
}

func TestWaitingForTheLockEndsWithTheContext(t *testing.T) {
	dir := t.TempDir()
	s, other := openStore(t, Config{Dir: dir}), openStore(t, Config{Dir: dir})
	id := put(t, s, "x", storage.PutOptions{}).FileID
	root, err := other.openRoot()
	if err != nil {
		t.Fatal(err)
	}
	release, err := other.lock.Hold(t.Context(), root, filelock.Exclusive)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Touch(ctx, id); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("touch gives %v, want the context's error", err)
	}
	if _, err := s.Stat(t.Context(), id); err != nil {
		t.Errorf("reading waits for the lock: %v", err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Touch(t.Context(), id); err != nil {
		t.Error(err)
	}
}
