package s3

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/specstar-worker/worker/internal/s3test"
)

// fake is an S3 in this process, behind a proxy whose answers a test may change.
type fake struct {
	*s3test.Server
	proxy    string // its URL
	requests atomic.Int64
	// through, when set, gets each request; next is what the service does.
	through atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler)]
}

func startFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{Server: s3test.Start(t)}
	target, err := url.Parse(f.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	next := httputil.NewSingleHostReverseProxy(target)
	next.ErrorLog = log.New(io.Discard, "", 0) // clients that go away are part of the tests
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if fn := f.through.Load(); fn != nil {
			(*fn)(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.proxy = srv.URL
	return f
}

// on lets fn answer requests from now on; nil for nobody.
func (f *fake) on(fn func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	if fn == nil {
		f.through.Store(nil)
		return
	}
	f.through.Store(&fn)
}

// config is one that goes through the proxy.
func (f *fake) config() Config {
	c := f.direct()
	c.Endpoint = f.proxy
	return c
}

// direct is one that goes past the proxy, to a service whose faults are those of
// package s3test.
func (f *fake) direct() Config {
	return Config{
		Bucket: "bucket", Endpoint: f.Endpoint, PathStyle: true, Region: s3test.Region,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, session),
		Stall:       2 * time.Second,
	}
}

// session is a secret that the tests' requests bear.
const session = "CANARY-session"

func openFake(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newStore is a store on a fake of its own.
func newStore(t *testing.T) (*Store, *fake) {
	t.Helper()
	f := startFake(t)
	return openFake(t, f.config()), f
}

// fail answers like a service that fails.
func fail(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`<Error><Code>` + code + `</Code><Message>so it is</Message></Error>`))
}

// objects returns what is stored, by key, but probes.
func objects(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all := map[string]string{}
	for o, err := range s.list(context.Background(), "") {
		if err != nil {
			t.Fatal(err)
		}
		body, err := s.get(context.Background(), o.key)
		if err != nil {
			t.Fatal(err)
		}
		all[o.key] = string(body)
	}
	return all
}
