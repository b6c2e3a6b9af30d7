package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
)

const small = "testdata/small.acbak"

// packedArchive returns a path with the small archive in gzip.
func packedArchive(t *testing.T) string {
	t.Helper()
	plain, err := os.ReadFile(small)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err = z.Write(plain)
	path := filepath.Join(t.TempDir(), "small.acbak.gz")
	if err = errors.Join(err, z.Close(), os.WriteFile(path, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// dumpsBucket is a bucket with the small archive in two forms; the address of an object is
// prefix + its name + suffix.
func dumpsBucket(t *testing.T) (s *s3test.Server, suffix string) {
	t.Helper()
	s = startS3(t)
	s.Bucket("dumps")
	for name, path := range map[string]string{"small.acbak": small, "small.acbak.gz": packedArchive(t)} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		s.Put("dumps", "daily/"+name, b)
	}
	return s, "?path_style=true&region=" + s3test.Region + "&endpoint=" + url.QueryEscape(s.Endpoint)
}

// TestArchivesAreReadWhereTheyAre: in a bucket, in any form, and in a directory, by each
// command that reads archives, with the same result.
func TestArchivesAreReadWhereTheyAre(t *testing.T) {
	_, suffix := dumpsBucket(t)
	loaded := "sqlite:" + t.TempDir()
	cli(t, "load", small, "--store", loaded).ok(t)
	want, plan := dumpOf(t, loaded), cli(t, "plan", small, "-o", "json", "--store", "memory:").ok(t)
	for _, source := range []string{
		"s3://dumps/daily/small.acbak" + suffix, "s3://dumps/daily/small.acbak.gz" + suffix, "file:" + small, "file:" + packedArchive(t),
	} {
		store := "sqlite:" + t.TempDir()
		cli(t, "load", source, "--store", store).ok(t)
		if !bytes.Equal(dumpOf(t, store), want) {
			t.Errorf("%s: the store has something else", source)
		}
		if got := cli(t, "plan", source, "-o", "json", "--store", "memory:").ok(t); got != plan {
			t.Errorf("%s: plan gives %s, want %s", source, got, plan)
		}
		cli(t, "verify", source, "--store", "memory:").ok(t)
	}
	for _, tc := range []struct{ source, code string }{
		{"s3://dumps/daily/none" + suffix, jobs.CodeSourceNotFound},
		{"s3://none/daily/small.acbak" + suffix, jobs.CodeSourceNotFound},
		{"s3://dumps" + suffix, jobs.CodeSourceRefused},
		{"file:/no/such/archive", jobs.CodeSourceNotFound},
	} {
		for _, command := range []string{"load", "verify", "plan"} {
			r := cli(t, command, tc.source, "-o", "json", "--store", "sqlite:"+t.TempDir())
			if f := r.refusal(t); r.code == exitOK || f.Code != tc.code || strings.Contains(f.Message, "endpoint=") {
				t.Errorf("%s %s = %d %+v", command, tc.source, r.code, f)
			}
		}
	}
}

// TestAWorkerReadsOnlyWhatItMay: a job may name anything.
func TestAWorkerReadsOnlyWhatItMay(t *testing.T) {
	s, suffix := dumpsBucket(t)
	dir := t.TempDir()
	store := "sqlite:" + dir
	submit := func(source string) string {
		t.Helper()
		return strings.TrimSpace(cli(t, "submit", "load", source, "-o", "ids", "--store", store).ok(t))
	}
	bucket, file := submit("s3://dumps/daily/small.acbak"+suffix), submit("file:"+packedArchive(t))
	stop := func(p *process) {
		t.Helper()
		p.signal(syscall.SIGTERM)
		if r := p.wait(); r.code != exitOK {
			t.Fatalf("%d: %s", r.code, r.stderr)
		}
	}
	p := startRun(t, dir)
	for _, job := range []string{bucket, file} {
		eventually(t, "a job to be refused", func() bool { return state(t, store, job) == "refused" })
		if said := cli(t, "jobs", "show", job, "-o", "json", "--store", store).ok(t); !strings.Contains(said, jobs.CodeSourceRefused) || !strings.Contains(said, "--sources") {
			t.Errorf("the job was refused otherwise: %s", said)
		}
	}
	stop(p)

	p = startRun(t, dir, "--sources", "s3://dumps/daily"+suffix+","+os.TempDir())
	cli(t, "jobs", "retry", bucket, "--store", store).ok(t)
	eventually(t, "the load to be done", func() bool { return state(t, store, bucket) == "done" })
	stop(p)

	// What was submitted is what is loaded, or nothing.
	changed := submit("s3://dumps/daily/small.acbak.gz" + suffix)
	s.Put("dumps", "daily/small.acbak.gz", []byte("another"))
	p = startRun(t, dir, "--sources", "s3://dumps/daily"+suffix)
	eventually(t, "the changed load to end", func() bool { return state(t, store, changed) == "refused" })
	if said := cli(t, "jobs", "show", changed, "-o", "json", "--store", store).ok(t); !strings.Contains(said, jobs.CodeSourceChanged) {
		t.Errorf("the job was refused otherwise: %s", said)
	}
	stop(p)
}

// TestAnArchiveBesideTheQueue: submitter and worker share the server, and no directory.
func TestAnArchiveBesideTheQueue(t *testing.T) {
	address, js := queueServer(t)
	dir := t.TempDir()
	at := []string{"--nats", address, "--store", "sqlite:" + dir, "--strict-models=false"}
	left := func() int {
		t.Helper()
		s, err := js.Stream(t.Context(), "OBJ_SPECSTAR_default_UPLOADS")
		if err != nil {
			t.Fatal(err)
		}
		info, err := s.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return int(info.State.Msgs)
	}
	// By a worker that is started later.
	job := strings.TrimSpace(cli(t, append([]string{"submit", "load", packedArchive(t), "-o", "ids"}, at...)...).ok(t))
	if left() == 0 {
		t.Fatal("no archive is beside the queue")
	}
	// The same archive in another form is the same load.
	again := strings.TrimSpace(cli(t, append([]string{"submit", "load", small, "-o", "ids"}, at...)...).ok(t))
	if again != job {
		t.Errorf("the load was submitted twice: %s and %s", job, again)
	}
	p := startRun(t, dir, "--nats", address, "--strict-models=false")
	eventually(t, "the load to be done", func() bool { return state(t, "sqlite:"+dir, job) == "done" })
	eventually(t, "the archive to be swept", func() bool { return left() == 0 })
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK {
		t.Fatalf("%d: %s", r.code, r.stderr)
	}

	// What the sweep has not come to is garbage.
	bucket, err := js.ObjectStore(t.Context(), "SPECSTAR_default_UPLOADS")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{job + ".acbak", "of somebody else"} {
		if _, err := bucket.PutString(t.Context(), name, "an archive"); err != nil {
			t.Fatal(err)
		}
	}
	if said := cli(t, append([]string{"gc", "-o", "json"}, at...)...).ok(t); !strings.Contains(said, `"bytes": 10`) {
		t.Errorf("gc finds %s", said)
	}
	cli(t, append([]string{"gc", "--delete", "-o", "json"}, at...)...).ok(t)
	if _, err := bucket.GetInfo(t.Context(), job+".acbak"); !errors.Is(err, jetstream.ErrObjectNotFound) {
		t.Errorf("the archive of a job that is done: %v", err)
	}
	if err := bucket.Delete(t.Context(), "of somebody else"); err != nil {
		t.Errorf("what is not an upload was removed: %v", err)
	}
	before := left() // the library's mark of what it deleted

	// By the command itself, from standard input, refused: the user has the archive.
	b, err := os.ReadFile(small)
	if err != nil {
		t.Fatal(err)
	}
	r := cliIn(t, string(b), append([]string{"load", "-", "-o", "json"}, at...)...)
	if f := r.refusal(t); f.Code != codeDuplicate {
		t.Fatalf("load again = %d %+v", r.code, f)
	}
	if n := left() - before; n != 0 {
		t.Errorf("%d messages are left of the archive", n)
	}
	// A retry needs what is gone.
	r = cli(t, append([]string{"jobs", "retry", r.refusal(t).JobID, "-o", "json"}, at...)...)
	if f := r.refusal(t); f.Code != jobs.CodeSourceNotFound {
		t.Errorf("retry = %+v", f)
	}
}
