package postgres

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/check"
)

func TestBlobsKeepTheGuarantees(t *testing.T) {
	dsns := map[string]string{}
	open := func(ctx context.Context, place string) (storage.Factory, error) {
		if dsns[place] == "" {
			dsns[place] = pgtest.Database(t)
		}
		return Open(ctx, Config{DSN: dsns[place]})
	}
	report, err := check.Run(t.Context(), open, check.Options{Select: func(c check.Check) bool { return c.Needs == check.Blobs }})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Results) < 13 {
		t.Errorf("only %d checks ran", len(report.Results))
	}
	for _, r := range report.Results {
		if r.State != check.Passed {
			t.Errorf("%s %s: %s %s", r.Name, r.State, r.Where, r.Message)
		}
	}
}

func openBlobs(t *testing.T, c Config) (*Factory, storage.BlobStore) {
	t.Helper()
	if c.DSN == "" {
		c.DSN = pgtest.Database(t)
	}
	f, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	b, err := f.BuildBlobStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return f, b
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(n)})
	_, _ = r.Read(b)
	return b
}

func put(t *testing.T, b storage.BlobStore, content []byte, o storage.PutOptions) storage.BlobInfo {
	t.Helper()
	info, err := b.Put(t.Context(), iotest.HalfReader(bytes.NewReader(content)), o)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func contentOf(t *testing.T, b storage.BlobStore, id string) []byte {
	t.Helper()
	r, info, err := b.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err = errors.Join(err, r.Close()); err != nil || int64(len(data)) != info.Size {
		t.Fatalf("%d of %d bytes of %s were read: %v", len(data), info.Size, id, err)
	}
	return data
}

const (
	blobCount    = `SELECT count(*)::int FROM specstar_blobs`
	partCount    = `SELECT count(*)::int FROM specstar_blob_parts`
	contentCount = `SELECT count(DISTINCT content)::int FROM specstar_blob_parts`
)

func TestBlobsOfManySizes(t *testing.T) {
	f, b := openBlobs(t, Config{})
	for _, n := range []int{0, 1, partSize - 1, partSize, partSize + 1, 2 * partSize, 2*partSize + 1, 3 << 20} {
		want := noise(n)
		for range 2 {
			info := put(t, b, want, storage.PutOptions{})
			if info.FileID != resource.ContentHash(want) || info.Size != int64(n) {
				t.Errorf("%d bytes give %+v", n, info)
			}
			if got := contentOf(t, b, info.FileID); !bytes.Equal(got, want) {
				t.Errorf("the content of %d bytes changed", n)
			}
		}
		r, _, err := b.Open(t.Context(), resource.ContentHash(want))
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(r, want); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if n := number(t, f, partCount); n != 1+1+1+2+2+3+12 {
		t.Errorf("%d parts", n)
	}
}

func TestKeyTakesOtherContent(t *testing.T) {
	f, b := openBlobs(t, Config{})
	key := storage.PutOptions{Key: "k", ContentType: opt.Of("text/plain")}
	for _, n := range []int{5, 3 * partSize, 2 * partSize, 0, 7, partSize + 1, 8} {
		want := noise(n)
		info := put(t, b, want, key)
		if got := contentOf(t, b, "k"); !bytes.Equal(got, want) || info.Size != int64(n) {
			t.Errorf("%d bytes were put and %d are read", n, len(got))
		}
		again := put(t, b, want, storage.PutOptions{Key: "k", ContentType: opt.Of("image/png")})
		if again != info {
			t.Errorf("put again it is %+v, want %+v", again, info)
		}
	}
	if n, m := number(t, f, blobCount), number(t, f, contentCount); n != 1 || m != 1 {
		t.Errorf("%d blobs with %d contents, want one", n, m)
	}
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if n := number(t, f, partCount); n != 0 {
		t.Errorf("%d parts are left", n)
	}
}

func TestUnusableBlobIDs(t *testing.T) {
	_, b := openBlobs(t, Config{})
	for _, id := range []string{"a\x00b", "\xff", strings.Repeat("k", maxBlobID+1)} {
		_, err := b.Put(t.Context(), strings.NewReader("x"), storage.PutOptions{Key: id})
		if !errors.Is(err, storage.ErrUnusableName) {
			t.Errorf("put of %.10q: %v", id, err)
		}
		if _, err := b.Stat(t.Context(), id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("stat of %.10q: %v", id, err)
		}
		if _, err := b.Touch(t.Context(), id); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("touch of %.10q: %v", id, err)
		}
		if err := b.Delete(t.Context(), id); err != nil {
			t.Errorf("delete of %.10q: %v", id, err)
		}
	}
	longest := string(noise(maxBlobID / 2)) // does not compress
	longest = strings.ToValidUTF8(strings.ReplaceAll(longest, "\x00", "0"), "?")
	longest += strings.Repeat("z", maxBlobID-len(longest))
	if info := put(t, b, []byte("x"), storage.PutOptions{Key: longest}); info.FileID != longest {
		t.Errorf("a long id became %q", info.FileID)
	}
	for _, kind := range []string{"a\x00", "\xff"} {
		if _, err := b.Put(t.Context(), strings.NewReader("y"), storage.PutOptions{ContentType: opt.Of(kind)}); err == nil {
			t.Errorf("content type %q was taken", kind)
		}
	}
}

func TestPutOfManyAtOnce(t *testing.T) {
	f, b := openBlobs(t, Config{})
	big, small := noise(2*partSize), noise(100)
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			o := storage.PutOptions{}
			if i%3 == 2 {
				o.Key = "contested"
			}
			data := [][]byte{big, small}[i%2]
			if _, err := b.Put(t.Context(), bytes.NewReader(data), o); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n, m := number(t, f, blobCount), number(t, f, contentCount); n != 3 || m != 3 {
		t.Errorf("%d blobs with %d contents, want three", n, m)
	}
	if n := len(contentOf(t, b, "contested")); n != len(big) && n != len(small) {
		t.Errorf("%d bytes are a mixture", n)
	}
}
