package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/specstar-worker/worker/internal/owner"
)

// startRun starts a worker on the store and waits until it is ready.
func startRun(t *testing.T, dir string, args ...string) *process {
	t.Helper()
	p := start(t, nil, append([]string{"run", "--listen", "127.0.0.1:0", "--store", "sqlite:" + dir}, args...)...)
	eventually(t, "the worker to start", func() bool {
		select {
		case <-p.done:
			t.Fatalf("the worker ended: %s", p.log())
		default:
		}
		return strings.Contains(p.log(), `"started"`)
	})
	return p
}

// address returns where a started worker listens.
func (p *process) address() string {
	p.t.Helper()
	for line := range strings.Lines(p.log()) {
		var l struct{ HTTP string }
		if json.Unmarshal([]byte(line), &l) == nil && l.HTTP != "" {
			return "http://" + l.HTTP
		}
	}
	p.t.Fatalf("no address in the log: %s", p.log())
	return ""
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func TestRunServesOthersAndDrainsOnSIGTERM(t *testing.T) {
	dir := t.TempDir()
	p := startRun(t, dir)
	store := "sqlite:" + dir

	t.Run("a load from another process is done by the owner", func(t *testing.T) {
		var r loadResult
		cli(t, "load", "testdata/small_0.8.5.acbak", "--store", store, "-o", "json", "-q").into(t, &r)
		if r.State != "done" || r.Models["person"].Loaded != 8 || len(r.Caused) != 1 || r.Caused[0].Kind != "backfill" {
			t.Fatalf("load = %+v", r)
		}
		if !strings.Contains(p.log(), r.JobID) {
			t.Fatalf("the owner did not do job %s: %s", r.JobID, p.log())
		}
	})
	t.Run("HTTP", func(t *testing.T) {
		for path, want := range map[string]string{
			"/livez": "ok", "/readyz": "ready", "/jobs": `"kind":"load"`, "/metrics": `specstar_queue_acked_total 2`,
		} {
			if code, body := get(t, p.address()+path); code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("GET %s = %d %s; want 200 with %s", path, code, body, want)
			}
		}
		var list []struct {
			JobID string `json:"job_id"`
		}
		_, body := get(t, p.address()+"/jobs?kind=load")
		if err := json.Unmarshal([]byte(body), &list); err != nil || len(list) != 1 {
			t.Fatalf("/jobs?kind=load = %s, %v", body, err)
		}
		if code, body := get(t, p.address()+"/jobs/"+list[0].JobID); code != http.StatusOK || !strings.Contains(body, list[0].JobID) {
			t.Errorf("GET /jobs/ID = %d %s", code, body)
		}
		for path, want := range map[string]int{"/jobs/none": 404, "/jobs?limit=x": 400, "/nothing": 404} {
			if code, body := get(t, p.address()+path); code != want {
				t.Errorf("GET %s = %d %s; want %d", path, code, body, want)
			}
		}
	})
	t.Run("a second run is refused with pid and directory", func(t *testing.T) {
		r := cli(t, "run", "--listen", "off", "--store", store, "-o", "json")
		f := r.refusal(t)
		if r.code != exitError || f.Code != codeOwned || !strings.Contains(f.Message, dir) ||
			!strings.Contains(f.Message, fmt.Sprint(p.cmd.Process.Pid)) {
			t.Fatalf("second run = %d %+v", r.code, f)
		}
	})
	t.Run("a port in use is refused with the port and the flag", func(t *testing.T) {
		addr := strings.TrimPrefix(p.address(), "http://")
		r := cli(t, "run", "--listen", addr, "--store", "sqlite:"+t.TempDir())
		if r.code != exitError || !strings.Contains(r.stderr, addr) || !strings.Contains(r.stderr, "--listen") {
			t.Fatalf("run = %+v", r)
		}
	})
	t.Run("settings that differ from the owner's are refused, naming both", func(t *testing.T) {
		r := cli(t, "load", "testdata/small.acbak", "--strict-models", "--store", store, "-o", "json")
		f := r.refusal(t)
		if r.code != exitError || f.Code != codeOwned || !strings.Contains(f.Message, `"true"`) || !strings.Contains(f.Message, `"false"`) {
			t.Fatalf("load = %d %+v", r.code, f)
		}
	})
	t.Run("saves, submit and watch", func(t *testing.T) {
		line := `{"op":"upsert","resource_id":"note:1","data":{"a":1},"user":"u"}`
		var sum saveResult
		cliIn(t, line, "save", "note", "--from", "-", "--store", store, "-o", "json").into(t, &sum)
		if sum.Done != 1 {
			t.Fatalf("save = %+v", sum)
		}
		job := strings.TrimSpace(cli(t, "submit", "backfill", "--store", store, "-q").ok(t))
		if r := cli(t, "jobs", "watch", job, "--store", store, "-o", "json"); r.code != exitOK || !strings.Contains(r.stdout, `"done"`) {
			t.Fatalf("watch = %+v", r)
		}
	})

	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK || !strings.Contains(r.stderr, `"stopped"`) {
		t.Fatalf("after SIGTERM: %+v", r)
	}
	if _, err := owner.ReadCard(dir); !os.IsNotExist(err) && err == nil {
		t.Fatal("the endpoint is still published after the end")
	}
}

