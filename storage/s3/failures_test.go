package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// contents are some contents, with their uids.
func someContents(n int) (contents []storage.Content, uids []string) {
	for i := range n {
		uid := fmt.Sprint("u", i)
		contents = append(contents, storage.Content{UID: uid, Info: []byte("info"), Data: fmt.Append(nil, "data", i)})
		uids = append(uids, uid)
	}
	return contents, uids
}

func TestSomeRefusedRequestsAreRepeated(t *testing.T) {
	s, f := newStore(t)
	var n atomic.Int64
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if n.Add(1)%5 == 0 {
			fail(w, http.StatusServiceUnavailable, "SlowDown")
			return
		}
		next.ServeHTTP(w, r)
	})
	m := s.Revisions(LayoutPostgresS3).Model("person")
	contents, uids := someContents(100)
	done, err := m.Put(t.Context(), contents)
	if err != nil || slices.Contains(done, false) {
		t.Fatalf("put gives %v (%v)", done, err)
	}
	read, err := m.Read(t.Context(), uids)
	if err != nil || string(read[99].Data) != "data99" {
		t.Fatalf("read gives %v", err)
	}
	stats := s.Stats()
	if stats.Throttled < 50 || stats.Retries != stats.Throttled || stats.GivenUp != 0 {
		t.Errorf("stats are %+v, want a retry for each refusal", stats)
	}
}

func TestAServiceThatIsDownIsUnavailable(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer func(w http.ResponseWriter, r *http.Request)
	}{
		{"refuses", func(w http.ResponseWriter, _ *http.Request) { fail(w, 503, "SlowDown") }},
		{"fails", func(w http.ResponseWriter, _ *http.Request) { fail(w, 500, "InternalError") }},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := startFake(t)
			config := f.config()
			config.RetryFor, config.Stall = 700*time.Millisecond, 200*time.Millisecond
			s := openFake(t, config)
			f.on(func(w http.ResponseWriter, r *http.Request, _ http.Handler) { c.answer(w, r) })
			before, began := f.requests.Load(), time.Now()
			const callers = 100
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					_, err := s.get(t.Context(), fmt.Sprint(i))
					if !errors.Is(err, storage.ErrUnavailable) {
						t.Errorf("get gives %v, want %v", err, storage.ErrUnavailable)
					}
				})
			}
			all.Wait()
			// Four times as many callers as slots wait for one another.
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("giving up took %v", took)
			}
			sent := f.requests.Load() - before
			if most := int64(callers + budgetMost + 6*budgetSecond); sent > most {
				t.Errorf("%d requests were sent for %d callers, want at most %d", sent, callers, most)
			}
			if got := s.Stats().GivenUp; got != callers {
				t.Errorf("%d were given up, want %d", got, callers)
			}
			f.on(nil)
			_, err := s.get(t.Context(), "x")
			for end := time.Now().Add(5 * time.Second); errors.Is(err, storage.ErrUnavailable) && time.Now().Before(end); {
				time.Sleep(50 * time.Millisecond) // the rate recovers
				_, err = s.get(t.Context(), "x")
			}
			if !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("when the service is back, get gives %v", err)
			}
		})
	}
}

// TestLostAnswers lets every write take effect, and loses the first answer.
func TestLostAnswers(t *testing.T) {
	s, f := newStore(t)
	var lost sync.Map
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if _, again := lost.LoadOrStore(r.URL.Path, true); again || r.Method != http.MethodPut {
			next.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	})
	m := s.Revisions(LayoutPostgresS3).Model("person")
	contents, uids := someContents(5)
	done, err := m.Put(t.Context(), contents)
	if err != nil || slices.Contains(done, false) {
		t.Errorf("put gives %v (%v), want what it did", done, err)
	}
	owners, err := m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: uids[0]}})
	if err != nil || owners[0] != uids[0] {
		t.Errorf("claim gives %q (%v), want its own", owners, err)
	}
	if s.Stats().Retries == 0 {
		t.Error("nothing was sent again")
	}
	owners, err = m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: uids[1]}})
	if err != nil || owners[0] != uids[0] {
		t.Errorf("a later claim gives %q (%v), want the first", owners, err)
	}
}

func TestStoreWithoutConditionalWrites(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		f := startFake(t)
		f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Header.Get("If-None-Match") != "" && r.Method == http.MethodPut {
				if refuse {
					fail(w, http.StatusNotImplemented, "NotImplemented")
					return
				}
				r.Header.Del("If-None-Match")
			}
			next.ServeHTTP(w, r)
		})
		s := openFake(t, f.config())
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
	}
}

// TestConflictsAreRepeated: S3 answers 409 to a conditional write beside another.
func TestConflictsAreRepeated(t *testing.T) {
	s, f := newStore(t)
	var n atomic.Int64
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if n.Add(1) == 1 {
			fail(w, http.StatusConflict, "ConditionalRequestConflict")
			return
		}
		next.ServeHTTP(w, r)
	})
	if created, err := s.create(t.Context(), "k", []byte("x")); err != nil || !created {
		t.Errorf("create gives %v (%v)", created, err)
	}
}

// TestNoChecksumsThatNobodyAskedFor: many services refuse them.
func TestNoChecksumsThatNobodyAskedFor(t *testing.T) {
	f := startFake(t)
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		for name := range r.Header {
			if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-checksum") || name == "x-amz-trailer" || name == "x-amz-sdk-checksum-algorithm" {
				fail(w, http.StatusBadRequest, "InvalidArgument")
				return
			}
		}
		if strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			fail(w, http.StatusNotImplemented, "NotImplemented")
			return
		}
		next.ServeHTTP(w, r)
	})
	s := openFake(t, f.config())
	contents, uids := someContents(3)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	if done, err := m.Put(t.Context(), contents); err != nil || !s.Exclusive() || slices.Contains(done, false) {
		t.Errorf("put gives %v (%v)", done, err)
	}
	if read, err := m.Read(t.Context(), uids); err != nil || len(read) != 3 {
		t.Errorf("read gives %v (%v)", read, err)
	}
	if _, err := m.Lookup(t.Context(), []resource.RevisionKey{key("p", 1)}); err != nil {
		t.Error(err)
	}
}

func TestCutAnswersAreReadAgain(t *testing.T) {
	s, f := newStore(t)
	if err := s.put(t.Context(), object{key: "k", body: bytesBody([]byte("0123456789"))}); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if n.Add(1) < 3 {
			w.Header().Set("Content-Length", "10")
			_, _ = w.Write([]byte("01234"))
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	})
	if got, err := s.get(t.Context(), "k"); err != nil || string(got) != "0123456789" {
		t.Errorf("get gives %q (%v)", got, err)
	}
}

func TestCallersContextEndsRequests(t *testing.T) {
	s, f := newStore(t)
	f.on(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { fail(w, 503, "SlowDown") })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.get(ctx, "k"); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("get gives %v, want the caller's error", err)
	}
}
