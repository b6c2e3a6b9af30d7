package upload_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// empty returns an archive without models.
func empty(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w := archive.NewWriter(&b)
	for _, r := range []archive.Record{archive.Header{Version: archive.Version}, archive.EOF{}} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t *testing.T, b []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.acbak")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPut(t *testing.T) {
	plain := empty(t)
	var gz bytes.Buffer
	z := gzip.NewWriter(&gz)
	if _, err := z.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(write(t, plain), link); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		stdin      []byte
	}{
		{"plain", write(t, plain), nil},
		{"symbolic link", link, nil},
		{"gzip", write(t, gz.Bytes()), nil},
		{"zstd", write(t, enc.EncodeAll(plain, nil)), nil},
		{"standard input", upload.Stdin, plain},
		{"standard input, gzip", upload.Stdin, gz.Bytes()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "uploads")
			for range 2 { // the second replaces the first
				up, err := upload.Put(t.Context(), tc.path, bytes.NewReader(tc.stdin), dir, "job")
				if err != nil || up.Name != "job.acbak" || up.Size != int64(len(plain)) {
					t.Fatalf("Put = %+v, %v", up, err)
				}
			}
			got, err := os.ReadFile(filepath.Join(dir, "job.acbak"))
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("upload = %q, %v", got, err)
			}
			info, err := os.Lstat(filepath.Join(dir, "job.acbak"))
			if err != nil || !info.Mode().IsRegular() {
				t.Fatalf("upload is %v, %v", info.Mode(), err)
			}
			if all, err := os.ReadDir(dir); err != nil || len(all) != 1 {
				t.Fatalf("left in the directory: %v, %v", all, err)
			}
		})
	}
}

func TestPutRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, path, stdin string
		code              string
	}{
		{"text", write(t, []byte("hello, this is text")), "", archive.CodeCorrupt},
		{"empty", write(t, nil), "", archive.CodeTruncated},
		{"empty standard input", upload.Stdin, "", archive.CodeTruncated},
		{"cut gzip", write(t, []byte{0x1f, 0x8b, 8}), "", ""},
		{"directory", t.TempDir(), "", ""},
		{"absent", filepath.Join(t.TempDir(), "none"), "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := upload.Put(t.Context(), tc.path, strings.NewReader(tc.stdin), dir, "job")
			bad, ok := errors.AsType[*archive.Error](err)
			if err == nil || tc.code != "" && (!ok || bad.Code != tc.code) {
				t.Fatalf("Put = %v; want %s", err, tc.code)
			}
			if all, err := os.ReadDir(dir); err != nil || len(all) != 0 {
				t.Fatalf("left in the directory: %v, %v", all, err)
			}
		})
	}
}

func TestUploadsAreOpenedByTheirPins(t *testing.T) {
	dir := t.TempDir()
	up, err := upload.Put(t.Context(), write(t, empty(t)), nil, dir, "job")
	if err != nil {
		t.Fatal(err)
	}
	pinned := jobs.Load{Source: "upload:" + up.Name, Size: opt.Of(up.Size), Modified: up.Modified.UTC()}
	o := jobs.FileSources{Uploads: dir}
	src, err := o.Open(t.Context(), pinned)
	if err != nil || src.Size() != up.Size {
		t.Fatalf("Open = %v", err)
	}
	if err := src.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		load jobs.Load
		code string
	}{
		"other size":  {jobs.Load{Source: pinned.Source, Size: opt.Of(up.Size + 1)}, jobs.CodeSourceChanged},
		"other time":  {jobs.Load{Source: pinned.Source, Modified: up.Modified.Add(time.Second)}, jobs.CodeSourceChanged},
		"gone":        {jobs.Load{Source: "upload:other"}, jobs.CodeSourceNotFound},
		"not allowed": {jobs.Load{Source: "file:/etc/passwd"}, jobs.CodeSourceRefused},
	} {
		_, err := o.Open(t.Context(), tc.load)
		if refused, ok := errors.AsType[*jobs.RefusedError](err); !ok || refused.Code != tc.code {
			t.Errorf("%s: Open = %v; want refused with %s", name, err, tc.code)
		}
	}
	if _, err := o.Open(t.Context(), jobs.Load{Source: "upload:../" + up.Name}); err == nil {
		t.Error("a source outside of the directory was opened")
	}
}

