package s3test

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// The one account of every server.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key"
	Region    = "us-east-1"
)

// Server is a running S3.
type Server struct {
	// Endpoint is the base of all addresses: "http://127.0.0.1:PORT".
	Endpoint string

	t       testing.TB
	http    *httptest.Server
	backend *s3mem.Backend
	handler *handler
}

// Start starts a server that ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	return start(t, (*httptest.Server).Start)
}

// StartTLS is [Start] with HTTPS, over which clients send checksums behind the
// body. [Server.Client] trusts its certificate.
func StartTLS(t testing.TB) *Server {
	t.Helper()
	return start(t, (*httptest.Server).StartTLS)
}

func start(t testing.TB, run func(*httptest.Server)) *Server {
	t.Helper()
	backend := s3mem.New()
	s := &Server{t: t, backend: backend, handler: newHandler(gofakes3.New(backend).Server())}
	s.http = httptest.NewUnstartedServer(s.handler)
	// Connections that are cut on purpose would be logged.
	s.http.Config.ErrorLog = log.New(io.Discard, "", 0)
	run(s.http)
	s.Endpoint = s.http.URL
	t.Cleanup(s.Close)
	return s
}

// Close ends the server before its test does: connections are refused from then
// on. It may be called again.
func (s *Server) Close() {
	s.handler.release()
	s.http.CloseClientConnections()
	s.http.Close()
}

// Client returns an HTTP client that trusts the server.
func (s *Server) Client() *http.Client { return s.http.Client() }

// Bucket makes an empty bucket, without a request, and returns its name.
func (s *Server) Bucket(name string) string {
	s.t.Helper()
	if err := s.backend.CreateBucket(name); err != nil {
		s.t.Fatalf("create bucket %s: %v", name, err)
	}
	return name
}

// Keys returns the keys of all objects of a bucket, sorted, without a request.
func (s *Server) Keys(bucket string) []string {
	s.t.Helper()
	list, err := s.backend.ListBucket(bucket, nil, gofakes3.ListBucketPage{})
	if err != nil {
		s.t.Fatalf("list bucket %s: %v", bucket, err)
	}
	var keys []string
	for _, c := range list.Contents {
		keys = append(keys, c.Key)
	}
	slices.Sort(keys)
	return keys
}

// Get returns the content of an object, without a request. A missing one fails
// the test.
func (s *Server) Get(bucket, key string) []byte {
	s.t.Helper()
	o, err := s.backend.GetObject(bucket, key, nil)
	if err != nil {
		s.t.Fatalf("read %s/%s: %v", bucket, key, err)
	}
	defer o.Contents.Close()
	b, err := io.ReadAll(o.Contents)
	if err != nil {
		s.t.Fatalf("read %s/%s: %v", bucket, key, err)
	}
	return b
}

// Put writes an object, without a request; its metadata stays.
func (s *Server) Put(bucket, key string, content []byte) {
	s.t.Helper()
	_, err := s.backend.PutObject(bucket, key, map[string]string{}, bytes.NewReader(content), int64(len(content)), nil)
	if err != nil {
		s.t.Fatalf("write %s/%s: %v", bucket, key, err)
	}
}

// Delete removes an object, without a request.
func (s *Server) Delete(bucket, key string) {
	s.t.Helper()
	if _, err := s.backend.DeleteObject(bucket, key); err != nil {
		s.t.Fatalf("delete %s/%s: %v", bucket, key, err)
	}
}

// Counts returns how many requests of each kind came in since the start or the
// last [Server.ResetCounts], refused and broken ones included.
func (s *Server) Counts() map[Operation]int { return s.handler.countsSoFar() }

// ResetCounts begins to count anew.
func (s *Server) ResetCounts() { s.handler.resetCounts() }

// Fail replaces all faults by the given ones; the first that applies to a request
// decides. Without any, everything works again.
func (s *Server) Fail(faults ...Fault) { s.handler.fail(faults) }

// Seed makes the choices of faults with a fraction repeatable. A server starts with 1.
func (s *Server) Seed(seed uint64) { s.handler.seed(seed) }

// Lack takes features away from the server, as products that are only similar
// to S3 lack them.
func (s *Server) Lack(l Lacks) { s.handler.lack(l) }
