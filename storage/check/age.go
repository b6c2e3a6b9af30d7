package check

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/specstar-worker/worker/storage"
)

func ageChecks() []check {
	return []check{
		{"G25/old_blobs_are_listed", oldBlobsAreListed},
		{"G25/put_and_touch_make_a_blob_new", putMakesNew},
		{"G25/only_old_blobs_are_deleted", onlyOldAreDeleted},
		{"G25/put_and_touch_exclude_the_deletion", putExcludesDeletion},
		{"G25/sweep_leaves_blobs", sweepLeavesBlobs},
	}
}

// tick returns a time between what was done before and what is done after it.
func tick() time.Time {
	time.Sleep(ageStep)
	defer time.Sleep(ageStep)
	return time.Now()
}

// ageStep is longer than the steps of the clocks that media take ages from.
const ageStep = 15 * time.Millisecond

// putBlob stores a text under the hash of its content.
func putBlob(t T, b storage.BlobStore, content string) string {
	t.Helper()
	info, err := b.Put(t.Context(), strings.NewReader(content), storage.PutOptions{})
	ok(t, "put", err)
	return info.FileID
}

// oldIDs returns the sorted ids of the blobs older than before.
func oldIDs(t T, b storage.BlobStore, before time.Time) []string {
	t.Helper()
	ids := []string{}
	for _, old := range collect(t, "old blobs", b.Old(t.Context(), before)) {
		if !old.Time.Before(before) {
			t.Fatalf("blob %s of %v counts as older than %v", old.FileID, old.Time, before)
		}
		ids = append(ids, old.FileID)
	}
	slices.Sort(ids)
	return ids
}

func oldBlobsAreListed(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		equal(t, "old blobs of an empty store", oldIDs(t, b, time.Now().Add(time.Hour)), []string{})
		a := putBlob(t, b, "a")
		_, err := b.Put(t.Context(), strings.NewReader("keyed"), storage.PutOptions{Key: "log/1"})
		ok(t, "put", err)
		between := tick()
		c := putBlob(t, b, "c")
		want := []string{a, "log/1"}
		slices.Sort(want)
		equal(t, "old blobs", oldIDs(t, b, between), want)
		all := append(want, c)
		slices.Sort(all)
		equal(t, "all blobs", oldIDs(t, b, tick()), all)
		equal(t, "blobs older than all", oldIDs(t, b, time.Now().Add(-time.Hour)), []string{})
		for _, err := range b.Old(t.Context(), tick()) {
			ok(t, "old blobs", err)
			break
		}
		for _, err := range b.Old(cancelled(t), tick()) {
			wantErr(t, "old blobs", err, context.Canceled)
		}
	})
}

func putMakesNew(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		put, touched, left := putBlob(t, b, "put"), putBlob(t, b, "touched"), putBlob(t, b, "left")
		between := tick()
		putBlob(t, b, "put")
		info, err := b.Touch(t.Context(), touched)
		ok(t, "touch", err)
		stat, err := b.Stat(t.Context(), touched)
		ok(t, "stat", err)
		equal(t, "what touch describes", info, stat)
		equal(t, "old blobs", oldIDs(t, b, between), []string{left})
		gone, err := b.DeleteOld(t.Context(), []string{put, touched, left}, between)
		ok(t, "delete", err)
		equal(t, "what is gone", gone, []bool{false, false, true})
		equal(t, "content", string(readBlob(t, b, put)), "put")
		equal(t, "content", string(readBlob(t, b, touched)), "touched")
		_, err = b.Touch(t.Context(), left)
		wantErr(t, "touch of a deleted blob", err, storage.ErrNotFound)
		_, err = b.Stat(t.Context(), left)
		wantErr(t, "stat of a deleted blob", err, storage.ErrNotFound)
		equal(t, "the blob put again", putBlob(t, b, "left"), left)
		equal(t, "content", string(readBlob(t, b, left)), "left")
	})
}

func onlyOldAreDeleted(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		a, c := putBlob(t, b, "a"), putBlob(t, b, "c")
		gone, err := b.DeleteOld(t.Context(), []string{a, "0123456789abcdef0123456789abcdef", "no\x00name"}, time.Now().Add(-time.Hour))
		ok(t, "delete", err)
		equal(t, "what is gone", gone, []bool{false, true, true})
		gone, err = b.DeleteOld(t.Context(), nil, tick())
		ok(t, "delete nothing", err)
		equal(t, "number of answers", len(gone), 0)
		_, err = b.DeleteOld(cancelled(t), []string{a}, tick())
		wantErr(t, "delete", err, context.Canceled)
		gone, err = b.DeleteOld(t.Context(), []string{c, c}, tick())
		ok(t, "delete", err)
		equal(t, "what is gone", gone, []bool{true, true})
		var left []string
		for _, info := range collect(t, "list", b.List(t.Context())) {
			left = append(left, info.FileID)
		}
		equal(t, "what is left", left, []string{a})
	})
}

// putExcludesDeletion lets writers put and touch blobs while they are deleted for
// their age: a blob is there when its Put or Touch has returned.
func putExcludesDeletion(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		const rounds, blobs = 12, 6
		var ids, texts []string
		for i := range blobs {
			texts = append(texts, fmt.Sprint("blob ", i))
			ids = append(ids, putBlob(t, b, texts[i]))
		}
		for round := range rounds {
			before := tick()
			lost := make(chan string, blobs)
			var all sync.WaitGroup
			for i, id := range ids {
				all.Go(func() {
					if (i+round)%2 == 0 {
						_, err := b.Put(t.Context(), strings.NewReader(texts[i]), storage.PutOptions{})
						lost <- lossOf(t.Context(), b, id, err)
						return
					}
					_, err := b.Touch(t.Context(), id)
					if err == nil {
						lost <- lossOf(t.Context(), b, id, nil)
					}
				})
			}
			for _, id := range ids {
				all.Go(func() {
					if _, err := b.DeleteOld(t.Context(), []string{id}, before); err != nil {
						lost <- err.Error()
					}
				})
			}
			go func() { all.Wait(); close(lost) }()
			for what := range lost {
				if what != "" {
					all.Wait()
					t.Fatalf("round %d: %s", round, what)
				}
			}
			for i := range ids {
				putBlob(t, b, texts[i])
			}
		}
	})
}

// lossOf says how a blob was lost that was put or touched; "" when it was not.
func lossOf(ctx context.Context, b storage.BlobStore, id string, err error) string {
	if err != nil {
		return fmt.Sprintf("put of %s: %v", id, err)
	}
	if _, err := b.Stat(ctx, id); err != nil {
		return fmt.Sprintf("blob %s was put or touched and is not there: %v", id, err)
	}
	return ""
}

func sweepLeavesBlobs(t T, s *subject) {
	s.withBlobs(t, func(b storage.BlobStore) {
		_, err := b.Sweep(t.Context(), time.Now(), false)
		ok(t, "sweep of an empty store", err)
		a := putBlob(t, b, "a")
		for _, remove := range []bool{false, true} {
			found, err := b.Sweep(t.Context(), tick(), remove)
			ok(t, "sweep", err)
			equal(t, "what is left over", found, storage.Tally{})
		}
		equal(t, "content", string(readBlob(t, b, a)), "a")
	})
}
