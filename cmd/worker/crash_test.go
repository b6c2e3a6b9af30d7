package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/shmdir"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// kills is how many kill points a crash test tries.
func kills(store string) int {
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		return 200
	}
	if store != "sqlite:" {
		return 2
	}
	return 10
}

// Kinds of stores that are many files: of SQLite with the metas of a model, or with one
// meta each.
const (
	filesStore = "sqlite+disk:"
	diskStore  = "disk:"
)

// eachDirectoryStore runs a test on each kind of store that is a directory.
func eachDirectoryStore(t *testing.T, test func(t *testing.T, kind string)) {
	t.Parallel()
	for _, kind := range []string{"sqlite:", filesStore, diskStore} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// points returns moments spread at random over a run that takes about span, and
// prints the seed with which they come again.
func points(t *testing.T, kind string, span time.Duration) []time.Duration {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("CRASH_SEED"); s != "" {
		if _, err := fmt.Sscan(s, &seed); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("CRASH_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	all := make([]time.Duration, kills(kind))
	for i := range all {
		// One point in each of equal parts of the span, so that all stages are met.
		part := span / time.Duration(len(all))
		all[i] = time.Duration(i)*part + time.Duration(r.Int64N(int64(part)))
	}
	return all
}

// writeArchive writes an archive of n resources with two revisions each: more
// than 10,000 make a load stage and publish.
func writeArchive(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "big.acbak")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := archive.NewWriter(f)
	put := func(r archive.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(archive.Header{Version: archive.Version})
	put(archive.ModelStart{Model: "item"})
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	for i := range n {
		id := resource.ID(fmt.Sprintf("item:%06d", i))
		var last resource.RevisionInfo
		var revisions []archive.Revision
		for k := 1; k <= 2; k++ {
			data := fmt.Appendf(nil, `{"n":%d,"label":"revision %d"}`, i, k)
			info := resource.RevisionInfo{
				UID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s:%d", id, k)), ResourceID: id, RevisionID: id.Revision(k),
				DataHash: opt.Of(resource.DataHash(data)), Status: resource.Stable,
				CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker",
			}
			if k > 1 {
				info.ParentRevisionID = opt.Of(id.Revision(k - 1))
			}
			revisions = append(revisions, archive.Revision{Revision: resource.Revision{Info: info, Data: data}})
			last = info
		}
		put(archive.Meta{Meta: resource.Meta{
			CurrentRevisionID: last.RevisionID, ResourceID: id, TotalRevisionCount: 2,
			CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker", Rev: resource.RevMetaOf(last),
		}})
		for _, r := range revisions {
			put(r)
		}
	}
	put(archive.ModelEnd{Model: "item"})
	put(archive.EOF{})
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestLoadSurvivesKill kills the worker at random points of a load that stages
// and publishes, and lets another one continue: the store must become what an
// undisturbed load makes, with nothing visible before all is.
func TestLoadSurvivesKill(t *testing.T) { eachDirectoryStore(t, loadSurvivesKill) }

func loadSurvivesKill(t *testing.T, kind string) {
	path := writeArchive(t, 10_500)
	calm := kind + shmdir.New(t)
	began := time.Now()
	if r := start(t, nil, "load", path, "--store", calm).wait(); r.code != exitOK {
		t.Fatalf("undisturbed load: %+v", r)
	}
	span := time.Since(began)
	if kind != "sqlite:" {
		span /= 2 // of few kills each has to cut the load
	}
	want := dumpOf(t, calm)
	resumed := 0
	moments := points(t, kind, span)
	if kind == diskStore {
		moments = moments[:(len(moments)+1)/2] // it publishes as the kind before does
	}
	for _, at := range moments {
		dir := shmdir.New(t)
		store := kind + dir
		job := strings.TrimSpace(cli(t, "submit", "load", path, "--store", store, "--quiet").ok(t))
		victim := start(t, nil, "run", "--listen", "off", "--store", store)
		time.Sleep(at)
		victim.kill()
		if n := resources(t, store); n != 0 && n != 10_500 {
			t.Fatalf("killed after %s: %d of 10500 resources are visible", at, n)
		}
		if state(t, store, job) != "done" {
			resumed++
		}
		next := start(t, nil, "run", "--listen", "off", "--store", store)
		eventually(t, "the load to be done after a kill at "+at.String(), func() bool {
			s := state(t, store, job)
			if s != "queued" && s != "running" && s != "done" {
				t.Fatalf("killed after %s: the load is %s\n%s", at, s, next.log())
			}
			return s == "done"
		})
		next.kill()
		if got := dumpOf(t, store); !bytes.Equal(got, want) {
			t.Fatalf("killed after %s: the dump of %d bytes differs from the undisturbed one of %d", at, len(got), len(want))
		}
		if left, err := os.ReadDir(filepath.Join(dir, ".worker", "uploads")); err != nil || len(left) > 1 {
			t.Fatalf("killed after %s: uploads %v, %v", at, left, err)
		}
	}
	t.Logf("%d of %d loads were cut and continued; an undisturbed one takes %s", resumed, len(moments), span)
	if resumed == 0 {
		t.Error("no load was cut: the test shows nothing")
	}
}

func resources(t *testing.T, store string) int64 {
	t.Helper()
	var models []modelRow
	cli(t, "models", "-o", "json", "--store", store).into(t, &models)
	n := int64(0)
	for _, m := range models {
		n += m.Metas
	}
	return n
}

func state(t *testing.T, store, job string) string {
	t.Helper()
	r := cli(t, "jobs", "show", job, "-o", "json", "--store", store)
	if r.code != exitOK {
		t.Fatalf("job %s: %+v", job, r)
	}
	var v struct{ State string }
	r.into(t, &v)
	return v.State
}

// saveStream writes a stream of saves, several for each resource, with fixed
// ids and times, so that equal effects make equal bytes.
func saveStream(t *testing.T, resources, each int) (path string, lines int) {
	t.Helper()
	var b bytes.Buffer
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	enc := json.NewEncoder(&b)
	for k := range each {
		for i := range resources {
			id := fmt.Sprintf("event:%04d", i)
			line := map[string]any{
				"op": "upsert", "resource_id": id, "data": map[string]any{"n": k, "of": id}, "user": fmt.Sprintf("user%d", k%3),
				"time": at.Add(time.Duration(lines) * time.Second), "id": uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s/%d", id, k)).String(),
			}
			if k == each-1 && i%5 == 0 {
				line["op"] = "delete"
				delete(line, "data")
			}
			if err := enc.Encode(line); err != nil {
				t.Fatal(err)
			}
			lines++
		}
	}
	path = filepath.Join(t.TempDir(), "saves.ndjson")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, lines
}

// TestSavesSurviveKill kills the process that publishes and applies a stream of
// saves at random points and repeats the command: each save must take effect
// exactly once.
func TestSavesSurviveKill(t *testing.T) { eachDirectoryStore(t, savesSurviveKill) }

func savesSurviveKill(t *testing.T, kind string) {
	path, lines := saveStream(t, 250, 8)
	calm := kind + shmdir.New(t)
	began := time.Now()
	if r := start(t, nil, "save", "event", "--from", path, "--store", calm).wait(); r.code != exitOK {
		t.Fatalf("undisturbed save: %+v", r)
	}
	span := time.Since(began)
	want := dumpOf(t, calm)
	cut := 0
	for _, at := range points(t, kind, span) {
		store := kind + shmdir.New(t)
		victim := start(t, nil, "save", "event", "--from", path, "--store", store)
		time.Sleep(at)
		victim.kill()
		if victim.cmd.ProcessState.ExitCode() != exitOK {
			cut++
		}
		r := start(t, nil, "save", "event", "--from", path, "--store", store, "-o", "json").wait()
		var sum saveResult
		r.into(t, &sum)
		if r.code != exitOK || sum.Done != int64(lines) {
			t.Fatalf("killed after %s: exit code %d, %+v; want %d done\n%s", at, r.code, sum, lines, r.stderr)
		}
		if got := dumpOf(t, store); !bytes.Equal(got, want) {
			t.Fatalf("killed after %s: the dump of %d bytes differs from the undisturbed one of %d", at, len(got), len(want))
		}
		var counted []struct{}
		cli(t, "jobs", "list", "--kind", "save", "-o", "json", "--store", store).into(t, &counted)
		if len(counted) != lines {
			t.Fatalf("killed after %s: %d jobs in the ledger; want %d", at, len(counted), lines)
		}
	}
	t.Logf("%d of %d streams were cut; an undisturbed one takes %s", cut, kills(kind), span)
	if cut == 0 {
		t.Error("no stream was cut: the test shows nothing")
	}
}
