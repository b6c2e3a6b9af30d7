package s3

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
	"github.com/specstar-worker/worker/storage/internal/spool"
	"github.com/specstar-worker/worker/storage/simple"
)

func serviceConfig(endpoint, bucket string) Config {
	return Config{
		Bucket: bucket, Endpoint: endpoint, Region: s3test.Region, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
	}
}

// TestGuaranteesOfBlobs runs what package check knows of blobs.
func TestGuaranteesOfBlobs(t *testing.T) {
	s3test.Each(t, func(t *testing.T, endpoint, bucket string) { checkBlobs(t, serviceConfig(endpoint, bucket)) })
	t.Run("without conditions", func(t *testing.T) {
		f := startFake(t)
		f.Lack(s3test.Lacks{Conditions: true})
		checkBlobs(t, f.direct())
	})
}

// held are transactions over a state that nothing but this process holds.
type held struct{ state *simple.State }

func (h held) Read(ctx context.Context) (*simple.State, error) { return h.state, ctx.Err() }

func (h held) Write(_ context.Context, change func(*simple.State) error) error {
	return change(h.state)
}

// bucketStore is a store whose blobs are in a bucket.
type bucketStore struct {
	*simple.Store
	s *Store
}

func (b bucketStore) BuildBlobStore(context.Context) (storage.BlobStore, error) {
	return b.s.Blobs(), nil
}

func (b bucketStore) Close() error { return b.s.Close() }

func checkBlobs(t *testing.T, config Config) {
	t.Helper()
	open := func(ctx context.Context, place string) (storage.Factory, error) {
		config.Prefix = place
		s, err := Open(ctx, config)
		if err != nil {
			return nil, err
		}
		store, err := simple.New(ctx, held{simple.NewState()}, storage.Traits{AtomicBatch: true, AtomicLoad: true, Writers: 1})
		return bucketStore{store, s}, err
	}
	ran := 0
	for _, c := range check.All() {
		if c.Needs != check.Blobs {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) {
			if r := c.Run(t.Context(), open, fmt.Sprint("store", ran), check.Options{}); r.State != check.Passed {
				t.Errorf("%s at %s: %s", r.State, r.Where, r.Message)
			}
		})
	}
	if ran < 10 {
		t.Errorf("%d checks are about blobs", ran)
	}
}

// TestEveryRequest sends every kind of request there is to each service.
func TestEveryRequest(t *testing.T) {
	s3test.Each(t, func(t *testing.T, endpoint, bucket string) {
		config := serviceConfig(endpoint, bucket+"-made")
		config.Prefix = "pre/fix"
		s := openFake(t, config)
		if !s.Exclusive() {
			t.Error("the service has conditional writes and the store does not know")
		}
		everyRevisionRequest(t, s)
		everyBlobRequest(t, s.Blobs())
		if left := keys(t, s); len(left) != 0 {
			t.Errorf("left are %q", left)
		}
	})
}

func everyRevisionRequest(t *testing.T, s *Store) {
	t.Helper()
	r := s.Revisions(LayoutPostgresS3)
	m := r.Model("person")
	contents, uids := someContents(3)
	contents[0].Data = []byte{} // nothing is a content, too
	for _, want := range []bool{true, false} {
		done, err := m.Put(t.Context(), contents)
		if err != nil || slices.Contains(done, !want) {
			t.Errorf("put gives %v (%v), want %v", done, err, want)
		}
	}
	odd := resource.RevisionKey{Resource: "é b+c%2F?&=😀", Revision: "é b+c%2F?&=😀:1", SchemaVersion: opt.Of("v 1")}
	entries := []storage.Entry{{Key: key("p", 10), UID: uids[0]}, {Key: key("p", 2), UID: uids[1]}, {Key: odd, UID: uids[2]}}
	if owners, err := m.Claim(t.Context(), entries); err != nil || !slices.Equal(owners, uids) {
		t.Errorf("claim gives %q (%v)", owners, err)
	}
	other := []storage.Entry{{Key: odd, UID: "other"}}
	if owners, err := m.Claim(t.Context(), other); err != nil || owners[0] != uids[2] {
		t.Errorf("a later claim gives %q (%v)", owners, err)
	}
	if err := m.Point(t.Context(), other); err != nil {
		t.Error(err)
	}
	if got, err := m.Lookup(t.Context(), []resource.RevisionKey{odd, key("p", 1)}); err != nil || !slices.Equal(got, []string{"other", ""}) {
		t.Errorf("lookup gives %q (%v)", got, err)
	}
	ids := slices.Values([]resource.ID{"p", odd.Resource})
	if got := collect(t, m.Entries(t.Context(), ids)); len(got) != 3 || got[0] != entries[1] || got[1] != entries[0] || got[2] != other[0] {
		t.Errorf("entries are %+v", got)
	}
	if read, err := m.Read(t.Context(), uids); err != nil || len(read[0].Data) != 0 || read[0].Info == nil || string(read[1].Data) != "data1" {
		t.Errorf("read gives %+v (%v)", read, err)
	}
	if names, err := r.Models(t.Context()); err != nil || !slices.Equal(names, []string{"person"}) {
		t.Errorf("models are %q (%v)", names, err)
	}
	if got := collect(t, m.Contents(t.Context())); len(got) != 3 || time.Since(got[0].Time) > time.Hour {
		t.Errorf("contents are %+v", got)
	}
	if err := m.RemoveEntries(t.Context(), []resource.RevisionKey{odd, key("p", 10), key("p", 2), key("p", 3)}); err != nil {
		t.Error(err)
	}
	if err := m.RemoveContents(t.Context(), append(uids, "none")); err != nil {
		t.Error(err)
	}
}

func everyBlobRequest(t *testing.T, b *Blobs) {
	t.Helper()
	content := large()
	for _, contentType := range []string{"video/mp4", "other/type"} {
		info, err := b.Put(t.Context(), bytes.NewReader(content), storage.PutOptions{ContentType: opt.Of(contentType)})
		want := storage.BlobInfo{FileID: resource.ContentHash(content), Size: int64(len(content)), ContentType: opt.Of("video/mp4")}
		if err != nil || info != want {
			t.Errorf("put gives %+v (%v), want %+v", info, err, want)
		}
	}
	plain := putBlob(t, b, "plain", storage.PutOptions{})
	if info, err := b.Stat(t.Context(), plain.FileID); err != nil || info.ContentType.IsSet() {
		t.Errorf("a blob without a content type is %+v (%v)", info, err)
	}
	if !bytes.Equal(readBlob(t, b, resource.ContentHash(content)), content) {
		t.Error("the content changed")
	}
	id, err := b.s.beginUpload(t.Context(), object{key: b.dir + "abandoned"})
	if err != nil {
		t.Fatal(err)
	}
	left, err := spool.Read(t.Context(), bytes.NewReader(content[:9<<20]), 9<<20, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.s.uploadParts(t.Context(), b.dir+"abandoned", id, left); err != nil {
		t.Fatal(err)
	}
	if found, err := b.Sweep(t.Context(), time.Now().Add(time.Hour), true); err != nil || found != (storage.Tally{Count: 1, Bytes: 9 << 20}) {
		t.Errorf("sweep finds %+v (%v)", found, err)
	}
	gone, err := b.DeleteOld(t.Context(), []string{plain.FileID, resource.ContentHash(content)}, time.Now().Add(time.Hour))
	if err != nil || !slices.Equal(gone, []bool{true, true}) {
		t.Errorf("gone are %v (%v)", gone, err)
	}
}
