package s3

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
)

func TestAgeOfBlobsThatTheOriginalWrote(t *testing.T) {
	s, _ := newStore(t)
	putGolden(t, s)
	b := s.Blobs()
	ids := func(before time.Time) (ids []string) {
		for _, old := range collect(t, b.Old(t.Context(), before)) {
			if !old.Time.Before(before) {
				t.Errorf("blob %s of %v counts as older than %v", old.FileID, old.Time, before)
			}
			ids = append(ids, old.FileID)
		}
		return ids
	}
	now := time.Now()
	if got := ids(now.Add(-2 * time.Second)); len(got) != 0 {
		t.Errorf("old are %q", got)
	}
	all := ids(now.Add(48 * time.Hour))
	if len(all) != 3 || !slices.Equal(ids(now.Add(2*time.Second)), all) {
		t.Errorf("old are %q, want all three", all)
	}
	// A day later one is touched, by whose mark it stays.
	s.cfg.Now = func() time.Time { return now.Add(24 * time.Hour) }
	if _, err := b.Touch(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	before := now.Add(10 * time.Minute)
	if got := ids(before); !slices.Equal(got, all[1:]) {
		t.Errorf("old are %q, want %q", got, all[1:])
	}
	gone, err := b.DeleteOld(t.Context(), all, before)
	if err != nil || !slices.Equal(gone, []bool{false, true, true}) {
		t.Errorf("gone are %v (%v)", gone, err)
	}
	if err := b.Delete(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys(t, s) {
		if strings.HasPrefix(key, blobsDir) {
			t.Errorf("%s is left", key)
		}
	}
}

// TestPutAndTouchWaitForDeletions stops a deletion between its look at the blob and
// the removal: whoever puts or touches then has the blob, or knows that it is gone.
func TestPutAndTouchWaitForDeletions(t *testing.T) {
	for _, how := range []string{"put", "touch"} {
		s, f := newStore(t)
		b := s.Blobs()
		id := putBlob(t, b, "x", storage.PutOptions{}).FileID
		looked, goOn := make(chan struct{}), make(chan struct{})
		f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/blobs/"+id) {
				close(looked)
				<-goOn
			}
			next.ServeHTTP(w, r)
		})
		deleted := make(chan error, 1)
		go func() {
			_, err := b.DeleteOld(t.Context(), []string{id}, time.Now().Add(time.Hour))
			deleted <- err
		}()
		<-looked
		written := make(chan error, 1)
		go func() {
			var err error
			if how == "put" {
				_, err = b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{})
			} else {
				_, err = b.Touch(t.Context(), id)
			}
			written <- err
		}()
		select {
		case err := <-written:
			close(goOn)
			t.Fatalf("%s: it did not wait (%v)", how, err)
		case <-time.After(100 * time.Millisecond):
		}
		other := putBlob(t, b, "y", storage.PutOptions{}) // of another blob waits for nothing
		f.on(nil)
		close(goOn)
		if err := <-deleted; err != nil {
			t.Errorf("%s: %v", how, err)
		}
		err := <-written
		if _, statErr := b.Stat(t.Context(), id); (err == nil) != (statErr == nil) || how == "put" && err != nil {
			t.Errorf("%s: it gives %v, and then the blob: %v", how, err, statErr)
		}
		for _, key := range keys(t, s) {
			if key == "blobs/_deleting" {
				t.Errorf("%s: %s is left", how, key)
			}
		}
		if _, err := b.Stat(t.Context(), other.FileID); err != nil {
			t.Error(err)
		}
	}
}

// TestGateOfADeadProcess: it holds writers up and counts no more after its time.
func TestGateOfADeadProcess(t *testing.T) {
	for _, exclusive := range []bool{true, false} {
		s, f := newStore(t)
		if !exclusive {
			f.Lack(s3test.Lacks{Conditions: true})
			s.exclusive = false
		}
		b := s.Blobs()
		b.gate.life = 500 * time.Millisecond
		id := putBlob(t, b, "x", storage.PutOptions{}).FileID
		left := object{key: "blobs/_deleting", body: bytesBody([]byte(`{"token":"t","ids":["` + id + `"]}`))}
		if err := s.put(t.Context(), left); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		putBlob(t, b, "x", storage.PutOptions{})
		if took := time.Since(began); took < b.gate.life {
			t.Errorf("the put waited for %v, want %v", took, b.gate.life)
		}
		began = time.Now()
		putBlob(t, b, "x", storage.PutOptions{})
		if took := time.Since(began); took > b.gate.life {
			t.Errorf("a later put waited for %v", took)
		}
		gone, err := b.DeleteOld(t.Context(), []string{id}, time.Now().Add(time.Hour))
		if err != nil || !gone[0] {
			t.Errorf("a later deletion gives %v (%v)", gone, err)
		}
		if left := keys(t, s); len(left) != 0 {
			t.Errorf("left are %q", left)
		}
	}
}

// TestGateStaysWhileRemovalsMayComeLate: a removal whose answer was lost may be done
// later, so writers are held up until it cannot any more.
func TestGateStaysWhileRemovalsMayComeLate(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	id := putBlob(t, b, "x", storage.PutOptions{}).FileID
	lost := false
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete && !lost {
			lost = true
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	gone, err := b.DeleteOld(t.Context(), []string{id}, time.Now().Add(time.Hour))
	if err != nil || !gone[0] {
		t.Errorf("the deletion gives %v (%v)", gone, err)
	}
	if left := keys(t, s); !slices.Equal(left, []string{"blobs/_deleting"}) {
		t.Errorf("left are %q, want the gate", left)
	}
}

func TestSweep(t *testing.T) {
	s, f := newStore(t)
	b := s.Blobs()
	kept := putBlob(t, b, "kept", storage.PutOptions{}).FileID
	putBlob(t, b, "kept", storage.PutOptions{})
	for key, body := range map[string]string{
		"blobs/_uploads/1": "12345", "blobs/_sessions/1": "{}", "_probe/1": "", "blobs/_touched/gone": "", "blobs/_touched/" + strings.Repeat("0", 32): "",
	} {
		if err := s.put(t.Context(), object{key: key, body: bytesBody([]byte(body))}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method == http.MethodDelete || r.URL.Query().Get("partNumber") == "2" { // killed in part 2
			cancel()
			fail(w, http.StatusForbidden, "AccessDenied")
			return
		}
		next.ServeHTTP(w, r)
	})
	if _, err := b.Put(ctx, bytes.NewReader(large()), storage.PutOptions{}); err == nil {
		t.Error("the upload did not fail")
	}
	f.on(nil)
	if found, err := b.Sweep(t.Context(), time.Now().Add(-time.Hour), true); err != nil || found != (storage.Tally{}) {
		t.Errorf("a sweep of what is old finds %+v (%v)", found, err)
	}
	for _, remove := range []bool{false, true} {
		found, err := b.Sweep(t.Context(), time.Now().Add(time.Hour), remove)
		if err != nil || found.Count != 6 || found.Bytes < 7 {
			t.Errorf("a sweep finds %+v (%v), want 6", found, err)
		}
	}
	if left, want := keys(t, s), []string{"blobs/" + kept, "blobs/_touched/" + kept}; !slices.Equal(left, want) {
		t.Errorf("left are %q, want %q", left, want)
	}
	if left := collect(t, s.uploads(t.Context(), "")); len(left) != 0 {
		t.Errorf("%d uploads are left", len(left))
	}
}