func TestSIGTERMInTheMiddleOfALoadLosesNothing(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	job := strings.TrimSpace(cli(t, "submit", "load", writeArchive(t, 10_500), "--store", store, "-q").ok(t))
	p := startRun(t, dir)
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK {
		t.Fatalf("after SIGTERM: %+v", r)
	}
	startRun(t, dir)
	eventually(t, "the load to be done", func() bool { return state(t, store, job) == "done" })
	if n := resources(t, store); n != 10_500 {
		t.Fatalf("%d resources", n)
	}
}

func TestAnInterruptedLoadIsContinuedByTheNextWorker(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	p := start(t, nil, "load", writeArchive(t, 10_500), "--store", store, "-o", "json")
	eventually(t, "the load to run", func() bool {
		return strings.Contains(cli(t, "jobs", "list", "--store", store).stdout, "running")
	})
	p.signal(syscall.SIGINT)
	r := p.wait()
	if f := r.refusal(t); r.code != exitError || f.Code != codeInterrupted {
		t.Fatalf("after SIGINT: %+v", r)
	}
	if n := resources(t, store); n != 0 {
		t.Fatalf("%d resources of an unfinished load are visible", n)
	}
	startRun(t, dir)
	eventually(t, "the load to be done", func() bool { return resources(t, store) == 10_500 })
}

func TestAClientTakesOverWhenTheOwnerIsKilled(t *testing.T) {
	dir := t.TempDir()
	p := startRun(t, dir)
	path := writeArchive(t, 10_500)
	client := start(t, nil, "load", path, "--store", "sqlite:"+dir, "-o", "json")
	eventually(t, "the load to run", func() bool {
		return strings.Contains(cli(t, "jobs", "list", "--store", "sqlite:"+dir).stdout, "running")
	})
	p.kill()
	r := client.wait()
	var done loadResult
	r.into(t, &done)
	if r.code != exitOK || done.Models["item"].Loaded != 10_500 {
		t.Fatalf("client = %+v", r)
	}
	if !strings.Contains(r.stderr, "went away") {
		t.Fatalf("the client did not say that the owner went away: %s", r.stderr)
	}
}

func TestRunWaitsForACommandThatEnds(t *testing.T) {
	dir := t.TempDir()
	l, err := owner.Acquire(dir, "submit")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, nil, "run", "--listen", "off", "--store", "sqlite:"+dir)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker to start", func() bool { return strings.Contains(p.log(), `"started"`) })
}

func TestTwoLoadsAtOnceShareTheDirectory(t *testing.T) {
	store := "sqlite:" + t.TempDir()
	a := start(t, nil, "load", "testdata/small.acbak", "--store", store)
	b := start(t, nil, "load", writeArchive(t, 100), "--store", store)
	for _, p := range []*process{a, b} {
		if r := p.wait(); r.code != exitOK {
			t.Fatalf("%v: %+v", p.cmd.Args, r)
		}
	}
	if n := resources(t, store); n != 113 {
		t.Fatalf("%d resources; want 113", n)
	}
}

func TestSeveralStoresShareADataDirectory(t *testing.T) {
	data, first, second := t.TempDir(), "sqlite:"+t.TempDir(), "sqlite:"+t.TempDir()
	p := start(t, nil, "run", "--listen", "off", "--store", first, "--data", data)
	eventually(t, "the worker to start", func() bool { return strings.Contains(p.log(), `"started"`) })
	for _, store := range []string{first, second} {
		cli(t, "load", "testdata/small.acbak", "--store", store, "--data", data).ok(t)
		if n := resources(t, store); n != 13 {
			t.Fatalf("%s: %d resources", store, n)
		}
	}
	// The store's own lock leads to its owner from another data directory, too.
	cli(t, "load", "testdata/small.acbak", "--store", first, "--data", t.TempDir(), "--on-duplicate", "skip").ok(t)
	if n := strings.Count(p.log(), `"kind":"load"`); n != 2 {
		t.Fatalf("the owner of the first store did %d loads; want 2: %s", n, p.log())
	}
}