func TestSweepRemovesUploadsOfEndedJobs(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	f := memory.New()
	defer f.Close()
	for job, state := range map[string]storage.JobState{"done": storage.JobDone, "refused": storage.JobRefused, "long-dead": storage.JobDead, "waiting": storage.JobQueued} {
		row := storage.Job{ID: jobs.ID(f.ID(), job), Text: job, Kind: "load", State: storage.JobQueued, Created: time.Now()}
		if _, err := f.Ledger().Insert(ctx, []storage.Job{row}); err != nil {
			t.Fatal(err)
		}
		if row.State = state; state.Final() {
			if row.Finished = time.Now(); job == "long-dead" {
				row.Finished = row.Finished.Add(-upload.KeptFor - time.Minute)
			}
			if err := f.Ledger().Settle(ctx, []storage.Job{row}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range []string{"done.acbak", "refused.acbak", "long-dead.acbak", "waiting.acbak", "unknown.acbak", "other", ".copy-1", ".copy-2"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-48 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, ".copy-1"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := upload.Sweep(ctx, dir, f.Ledger()); err != nil {
		t.Fatal(err)
	}
	for name, left := range map[string]bool{
		"done.acbak": false, "refused.acbak": true, "long-dead.acbak": false, "waiting.acbak": true, "unknown.acbak": true, "other": true,
		".copy-1": false, ".copy-2": true,
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) == left {
			t.Errorf("%s: %v; want left = %v", name, err, left)
		}
	}
	if err := upload.Sweep(ctx, filepath.Join(dir, "none"), f.Ledger()); err != nil {
		t.Fatalf("Sweep of no directory = %v", err)
	}
}

// TestTheDigestIsThatOfAnUpload: loads of one archive know each other whatever way it
// comes.
func TestTheDigestIsThatOfAnUpload(t *testing.T) {
	dir, plain := t.TempDir(), empty(t)
	up, err := upload.Put(t.Context(), write(t, plain), nil, dir, "job")
	if err != nil {
		t.Fatal(err)
	}
	want, err := upload.Hash(dir, up.Name)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain)
	if err = errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"plain": plain, "packed": packed.Bytes()} {
		if got, err := upload.Digest(write(t, content)); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, want)
		}
	}
	if _, err := upload.Digest(write(t, []byte("no archive"))); err == nil {
		t.Error("what is no archive has a digest")
	}
}

func TestWhatIsBesideTheQueueIsNeededByItsJob(t *testing.T) {
	ctx, f := context.Background(), memory.New()
	defer f.Close()
	for job, state := range map[string]storage.JobState{"done": storage.JobDone, "waiting": storage.JobQueued} {
		row := storage.Job{ID: jobs.ID(f.ID(), job), Text: job, Kind: "load", State: storage.JobQueued, Created: time.Now()}
		if _, err := f.Ledger().Insert(ctx, []storage.Job{row}); err != nil {
			t.Fatal(err)
		}
		if state.Final() {
			_, c, err := f.Ledger().Claim(ctx, row, time.Minute)
			if err == nil {
				err = f.Ledger().Finish(ctx, c, storage.Final{State: state})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	now, long := time.Now(), time.Now().Add(-25*time.Hour)
	for _, tc := range []struct {
		name string
		put  time.Time
		want bool
	}{
		{"done.acbak", now, false},
		{"waiting.acbak", long, true},
		{"unknown.acbak", now, true},
		{"unknown.acbak", long, false},
		{"of somebody else", long, true},
	} {
		if got, err := upload.Needed(ctx, f.Ledger(), tc.name, tc.put); err != nil || got != tc.want {
			t.Errorf("%s since %s: %v, %v", tc.name, tc.put, got, err)
		}
	}
}
