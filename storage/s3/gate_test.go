package s3

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestNoPutIsLostWhateverFails lets two processes put, touch and delete the same
// blobs while requests fail: what was put or touched is there when that returns,
// until a deletion begins that is newer.
func TestNoPutIsLostWhateverFails(t *testing.T) {
	f := startFake(t)
	var stores []*Blobs
	for range 2 {
		b := openFake(t, f.direct()).Blobs()
		b.gate.life, b.gate.work = 700*time.Millisecond, 500*time.Millisecond
		stores = append(stores, b)
	}
	f.Fail(
		s3test.Fault{Kind: s3test.Slow, Operation: s3test.DeleteObject, Fraction: 0.5, Delay: 20 * time.Millisecond},
		s3test.Fault{Fraction: 0.05},
		s3test.Fault{Kind: s3test.InternalError, Fraction: 0.05},
		s3test.Fault{Kind: s3test.DropRequest, Fraction: 0.01},
		s3test.Fault{Kind: s3test.DropResponse, Fraction: 0.02},
	)
	const blobs, rounds = 4, 12
	var puts, deletions int
	for round := range rounds {
		before := time.Now()
		time.Sleep(time.Millisecond)
		var all sync.WaitGroup
		var mu sync.Mutex
		for i := range blobs {
			id := resource.ContentHash(fmt.Append(nil, "blob", i))
			all.Go(func() {
				time.Sleep(time.Duration(rand.IntN(15)) * time.Millisecond)
				b := stores[rand.IntN(2)]
				_, err := b.Touch(t.Context(), id)
				if (i+round)%2 == 0 || errors.Is(err, storage.ErrNotFound) {
					_, err = b.Put(t.Context(), strings.NewReader(fmt.Sprint("blob", i)), storage.PutOptions{})
				}
				if err == nil {
					_, err = b.Stat(t.Context(), id)
				}
				mu.Lock()
				defer mu.Unlock()
				if puts++; err != nil {
					t.Errorf("round %d: blob %d was put or touched: %v", round, i, err)
				}
			})
		}
		for _, b := range stores {
			all.Go(func() {
				var ids []string
				for i := range blobs {
					ids = append(ids, resource.ContentHash(fmt.Append(nil, "blob", i)))
				}
				gone, err := b.DeleteOld(t.Context(), ids, before)
				if err != nil && !errors.Is(err, storage.ErrUnavailable) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, g := range gone {
					if g {
						deletions++
					}
				}
			})
		}
		all.Wait()
	}
	if puts != blobs*rounds || deletions == 0 {
		t.Errorf("%d blobs were put, %d deleted", puts, deletions)
	}
}

// TestASlowGateIsUnavailable has no answer come to what writes or removes the gate: the
// caller, who would wait longer, is told that the service is slow.
func TestASlowGateIsUnavailable(t *testing.T) {
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		f := startFake(t)
		b := openFake(t, f.direct()).Blobs()
		if _, err := b.Put(t.Context(), strings.NewReader("old"), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		through := openFake(t, f.config()).Blobs()
		through.gate.work = 200 * time.Millisecond
		f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == method && strings.HasSuffix(r.URL.Path, through.gate.key) {
				_, _ = io.Copy(io.Discard, r.Body) // that the caller goes away is seen behind it
				<-r.Context().Done()
				return
			}
			next.ServeHTTP(w, r)
		})
		_, err := through.DeleteOld(t.Context(), []string{resource.ContentHash([]byte("old"))}, time.Now().Add(time.Hour))
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("when %s of the gate hangs: %v; want ErrUnavailable", method, err)
		}
	}
}
