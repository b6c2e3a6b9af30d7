package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func TestGCRemovesExactlyTheOrphans(t *testing.T) {
	store := loaded(t)
	golden := blobsIn(t, store)
	cli(t, "load", archiveWith(t, map[string]string{"doc:1": "first", "doc:2": "stays"}), "--store", store).ok(t)
	cli(t, "load", archiveWith(t, map[string]string{"doc:1": "second"}), "--store", store, "--on-duplicate", "overwrite").ok(t)
	uploaded := putBlob(t, store, "uploaded and never used")
	log := filepath.Join(blobsOf(store), "__job_log___document_1")
	if err := os.WriteFile(log, []byte("log"), 0o600); err != nil {
		t.Fatal(err)
	}
	first, second, stays := resource.ContentHash([]byte("first")), resource.ContentHash([]byte("second")), resource.ContentHash([]byte("stays"))
	if r := gc(t, store, "--delete"); r.Candidates != 0 {
		t.Errorf("with nothing old enough gc reports %+v", r)
	}
	ageBlobs(t, store)
	fresh := putBlob(t, store, "uploaded just now")
	want := slices.Sorted(slices.Values([]string{first, uploaded}))
	before := dumpOf(t, store)

	dry := gc(t, store)
	if !slices.Equal(dry.FileIDs, want) || !dry.DryRun || dry.Candidates != 2 || dry.Removed != 0 || dry.Bytes != int64(len("first")+len("uploaded and never used")) {
		t.Errorf("the dry run reports %+v", dry)
	}
	if ids := strings.Fields(cli(t, "gc", "--store", store, "-o", "ids").ok(t)); !slices.Equal(ids, want) {
		t.Errorf("ids are %q; want %q", ids, want)
	}
	if table := cli(t, "gc", "--store", store).ok(t); !strings.Contains(table, "--delete removes 2, 28 bytes") {
		t.Errorf("table is %s", table)
	}
	if !bytes.Equal(dumpOf(t, store), before) {
		t.Error("a dry run changed the dump")
	}
	wantBlobs(t, store, append(golden, first, second, stays, uploaded, fresh)...)

	if r := gc(t, store, "--delete"); !slices.Equal(r.FileIDs, want) || r.DryRun || r.Removed != 2 || r.Bytes != dry.Bytes {
		t.Errorf("gc reports %+v", r)
	}
	wantBlobs(t, store, append(golden, second, stays, fresh)...)
	if _, err := os.Stat(log); err != nil {
		t.Errorf("the job log is gone: %v", err)
	}
	// The dump loses the blob that the overwritten section had brought, and no more.
	after := dumpOf(t, store)
	if len(after) >= len(before) || !bytes.Equal(dumpWithout(t, before, first), after) {
		t.Errorf("the dump of %d bytes has %d after gc", len(before), len(after))
	}
	cli(t, "verify", "--store", store).ok(t)
	if r := gc(t, store, "--delete"); r.Candidates != 0 || !bytes.Equal(dumpOf(t, store), after) {
		t.Errorf("a second gc reports %+v", r)
	}
	if strings.Contains(cli(t, "verify", "--store", store, "-o", "json").ok(t), "blob_unused") {
		t.Error("verify still notes blobs that nothing refers to")
	}
}

func TestGCIsRefusedWhileAnotherProcessOwnsTheStore(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	p := startRun(t, dir)
	for _, args := range [][]string{{}, {"--delete"}, {"--delete", "--data", data}} {
		r := cli(t, append([]string{"gc", "--store", "sqlite:" + dir, "-o", "json"}, args...)...)
		f := r.refusal(t)
		if r.code != exitError || f.Code != codeOwned || !strings.Contains(f.Message, dir) || !strings.Contains(f.Message, strconv.Itoa(p.cmd.Process.Pid)) {
			t.Errorf("gc %v = %d %+v", args, r.code, f)
		}
	}
	p.kill()
	if r := gc(t, "sqlite:"+dir, "--delete"); r.Candidates != 0 {
		t.Errorf("gc reports %+v", r)
	}
}

func TestGCUsage(t *testing.T) {
	for _, args := range [][]string{{"--grace", "-1h"}, {"--grace", "soon"}, {"now"}} {
		if r := cli(t, append([]string{"gc", "--store", "memory:"}, args...)...); r.code != exitUsage {
			t.Errorf("gc %v = %d %s", args, r.code, r.stderr)
		}
	}
	if r := gc(t, "memory:", "--delete"); r.Candidates != 0 {
		t.Errorf("gc of a store in memory reports %+v", r)
	}
}

