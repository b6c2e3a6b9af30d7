package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// putOurs puts revisions: contents, then the entries that lead to them.
func putOurs(ctx context.Context, s *s3.Store, r revisions, batch int) error {
	m := s.Revisions(s3.LayoutPostgresS3).Model(model)
	for from := 0; from < len(r.contents); from += batch {
		to := min(from+batch, len(r.contents))
		done, err := m.Put(ctx, r.contents[from:to])
		if err != nil {
			return err
		}
		owners, err := m.Claim(ctx, r.entries[from:to])
		if err != nil {
			return err
		}
		for i, e := range r.entries[from:to] {
			if !done[i] || owners[i] != e.UID {
				return fmt.Errorf("revision %s was not free", e.Key.Revision)
			}
		}
	}
	return nil
}

// openOurs opens a store; it has found out that writes can be conditional.
func openOurs(ctx context.Context, srv *server, parallel int) (*s3.Store, error) {
	s, err := s3.Open(ctx, srv.config(parallel))
	if err != nil {
		return nil, err
	}
	if !s.Exclusive() {
		return nil, errors.Join(errors.New("the server has no conditional writes"), s.Close())
	}
	return s, nil
}

// bare is a client of the SDK with as few layers as it can have: no retries, no
// checksums, and connections that are kept.
type bare struct {
	*awss3.Client
	http *http.Transport
}

func newBare(srv *server, parallel int) bare {
	c := srv.config(parallel)
	transport := &http.Transport{MaxIdleConns: 2 * parallel, MaxIdleConnsPerHost: 2 * parallel}
	return bare{http: transport, Client: awss3.New(awss3.Options{
		Region: c.Region, BaseEndpoint: &c.Endpoint, UsePathStyle: true, Credentials: aws.NewCredentialsCache(c.Credentials),
		HTTPClient: &http.Client{Transport: transport}, Retryer: aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})}
}

// put puts objects, whatever is there. Each goroutine puts many: a new one for each
// object costs a tenth more, for its stack.
func (b bare) put(ctx context.Context, objects []object, parallel int) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range parallel {
		g.Go(func() error {
			for i := next.Add(1) - 1; i < int64(len(objects)); i = next.Add(1) - 1 {
				o := objects[i]
				in := &awss3.PutObjectInput{Bucket: aws.String(bucket), Key: &o.key, Body: bytes.NewReader(o.body)}
				if _, err := b.PutObject(ctx, in); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// object is one of the three of a revision.
type object struct {
	key  string
	body []byte
}

// revisions are what is put.
type revisions struct {
	contents []storage.Content
	entries  []storage.Entry
}

// objects are the same as keys and bytes, in the layout of the original.
func (r revisions) objects() []object {
	var all []object
	for i, c := range r.contents {
		e := r.entries[i]
		root := model + "/data/resources/"
		all = append(all,
			object{root + "store/" + c.UID + "/data", c.Data},
			object{root + "store/" + c.UID + "/info", c.Info},
			object{root + "resource/" + string(e.Key.Resource) + "/" + string(e.Key.Revision) + "/no_ver/uid", []byte(e.UID)})
	}
	return all
}
