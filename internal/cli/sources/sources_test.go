package sources

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

func TestWhatMayBeRead(t *testing.T) {
	here, err := filepath.Abs("here")
	if err != nil {
		t.Fatal(err)
	}
	a, err := Parse([]string{"/data", "file:here", "s3://all", "s3://some/in/it?endpoint=http://h:1&path_style=true"})
	if err != nil || !slices.Equal(a.Dirs, []string{"/data", here}) {
		t.Fatalf("%q, %v", a.Dirs, err)
	}
	for source, want := range map[string]string{
		"s3://all/a/b.acbak":                                           "a/b.acbak",
		"s3://some/in/it/x":                                            "in/it/x",
		"s3://some/in/it/x?endpoint=http://h:1":                        "in/it/x",
		"s3://some/in/it?endpoint=http://h:1&path_style=true":          "in/it",
		"s3://some/in/item":                                            "",
		"s3://other/x":                                                 "",
		"s3://all":                                                     "",
		"s3://all/a/../b":                                              "",
		"s3://all/x?endpoint=http://elsewhere":                         "",
		"s3://some/in/it/x?endpoint=http://h:2":                        "",
		"s3://some/in/it/x?region=elsewhere":                           "",
		"s3://user:CANARY@all/x":                                       "",
		"s3://all/x?secret_access_key=CANARY":                          "",
		"s3://all/x?endpoint=http://CANARY:CANARY@elsewhere/&region=r": "",
	} {
		_, key, err := a.bucket(source)
		if key != want {
			t.Errorf("%s: key %q, %v", source, key, err)
		}
		refused, is := errors.AsType[*jobs.RefusedError](err)
		if want == "" && (!is || refused.Code != jobs.CodeSourceRefused) {
			t.Errorf("%s: %v", source, err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("a secret is shown: %v", err)
		}
	}
	for _, bad := range []string{"", "s3://", "s3:bucket", "http://host", "s3://k:CANARY@b"} {
		if _, err := Parse([]string{bad}); err == nil || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("Parse(%q) = %v", bad, err)
		}
	}
	for source, want := range map[string]string{"file:here": "file:" + here, "s3://a/b": "s3://a/b", "upload:x": "upload:x"} {
		if got, err := Name(source); got != want || err != nil {
			t.Errorf("Name(%q) = %q, %v", source, got, err)
		}
	}
}

// bench is a bucket with an archive, plain and packed, and the sources that read it.
type bench struct {
	*s3test.Server
	plain   []byte
	sources *jobs.Sources
	temp    string
	suffix  string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{Server: s3test.Start(t), temp: t.TempDir()}
	b.Bucket("dumps")
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	t.Setenv("AWS_REGION", s3test.Region)
	// Only what stands first is looked at here.
	b.plain = make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b.plain[1:]) // it has no errors
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(b.plain)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	b.Put("dumps", "a/plain.acbak", b.plain)
	b.Put("dumps", "a/packed.acbak.gz", packed.Bytes())
	b.suffix = "?path_style=true&endpoint=" + b.Endpoint
	allowed, err := Parse([]string{"s3://dumps/a" + b.suffix})
	if err != nil {
		t.Fatal(err)
	}
	buckets := NewBuckets(allowed)
	buckets.retryFor = time.Second
	b.sources = jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceS3: buckets}, Temp: b.temp, Idle: -1})
	t.Cleanup(func() {
		if err := errors.Join(b.sources.Close(), buckets.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func codeOf(err error) string {
	if e, ok := errors.AsType[*jobs.RefusedError](err); ok {
		return e.Code
	}
	return ""
}

func TestArchivesInABucket(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"plain.acbak", "packed.acbak.gz"} {
		l, err := b.sources.Pins(t.Context(), jobs.Load{Source: "s3://dumps/a/" + name})
		if size, ok := l.Size.Get(); err != nil || !ok || size == 0 || l.ETag == "" || !l.Modified.IsZero() {
			t.Fatalf("Pins = %+v, %v", l, err)
		}
		b.ResetCounts()
		// Some answers are cut in the middle.
		b.Fail(s3test.Fault{Kind: s3test.CutResponse, Operation: s3test.GetObject, Times: 3})
		src, err := b.sources.Open(t.Context(), l)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(src, 0, src.Size())); err != nil || !bytes.Equal(got, b.plain) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
		if n := b.Counts()[s3test.HeadObject]; n != 0 {
			t.Errorf("%s: a pinned object was looked at %d times", name, n)
		}
	}
}

// TestAnObjectThatChangesInTheMiddle: whoever reads on is told so, and so is who comes
// with the old pins.
func TestAnObjectThatChangesInTheMiddle(t *testing.T) {
	b := newBench(t)
	l, err := b.sources.Pins(t.Context(), jobs.Load{Source: "s3://dumps/a/plain.acbak"})
	if err != nil {
		t.Fatal(err)
	}
	src, err := b.sources.Open(t.Context(), l)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	b.Put("dumps", "a/plain.acbak", append(b.plain[:len(b.plain):len(b.plain)], 0))
	_, err = src.ReadAt(make([]byte, 10), src.Size()-10)
	if codeOf(err) != jobs.CodeSourceChanged {
		t.Errorf("reading on: %v", err)
	}
	if _, err := b.sources.Pins(t.Context(), l); codeOf(err) != jobs.CodeSourceChanged {
		t.Errorf("looking again: %v", err)
	}
	b.Delete("dumps", "a/plain.acbak")
	if _, err = src.ReadAt(make([]byte, 10), src.Size()-10); codeOf(err) != jobs.CodeSourceNotFound {
		t.Errorf("reading what vanished: %v", err)
	}
	if _, err := b.sources.Pins(t.Context(), jobs.Load{Source: l.Source}); codeOf(err) != jobs.CodeSourceNotFound {
		t.Errorf("looking for what vanished: %v", err)
	}
	// A plan's pins are checked by whoever opens by them: here by another length alone.
	b.Put("dumps", "a/plain.acbak", b.plain)
	if _, err := b.sources.Open(t.Context(), jobs.Load{Source: l.Source, Size: opt.Of(int64(1))}); codeOf(err) != jobs.CodeSourceChanged {
		t.Errorf("opening by another length: %v", err)
	}
}

// TestABucketThatDoesNotAnswer: the job is to wait and not to fail.
func TestABucketThatDoesNotAnswer(t *testing.T) {
	b := newBench(t)
	b.Close()
	ctx := t.Context()
	if _, err := b.sources.Pins(ctx, jobs.Load{Source: "s3://dumps/a/plain.acbak"}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("Pins = %v", err)
	}
}
