package peertest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/natsd"
	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// submitter is the script that submits saves by nats-py.
const submitter = "../../examples/python/submit_saves.py"

// shownJob is a job as `worker jobs show` tells it.
type shownJob struct {
	JobID   string `json:"job_id"`
	State   string
	User    string
	Outcome struct {
		Outcomes []struct{ Effect, Code string }
	}
}

// TestPythonSubmitsSaves has the example submit to a server whose stream is made only
// while it tries, and a worker, as users run it, do the jobs.
func TestPythonSubmitsSaves(t *testing.T) {
	python, err := pypeer.Python()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	worker := filepath.Join(dir, "worker")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", worker, "../../cmd/worker")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the worker: %v\n%s", err, out)
	}
	server, err := natsd.Start(filepath.Join(dir, "nats"), natsd.Options{Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	address := "nats://" + server.Token() + "@" + strings.TrimPrefix(server.URL(), "nats://")
	store := "sqlite:" + filepath.Join(dir, "data")
	submit := func(model, file string, more ...string) *exec.Cmd {
		args := append([]string{submitter, model, file, "--nats", address, "--wait", worker + " --store " + store}, more...)
		return exec.CommandContext(t.Context(), python, args...)
	}
	file := filepath.Join(dir, "saves.ndjson")
	var lines bytes.Buffer
	for i := range 20 {
		fmt.Fprintf(&lines, `{"id":"py-%d","op":"create","resource_id":"note:%d","data":{"text":"é %d"}}`+"\n", i, i%15, i)
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}

	first := submit("note", file)
	var out bytes.Buffer
	said, err := os.Create(filepath.Join(dir, "said"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	first.Stdout, first.Stderr = &out, said
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the script to try again: nobody answers, which is 503", func() bool {
		b, err := os.ReadFile(said.Name())
		return err == nil && bytes.Contains(b, []byte("py-0: NoStreamResponseError, again in"))
	})
	makeStream(t, server, filepath.Join(dir, "data"))
	startWorker(t, worker, "run", "--store", store, "--nats", address, "--listen", "off", "--strict-models=false")
	if err := first.Wait(); err != nil {
		b, _ := os.ReadFile(said.Name())
		t.Fatalf("%v\n%s", err, b)
	}
	all := shownJobs(t, out.Bytes())
	if len(all) != 20 {
		t.Fatalf("%d jobs shown", len(all))
	}
	for i, j := range all {
		want := "done"
		if i >= 15 {
			want = "refused" // the resource exists
		}
		if j.JobID != fmt.Sprintf("py-%d", i) || j.State != want || j.User != "python" {
			t.Errorf("job %d: %+v", i, j)
		}
	}
	again := submit("note", file)
	if b, err := again.CombinedOutput(); err != nil || bytes.Count(b, []byte("known already")) != 20 {
		t.Fatalf("submitted again: %v\n%s", err, b)
	}
	b, err := submit("bulk", file, "--bulk", "all at once").Output()
	if err != nil {
		t.Fatal(err)
	}
	all = shownJobs(t, b)
	if len(all) != 1 || all[0].State != "done" || len(all[0].Outcome.Outcomes) != 20 {
		t.Fatalf("one job of many: %s", b)
	}
	for i, o := range all[0].Outcome.Outcomes {
		if created := o.Effect == "created"; created != (i < 15) || !created && o.Code != "exists" {
			t.Errorf("operation %d: %+v", i, o)
		}
	}
}

// until waits for something that takes its time.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// makeStream makes the streams of the store in a directory.
func makeStream(t *testing.T, server *natsd.Server, dir string) {
	t.Helper()
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	nc, err := nats.Connect(server.URL(), nats.Token(server.Token()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := consumer.EnsureStreams(t.Context(), js, consumer.QueueConfig{Namespace: "default", Store: f.ID(), Create: true}); err != nil {
		t.Fatal(err)
	}
}

// startWorker runs the worker until the test ends.
func startWorker(t *testing.T, path string, args ...string) {
	t.Helper()
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("worker: %v\n%s", err, said.String())
		}
	})
}

// shownJobs reads jobs, one JSON document each.
func shownJobs(t *testing.T, b []byte) (all []shownJob) {
	t.Helper()
	for dec := json.NewDecoder(bytes.NewReader(b)); dec.More(); {
		var j shownJob
		if err := dec.Decode(&j); err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		all = append(all, j)
	}
	return all
}