// What waits in a queue or is to be loaded is nowhere in the store yet, and may
// refer to blobs that are.
func TestGCLeavesWhatUnfinishedJobsReferTo(t *testing.T) {
	store := loaded(t)
	golden := blobsIn(t, store)
	saved, archived, orphan := putBlob(t, store, "saved"), putBlob(t, store, "archived"), putBlob(t, store, "orphan")
	ageBlobs(t, store)
	line := fmt.Sprintf(`{"op":"create","resource_id":"person:q","data":{"name":"Q","age":1,"file":{"file_id":%q,"size":5}}}`, saved)
	cliIn(t, line, "submit", "save", "person", "--from", "-", "--store", store).ok(t)
	meta, rev := documentOf("doc:later", archived, 8)
	path := writeRecords(t, []archive.Record{
		archive.Header{Version: archive.Version},
		archive.ModelStart{Model: "doc"},
		archive.Meta{Meta: meta},
		archive.Revision{Revision: rev},
		archive.ModelEnd{Model: "doc"},
		archive.EOF{},
	})
	job := strings.TrimSpace(cli(t, "submit", "load", path, "--store", store, "-q").ok(t))
	ageBlobs(t, store) // submitting touches nothing
	for _, args := range [][]string{nil, {"--delete"}} {
		r := gc(t, store, args...)
		if !slices.Equal(r.FileIDs, []string{orphan}) {
			t.Errorf("gc %v finds %q; want the orphan %s", args, r.FileIDs, orphan)
		}
	}
	wantBlobs(t, store, append(golden, saved, archived)...)
	cli(t, "backfill", "--store", store).ok(t) // consumes what waits
	eventually(t, "the load to be done", func() bool { return state(t, store, job) == "done" })
	if r := gc(t, store, "--delete", "--grace", "0"); r.Blobs.Candidates != 0 || r.Uploads.Candidates > 1 {
		t.Errorf("gc reports %+v", r)
	}
	cli(t, "verify", "--store", store).ok(t)
}

func TestGCStopsAtAPayloadThatCannotBeDecoded(t *testing.T) {
	store := loaded(t)
	orphan := putBlob(t, store, "orphan")
	meta, rev := documentOf("doc:packed", "none", 1)
	rev.Data = []byte("PK\x03\x04 packed")
	rev.Info.DataHash = opt.Of(resource.DataHash(rev.Data))
	path := writeRecords(t, []archive.Record{
		archive.Header{Version: archive.Version},
		archive.ModelStart{Model: "doc"},
		archive.Meta{Meta: meta},
		archive.Revision{Revision: rev},
		archive.ModelEnd{Model: "doc"},
		archive.EOF{},
	})
	cli(t, "load", path, "--store", store).ok(t)
	ageBlobs(t, store)
	r := cli(t, "gc", "--delete", "--store", store, "-o", "json")
	var report manager.GCReport
	r.into(t, &report)
	if r.code != exitProblems || !report.Stopped || report.Removed != 0 || len(report.Problems) != 1 || report.Problems[0].ResourceID != "doc:packed" {
		t.Errorf("gc = %d %+v", r.code, report)
	}
	if _, err := os.Stat(filepath.Join(blobsOf(store), orphan)); err != nil {
		t.Errorf("the orphan is gone: %v", err)
	}
	if r := cli(t, "gc", "--store", store); r.code != exitProblems || !strings.Contains(r.stderr, "doc:packed:1") {
		t.Errorf("gc = %d %s", r.code, r.stderr)
	}
}

// TestGCSurvivesKill kills collections at random points: no blob that is referred
// to is lost, and one that is left alone completes the work.
func TestGCSurvivesKill(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + t.TempDir()
	contents := map[string]string{}
	for n := range 100 {
		contents[fmt.Sprintf("doc:%03d", n)] = fmt.Sprintf("blob %d", n)
	}
	cli(t, "load", archiveWith(t, contents), "--store", store).ok(t)
	kept := blobsIn(t, store)
	fill := func() {
		for n := range 700 {
			content := fmt.Appendf(nil, "garbage %d", n)
			if err := os.WriteFile(filepath.Join(blobsOf(store), resource.ContentHash(content)), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ageBlobs(t, store)
	}
	fill()
	before := dumpOf(t, store)
	began := time.Now()
	if r := start(t, nil, "gc", "--delete", "--store", store).wait(); r.code != exitOK {
		t.Fatalf("undisturbed gc: %+v", r)
	}
	span := time.Since(began)
	cut := 0
	for i, at := range points(t, "sqlite:", span) {
		if i%2 == 1 && kills("sqlite:") <= 20 {
			continue
		}
		if len(blobsIn(t, store)) == len(kept) {
			fill()
		}
		victim := start(t, nil, "gc", "--delete", "--store", store)
		time.Sleep(at)
		victim.kill()
		if len(blobsIn(t, store)) > len(kept) {
			cut++
		}
		if got := dumpOf(t, store); !bytes.Equal(got, before) {
			t.Fatalf("killed after %s: the dump changed", at)
		}
	}
	t.Logf("%d collections were cut; an undisturbed one takes %s", cut, span)
	if cut == 0 {
		t.Error("no collection was cut: the test shows nothing")
	}
	gc(t, store, "--delete")
	wantBlobs(t, store, kept...)
	if !bytes.Equal(dumpOf(t, store), before) {
		t.Error("the dump changed")
	}
	cli(t, "verify", "--store", store).ok(t)
}
