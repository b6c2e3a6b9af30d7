package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// dumpsTo has the bench do dumps below a directory, and verifications.
func (b *bench) dumpsTo(dir string) {
	b.dumpsBy(jobs.Targets{jobs.SchemeFile: jobs.FileTargets{Roots: []string{dir}}})
}

func (b *bench) dumpsBy(targets jobs.Targets) {
	c := b.Config
	work := &jobs.CatalogWork{Catalog: b.catalog, Targets: targets}
	c.Dumper, c.Verifier = work, work
	b.Executor = jobs.NewExecutor(c)
}

// dumpBench is a bench with 1,200 resources.
func dumpBench(t *testing.T) *bench {
	t.Helper()
	b := newBench()
	m, err := b.catalog.Declare(t.Context(), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}})
	if err != nil {
		t.Fatal(err)
	}
	var ops []manager.Operation
	for i := range 1200 {
		ops = append(ops, manager.Operation{
			Op: manager.OpCreate, ResourceID: resource.ID(fmt.Sprintf("doc:%04d", i)), Data: fmt.Appendf(nil, `{"n":%d,"body":%q}`, i, strings.Repeat("x", 3000)), User: "ann",
		})
	}
	if _, err := m.SaveMany(t.Context(), ops); err != nil {
		t.Fatal(err)
	}
	return b
}

// dumped returns the archive that a dump by the manager has.
func (b *bench) dumped(t *testing.T, o manager.DumpOptions) []byte {
	t.Helper()
	var buf bytes.Buffer
	if _, err := b.catalog.DumpTo(t.Context(), &buf, o); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// files are the names in a directory, hidden ones too.
func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestADumpJobWritesTheArchive(t *testing.T) {
	b, dir := dumpBench(t), t.TempDir()
	b.dumpsTo(dir)
	query, err := json.Marshal(qb.Where(qb.Data("n").Lt(600)))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.acbak")
	for name, c := range map[string]struct {
		dump jobs.Dump
		want manager.DumpOptions
	}{
		"all":      {},
		"a model":  {jobs.Dump{Models: []string{"doc"}}, manager.DumpOptions{Models: []string{"doc"}}},
		"of those": {jobs.Dump{Models: []string{"doc"}, Query: query}, manager.DumpOptions{Models: []string{"doc"}, Query: opt.Of(qb.Where(qb.Data("n").Lt(600)))}},
	} {
		c.dump.Target = "file:" + path
		e := jobs.NewDump("ann", c.dump)
		b.expect(t, []string{"ack"}, deliver(t, e))
		want := b.dumped(t, c.want)
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%s: %d bytes, %v", name, len(got), err)
		}
		row, sum := b.row(t, e.ID), sha256.Sum256(want)
		out := jobs.DumpedTo(row)
		if out.Target != "file:"+path || out.Bytes != int64(len(want)) || out.SHA256 != hex.EncodeToString(sum[:]) || out.Snapshot.IsZero() {
			t.Errorf("%s: %+v", name, out)
		}
		if n := out.Models["doc"].Metas; row.Done != n || row.Total != n || n == 0 {
			t.Errorf("%s: %d of %d resources", name, row.Done, row.Total)
		}
		if all := files(t, dir); len(all) != 1 {
			t.Errorf("%s: the directory holds %q", name, all)
		}
	}
}

