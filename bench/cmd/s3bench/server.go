package main

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/specstar-worker/worker/storage/s3"
)

const bucket = "bucket"

// server is an S3 in this process that keeps everything in memory.
type server struct {
	*httptest.Server
	backend *s3mem.Backend
}

// startServer starts a server with an empty bucket. It waits before each answer.
func startServer(latency time.Duration) (*server, error) {
	backend := s3mem.New()
	if err := backend.CreateBucket(bucket); err != nil {
		return nil, err
	}
	next := gofakes3.New(backend).Server()
	return &server{backend: backend, Server: httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		next.ServeHTTP(w, r)
	}))}, nil
}

// objects counts what is stored.
func (s *server) objects() (int, error) {
	list, err := s.backend.ListBucket(bucket, nil, gofakes3.ListBucketPage{})
	if err != nil {
		return 0, err
	}
	return len(list.Contents), nil
}

// config is how both sides reach the server.
func (s *server) config(parallel int) s3.Config {
	return s3.Config{
		Bucket: bucket, Endpoint: s.URL, Region: "us-east-1", PathStyle: true, Parallel: parallel,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	}
}
