package s3

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// Store is a bucket with a prefix. It is safe for concurrent use. What it holds
// is reached by [Store.Revisions] and [Store.Blobs].
type Store struct {
	cfg    Config
	api    *awss3.Client
	http   *http.Client
	creds  aws.CredentialsProvider
	slots  chan struct{} // holds one element for each request that runs
	pace   *pace
	budget *budget
	counts counts
	// exclusive: the service refuses conditional writes of objects that exist.
	exclusive bool
	blobs     *Blobs
}

// Exclusive reports whether the service has conditional writes, as a probe found
// when the store was opened. A store that was opened for reading only was not probed.
func (s *Store) Exclusive() bool { return s.exclusive }

// Close frees connections that are idle. Requests that run go on.
func (s *Store) Close() error {
	s.http.CloseIdleConnections()
	return nil
}

// acquire takes a slot for one request.
func (s *Store) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) release() { <-s.slots }