func TestTargetsThatAreRefused(t *testing.T) {
	b, dir, outside := dumpBench(t), t.TempDir(), t.TempDir()
	b.dumpsTo(dir)
	if err := errors.Join(os.Symlink(outside, filepath.Join(dir, "link")), os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.Symlink("x", filepath.Join(dir, "file"))); err != nil {
		t.Fatal(err)
	}
	for target, code := range map[string]string{
		"file:" + filepath.Join(outside, "a"):                          jobs.CodeTargetRefused,
		"file:" + filepath.Join(dir, "link", "a"):                      jobs.CodeTargetRefused,
		"file:" + dir + "/../" + filepath.Base(outside) + "/a":         jobs.CodeTargetRefused,
		"file:" + filepath.Join(dir, "none", "a"):                      jobs.CodeTargetNotFound,
		"file:" + filepath.Join(dir, "sub"):                            jobs.CodeTargetRefused,
		"file:" + filepath.Join(dir, "file"):                           jobs.CodeTargetRefused,
		"s3://bucket/key?endpoint=http://CANARY:CANARY@host/&region=r": jobs.CodeTargetRefused,
		jobs.TargetDownload:                                            jobs.CodeTargetRefused,
	} {
		e := jobs.NewDump("ann", jobs.Dump{Target: target})
		b.expect(t, []string{"ack"}, deliver(t, e))
		if row := b.row(t, e.ID); row.State != storage.JobRefused || row.ErrorCode != code || strings.Contains(row.ErrorMessage, "CANARY") {
			t.Errorf("%s: %s %s %s", target, row.State, row.ErrorCode, row.ErrorMessage)
		}
	}
	if all := append(files(t, outside), files(t, filepath.Join(dir, "sub"))...); len(all) > 0 {
		t.Errorf("there is %q", all)
	}
	e := jobs.NewDump("ann", jobs.Dump{Target: "file:" + filepath.Join(dir, "sub", "a"), Models: []string{"absent"}})
	b.expect(t, []string{"ack"}, deliver(t, e))
	if row := b.row(t, e.ID); row.ErrorCode != string(manager.CodeModelUnknown) || len(files(t, filepath.Join(dir, "sub"))) > 0 {
		t.Errorf("a model that is not there: %s, files %q", row.ErrorCode, files(t, filepath.Join(dir, "sub")))
	}
}

// brittle is a place of files whose writing fails, or waits, after some bytes.
type brittle struct {
	jobs.FileTargets
	after   int
	fault   func() error
	commit  error
	dropped int
}

func (p *brittle) Create(ctx context.Context, target string, job, attempt uuid.UUID) (jobs.TargetFile, error) {
	f, err := p.FileTargets.Create(ctx, target, job, attempt)
	return &brittleFile{f, p, p.after}, err
}

type brittleFile struct {
	jobs.TargetFile
	of   *brittle
	left int
}

func (f *brittleFile) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 && f.of.fault != nil {
		if err := f.of.fault(); err != nil {
			return 0, err
		}
	}
	return f.TargetFile.Write(p)
}

func (f *brittleFile) Commit(ctx context.Context) error {
	if f.of.commit != nil {
		return f.of.commit
	}
	return f.TargetFile.Commit(ctx)
}

func (f *brittleFile) Discard(ctx context.Context) error {
	f.of.dropped++
	return f.TargetFile.Discard(ctx)
}

// A dump that fails leaves what was there before, and nothing else; the next attempt
// starts over.
func TestADumpThatFailsLeavesNothing(t *testing.T) {
	full := errors.New("no space left")
	for name, c := range map[string]struct {
		fault, commit error
		action        string
	}{
		"while it is written": {fault: full, action: "retry"},
		"at its end":          {commit: full, action: "retry"},
		"by an outage":        {fault: fmt.Errorf("the bucket: %w", storage.ErrUnavailable), action: "pause"},
	} {
		b, dir := dumpBench(t), t.TempDir()
		place := &brittle{FileTargets: jobs.FileTargets{Roots: []string{dir}}, after: 2 << 20, fault: func() error { return c.fault }, commit: c.commit}
		b.dumpsBy(jobs.Targets{jobs.SchemeFile: place})
		path := filepath.Join(dir, "a.acbak")
		if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
			t.Fatal(err)
		}
		d := deliver(t, jobs.NewDump("ann", jobs.Dump{Target: "file:" + path}))
		b.expect(t, []string{c.action}, d)
		if got, err := os.ReadFile(path); string(got) != "before" || err != nil || len(files(t, dir)) != 1 || place.dropped != 1 {
			t.Errorf("%s: the file is %.20q, %v, in %q", name, got, err, files(t, dir))
		}
		place.fault, place.commit = nil, nil
		d.Number = 2
		b.expect(t, []string{"ack"}, d)
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, b.dumped(t, manager.DumpOptions{})) || len(files(t, dir)) != 1 {
			t.Errorf("%s: at the second attempt %d bytes, %v", name, len(got), err)
		}
	}
}

