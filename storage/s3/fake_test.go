package s3

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// fake is a service in this process whose answers a test may change.
type fake struct {
	url      string
	requests atomic.Int64
	// through, when set, gets each request; next is what the service does.
	through atomic.Pointer[func(w http.ResponseWriter, r *http.Request, next http.Handler)]
}

const secret = "CANARY-secret-key"

func startFake(t *testing.T) *fake {
	t.Helper()
	service := gofakes3.New(s3mem.New(), gofakes3.WithLogger(gofakes3.DiscardLog())).Server()
	f := &fake{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.requests.Add(1)
		if fn := f.through.Load(); fn != nil {
			(*fn)(w, r, service)
			return
		}
		service.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	f.url = srv.URL
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

func (f *fake) config() Config {
	return Config{
		Bucket: "bucket", Endpoint: f.url, PathStyle: true, Region: "us-east-1",
		Credentials: credentials.NewStaticCredentialsProvider("CANARY-key-id", secret, "CANARY-session"),
		Stall:       2 * time.Second,
	}
}

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