func TestStoresShareADataDirectoryAtOnce(t *testing.T) {
	data, archive := t.TempDir(), writeArchive(t, 300)
	var stores []string
	var all []*process
	for range 4 {
		stores = append(stores, "sqlite:"+t.TempDir())
		all = append(all, start(t, nil, "load", archive, "--store", stores[len(stores)-1], "--data", data))
	}
	for i, p := range all {
		if r := p.wait(); r.code != exitOK {
			t.Fatalf("load into %s: %+v", stores[i], r)
		}
		if n := resources(t, stores[i]); n != 300 {
			t.Fatalf("%s: %d resources", stores[i], n)
		}
	}
}

func TestAKilledLoadOverAnotherOwnersQueueContinuesAtOnce(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	store := "sqlite:" + dir
	owner := start(t, nil, "run", "--listen", "off", "--store", "sqlite:"+data)
	eventually(t, "the worker to start", func() bool { return strings.Contains(owner.log(), `"started"`) })
	p := start(t, nil, "load", writeArchive(t, 9_500), "--store", store, "--data", data)
	eventually(t, "the load to run", func() bool {
		return strings.Contains(cli(t, "jobs", "list", "--store", store).stdout, "running")
	})
	p.kill()
	cli(t, "backfill", "--store", store, "--data", data).ok(t)
	next := start(t, nil, "run", "--listen", "off", "--store", store, "--data", t.TempDir())
	eventually(t, "the load to be done", func() bool { return resources(t, store) == 9_500 })
	next.kill()
}

func TestDemoTwice(t *testing.T) {
	store := "sqlite:" + t.TempDir()
	var first, second demoReport
	start(t, nil, "demo", "--store", store, "-o", "json").wait().into(t, &first)
	if first.Resources < 20_000 || first.Jobs.Done < 2_002 || first.Jobs.Refused+first.Jobs.Dead != 0 ||
		first.Backfilled == 0 || first.Skipped != 0 || first.AlreadyDone != 0 {
		t.Fatalf("first demo = %+v", first)
	}
	want := dumpOf(t, store)
	r := start(t, nil, "demo", "--store", store, "--listen", "off").wait()
	if r.code != exitOK {
		t.Fatalf("second demo = %+v", r)
	}
	for _, text := range []string{"were skipped", "were not repeated", " search go-symbol", " get go-release", "What to type next"} {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("second demo does not say %q:\n%s", text, r.stdout)
		}
	}
	start(t, nil, "demo", "--store", store, "-o", "json", "-q").wait().into(t, &second)
	if second.Resources != first.Resources || second.Revisions != first.Revisions || second.Jobs != first.Jobs || second.Loaded != 0 {
		t.Fatalf("third demo = %+v; want the store of the first, %+v", second, first)
	}
	if !bytes.Equal(dumpOf(t, store), want) {
		t.Fatal("the second demo changed the store")
	}
}

func TestDemoInMemory(t *testing.T) {
	r := start(t, nil, "demo", "--store", "memory:").wait()
	if r.code != exitOK || !strings.Contains(r.stdout, "in memory") || !strings.Contains(r.stdout, "go-symbol:testing.B.StopTimer:2") {
		t.Fatalf("demo = %+v", r)
	}
}

func TestACardOfADeadOwnerIsIgnored(t *testing.T) {
	dir := t.TempDir()
	p := startRun(t, dir)
	p.kill()
	if _, err := owner.ReadCard(dir); err != nil {
		t.Fatalf("the killed owner left no card: %v", err)
	}
	cli(t, "load", "testdata/small.acbak", "--store", "sqlite:"+dir).ok(t)
}

func TestReadersDoNotTouchTheQueue(t *testing.T) {
	dir := t.TempDir()
	store := "sqlite:" + dir
	cli(t, "load", "testdata/small.acbak", "--store", store).ok(t)
	// With the lock held by a process that never becomes ready, readers must not care.
	l, err := owner.Acquire(dir, "stuck")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, args := range [][]string{
		{"get", "person", "person:p1"},
		{"search", "person"},
		{"count", "person"},
		{"revisions", "person", "person:p1"},
		{"dump", "--out", filepath.Join(t.TempDir(), "x.acbak")},
		{"verify"},
		{"plan", "testdata/small.acbak"},
		{"config"},
		{"models"},
		{"jobs", "list"},
	} {
		cli(t, append(args, "--store", store)...).ok(t)
	}
}

func TestListenOnAPortInUseOfAnotherProgram(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := cli(t, "run", "--listen", l.Addr().String(), "--store", "sqlite:"+t.TempDir(), "-o", "json")
	if f := r.refusal(t); r.code != exitError || !strings.Contains(f.Message, l.Addr().String()) {
		t.Fatalf("run = %d %+v", r.code, f)
	}
}
