package peertest

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// TestRevisionsInS3AreThoseOfTheOriginal reads with storage/s3 every revision and
// blob that a random application of the original wrote to a bucket, writes them to
// another bucket with it, and has the original read them there.
func TestRevisionsInS3AreThoseOfTheOriginal(t *testing.T) {
	p := pypeer.Start(t)
	server := s3test.Start(t)
	for _, seed := range seeds(2) {
		bucket := func(name string) *pypeer.Bucket {
			return &pypeer.Bucket{
				Bucket: fmt.Sprint(name, "-", seed), Endpoint: server.Endpoint, Region: s3test.Region,
				AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey,
			}
		}
		theirs, ours := bucket("theirs"), bucket("ours")
		dir, written := t.TempDir(), t.TempDir()
		c := pypeer.Config{Models: pypeer.Random, Seed: seed, Store: pypeer.Store{Kind: "sqlite+s3", Dir: dir, S3: theirs}}
		app := p.MustNew(t, c)
		if _, err := app.Run(seed, 150); err != nil {
			t.Fatal(err)
		}
		want := app.MustState(t)
		from, to := openS3(t, theirs), openS3(t, ours)
		got := pypeer.State{}
		for _, m := range app.Models {
			read, write := from.Revisions(s3.LayoutPostgresS3), to.Revisions(s3.LayoutPostgresS3)
			copyRevisions(t, m.Name, read.Model(m.Name), write.Model(m.Name), got)
			copyDir(t, filepath.Join(written, m.Name), filepath.Join(dir, m.Name))
		}
		copyBlobs(t, from.Blobs(), to.Blobs())
		// Revisions whose meta SQLite refused are in the bucket, too.
		revisions, read := pypeer.State{}, pypeer.State{}
		for key, value := range want {
			if strings.Contains(key, "\trevision\t") {
				revisions[key], read[key] = value, got[key]
			}
		}
		if len(revisions) < 50 {
			t.Fatalf("too little was done: %d values of revisions", len(revisions))
		}
		equal(t, "read by storage/s3", revisions, read)
		c.Store.Dir, c.Store.S3 = written, ours
		equal(t, "written by storage/s3", want, p.MustNew(t, c).MustState(t))
		sameKeys(t, server, theirs.Bucket, ours.Bucket)
	}
}

func openS3(t *testing.T, b *pypeer.Bucket) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), s3.Config{
		Bucket: b.Bucket, Endpoint: b.Endpoint, Region: b.Region, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(b.AccessKey, b.SecretKey, ""),
	})
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

// copyBlobs puts every blob again, which must have the id of its content.
func copyBlobs(t *testing.T, from, to storage.BlobStore) {
	t.Helper()
	for info, err := range from.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := from.Open(t.Context(), info.FileID)
		if err != nil {
			t.Fatal(err)
		}
		put, err := to.Put(t.Context(), r, storage.PutOptions{ContentType: info.ContentType})
		if err != nil || put != info {
			t.Errorf("blob %+v is put as %+v (%v)", info, put, err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// sameKeys compares the keys of two buckets, but those of contents that no entry
// leads to any more.
func sameKeys(t *testing.T, server *s3test.Server, theirs, ours string) {
	t.Helper()
	has := map[string]bool{}
	for _, key := range server.Keys(theirs) {
		has[key] = true
	}
	for _, key := range server.Keys(ours) {
		if !has[key] {
			t.Errorf("we have written %s, and the original has not", key)
		}
		delete(has, key)
	}
	for key := range has {
		if !strings.Contains(key, "/data/resources/store/") {
			t.Errorf("the original has written %s, and we have not", key)
		}
	}
}