// A dump that is cancelled while it is written ends soon and leaves nothing.
func TestADumpIsCancelled(t *testing.T) {
	b, dir := dumpBench(t), t.TempDir()
	e := jobs.NewDump("ann", jobs.Dump{Target: "file:" + filepath.Join(dir, "a.acbak")})
	cancelled := false
	place := &brittle{FileTargets: jobs.FileTargets{Roots: []string{dir}}, after: 1 << 20}
	place.fault = func() error {
		if !cancelled {
			cancelled = true
			if _, err := b.factory.Ledger().Cancel(t.Context(), jobs.ID(b.factory.ID(), e.ID)); err != nil {
				return err
			}
		}
		select { // the wish is looked up five times a second
		case <-t.Context().Done():
		case <-time.After(300 * time.Millisecond):
		}
		return nil
	}
	b.dumpsBy(jobs.Targets{jobs.SchemeFile: place})
	b.expect(t, []string{"ack"}, deliver(t, e))
	if row := b.row(t, e.ID); row.State != storage.JobCancelled || len(files(t, dir)) != 0 {
		t.Errorf("%s, files %q", row.State, files(t, dir))
	}
}

// What an attempt that died has left is removed by the next one, which is not disturbed
// by the one before if that lives on.
func TestAnAttemptSweepsTheOneBefore(t *testing.T) {
	dir, job := t.TempDir(), uuid.New()
	place := jobs.FileTargets{Roots: []string{dir}}
	target := "file:" + filepath.Join(dir, "a.acbak")
	create := func(job uuid.UUID, text string) jobs.TargetFile {
		t.Helper()
		f, err := place.Create(t.Context(), target, job, uuid.New())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return f
	}
	other := create(uuid.New(), "another job")
	first := create(job, "first")
	second := create(job, "second")
	if n := len(files(t, dir)); n != 2 {
		t.Errorf("%d files are there: %q", n, files(t, dir))
	}
	if err := second.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(t.Context()); err == nil {
		t.Error("an attempt that was given up has put its archive in place")
	}
	if err := errors.Join(first.Discard(t.Context()), other.Discard(t.Context())); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a.acbak")); string(got) != "second" || err != nil || len(files(t, dir)) != 1 {
		t.Errorf("%q, %v, in %q", got, err, files(t, dir))
	}
}

// A verification job finds what a verification finds.
func TestAVerifyJobFindsWhatIsWrong(t *testing.T) {
	b := dumpBench(t)
	b.dumpsTo(t.TempDir())
	stores, err := b.factory.Build(t.Context(), "doc")
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []bool{false, true} {
		if wrong {
			metas, err := stores.Metas.GetMany(t.Context(), []resource.ID{"doc:0007", "doc:1100"})
			if err != nil {
				t.Fatal(err)
			}
			for i := range metas {
				metas[i].CurrentRevisionID = metas[i].ResourceID.Revision(9)
			}
			if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
				t.Fatal(err)
			}
		}
		want, err := b.catalog.Verify(t.Context())
		if err != nil || want.OK == wrong {
			t.Fatalf("%+v, %v", want, err)
		}
		e := jobs.NewVerify("ann")
		b.expect(t, []string{"ack"}, deliver(t, e))
		row := b.row(t, e.ID)
		var got manager.Findings
		if err := json.Unmarshal(row.Outcome, &got); err != nil || row.State != storage.JobDone || row.Done != 1200 {
			t.Fatalf("%s %s, %v", row.State, row.Outcome, err)
		}
		if len(want.Problems) == 0 {
			want.Problems = []manager.Problem{}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestWhichDownloadsAreNeeded(t *testing.T) {
	b, dir := dumpBench(t), t.TempDir()
	b.dumpsTo(dir)
	done := jobs.NewDump("ann", jobs.Dump{Target: "file:" + filepath.Join(dir, "a")})
	b.expect(t, []string{"ack"}, deliver(t, done))
	queued := b.row(t, done.ID)
	queued.ID, queued.Text, queued.Envelope, queued.EnvelopeHash = uuid.New(), "queued", []byte("{}"), []byte("{}")
	queued.State = storage.JobQueued
	if _, err := b.factory.Ledger().Insert(t.Context(), []storage.Job{queued}); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for object, want := range map[string]bool{
		queued.ID.String() + "-01234567":                       true,
		jobs.ID(b.factory.ID(), done.ID).String() + "-another": false,
		uuid.NewString() + "-01234567":                         false,
		"something":                                            false,
	} {
		if got, err := jobs.DownloadNeeded(t.Context(), b.factory.Ledger(), object, old); got != want || err != nil {
			t.Errorf("%s: %v, %v", object, got, err)
		}
		if got, err := jobs.DownloadNeeded(t.Context(), b.factory.Ledger(), object, time.Now()); !got || err != nil {
			t.Errorf("%s, put just now: %v, %v", object, got, err)
		}
	}
}
