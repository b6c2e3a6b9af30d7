package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
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
	f := startFake(t)
	s := openFake(t, f.direct())
	f.Fail(s3test.Fault{Fraction: 0.2})
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
		name  string
		fault s3test.Fault
	}{
		{"refuses", s3test.Fault{}},
		{"fails", s3test.Fault{Kind: s3test.InternalError}},
		{"hangs up", s3test.Fault{Kind: s3test.DropRequest}},
		{"hangs", s3test.Fault{Kind: s3test.Hang}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			f := startFake(t)
			config := f.direct()
			config.RetryFor, config.Stall = 700*time.Millisecond, 200*time.Millisecond
			s := openFake(t, config)
			f.ResetCounts()
			f.Fail(c.fault)
			began := time.Now()
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
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("giving up took %v", took)
			}
			sent := f.Counts()[s3test.GetObject]
			if most := callers + budgetMost + 6*budgetSecond; sent > most {
				t.Errorf("%d requests were sent for %d callers, want at most %d", sent, callers, most)
			}
			if got := s.Stats().GivenUp; got != callers {
				t.Errorf("%d were given up, want %d", got, callers)
			}
			f.Fail()
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

// TestNoChecksumsThatNobodyAskedFor: many services refuse them, behind the body above all,
// where clients send them over TLS.
func TestNoChecksumsThatNobodyAskedFor(t *testing.T) {
	server := s3test.StartTLS(t)
	server.Lack(s3test.Lacks{Trailers: true})
	f := fake{Server: server}
	config := f.direct()
	var checksums atomic.Int64
	config.HTTP = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		for name := range r.Header {
			if name := strings.ToLower(name); strings.HasPrefix(name, "x-amz-checksum") || name == "x-amz-trailer" || name == "x-amz-sdk-checksum-algorithm" {
				checksums.Add(1)
			}
		}
		return server.Client().Transport.RoundTrip(r)
	})}
	s := openFake(t, config)
	contents, uids := someContents(3)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	if done, err := m.Put(t.Context(), contents); err != nil || !s.Exclusive() || slices.Contains(done, false) {
		t.Errorf("put gives %v (%v)", done, err)
	}
	if read, err := m.Read(t.Context(), uids); err != nil || len(read) != 3 {
		t.Errorf("read gives %v (%v)", read, err)
	}
	if _, err := s.Blobs().Put(t.Context(), bytes.NewReader(large()), storage.PutOptions{}); err != nil {
		t.Error(err)
	}
	if err := m.RemoveContents(t.Context(), uids); err != nil {
		t.Error(err)
	}
	if n := checksums.Load(); n != 0 {
		t.Errorf("%d requests bore a checksum", n)
	}
}

// transport sends requests.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

func TestCutAnswersAreReadAgain(t *testing.T) {
	f := startFake(t)
	s := openFake(t, f.direct())
	if err := s.put(t.Context(), object{key: "k", body: bytesBody([]byte("0123456789"))}); err != nil {
		t.Fatal(err)
	}
	f.Fail(s3test.Fault{Kind: s3test.CutResponse, Operation: s3test.GetObject, Times: 2})
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
