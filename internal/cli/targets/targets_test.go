package targets

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/sources"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
)

func codeOf(err error) string {
	if e, ok := errors.AsType[*jobs.RefusedError](err); ok {
		return e.Code
	}
	return ""
}

func TestArchivesGoIntoBucketsThatAreAllowed(t *testing.T) {
	s := s3test.Start(t)
	s.Bucket("dumps")
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	t.Setenv("AWS_REGION", s3test.Region)
	suffix := "?path_style=true&endpoint=" + s.Endpoint
	allowed, err := sources.Parse([]string{"s3://dumps/a" + suffix, "s3://none" + suffix})
	if err != nil {
		t.Fatal(err)
	}
	all := Of(allowed)
	write := func(target string, content []byte) (jobs.TargetFile, error) {
		t.Helper()
		f, err := all.Create(t.Context(), target, uuid.New(), uuid.New())
		if err != nil {
			return nil, err
		}
		_, err = f.Write(content)
		return f, err
	}
	content := bytes.Repeat([]byte("archive"), 2<<20)
	f, err := write("s3://dumps/a/x.acbak", content)
	if err != nil || f.Name() != "s3://dumps/a/x.acbak" {
		t.Fatal(f, err)
	}
	if n := len(s.Keys("dumps")); n != 0 {
		t.Errorf("%d objects are there before the end", n)
	}
	if err := f.Commit(t.Context()); err != nil || !bytes.Equal(s.Get("dumps", "a/x.acbak"), content) {
		t.Errorf("the archive is not there: %v", err)
	}
	if f, err = write("s3://dumps/a/y.acbak", content); err != nil {
		t.Fatal(err)
	}
	if err := f.Discard(t.Context()); err != nil || len(s.Keys("dumps")) != 1 {
		t.Errorf("after it was given up there is %q, %v", s.Keys("dumps"), err)
	}
	for _, target := range []string{
		"s3://dumps", "s3://dumps/other/x", "s3://elsewhere/x", "s3://dumps/a/x?endpoint=http://elsewhere", "s3://user:CANARY@dumps/a/x",
	} {
		if _, err := write(target, content); codeOf(err) != jobs.CodeTargetRefused || strings.Contains(err.Error(), "CANARY") {
			t.Errorf("%s: %v", target, err)
		}
	}
	// A bucket that is not there is the target's trouble; the store's workers go on.
	f, err = write("s3://none/x", []byte("short"))
	if err == nil {
		err = errors.Join(f.Commit(t.Context()), f.Discard(t.Context()))
	}
	if codeOf(err) != jobs.CodeTargetRefused {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

func TestNamesOfTargets(t *testing.T) {
	here, err := filepath.Abs("here")
	if err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{
		"file:here": "file:" + here, "file:/x": "file:/x", "s3://b/k": "s3://b/k", "download:": "download:", "": "",
		"here": "!", "file:": "!", "download:x": "!", "s3:b": "!",
	} {
		got, err := Name(target)
		if err != nil {
			got = "!"
		}
		if got != want && (want != "!" || err == nil) {
			t.Errorf("Name(%q) = %q, %v", target, got, err)
		}
	}
}
