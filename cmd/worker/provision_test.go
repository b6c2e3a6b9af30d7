package main

import (
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/natsd"
)

// queueServer is a NATS server, its address with the secret, and a way past the worker.
func queueServer(t *testing.T) (address string, js jetstream.JetStream) {
	t.Helper()
	server, err := natsd.Start(t.TempDir(), natsd.Options{Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	nc, err := server.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	if js, err = jetstream.New(nc); err != nil {
		t.Fatal(err)
	}
	return strings.Replace(server.URL(), "nats://", "nats://"+server.Token()+"@", 1), js
}

// readiness waits until a worker is ready or not, and returns what it says.
func (p *process) readiness(want int, parts ...string) (said string) {
	p.t.Helper()
	eventually(p.t, "its readiness is "+http.StatusText(want), func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("the worker ended: %s", p.log())
		default:
		}
		code, body := get(p.t, p.address()+"/readyz")
		said = body
		for _, part := range parts {
			if !strings.Contains(body, part) {
				return false
			}
		}
		return code == want
	})
	return said
}

// TestQueueThatIsGoneIsWaitedFor: a worker that may make nothing says which command
// does, and goes on when it was run; one that may makes it itself.
func TestQueueThatIsGoneIsWaitedFor(t *testing.T) {
	address, js := queueServer(t)
	dir := t.TempDir()
	store := []string{"--nats", address, "--store", "sqlite:" + dir, "--strict-models=false"}
	const stream = "SPECSTAR_default_JOBS"

	r := cli(t, append([]string{"run", "--bind-only", "--listen", "off", "-o", "json"}, store...)...)
	if f := r.refusal(t); r.code != exitUnavailable || f.Code != codeSetup || !strings.Contains(f.Message, "worker provision --nats") {
		t.Fatalf("run before the queue is there: %d %+v", r.code, f)
	}
	var made provisioned
	cli(t, append([]string{"provision", "-o", "json"}, store...)...).into(t, &made)
	if made.Consumers == 0 || made.Streams[0] != stream {
		t.Fatalf("provisioned: %+v", made)
	}
	for _, gone := range []struct {
		what string
		loss func() error
	}{
		{"stream", func() error { return js.DeleteStream(t.Context(), stream) }},
		{"consumer", func() error { return js.DeleteConsumer(t.Context(), stream, "normal-save") }},
	} {
		p := startRun(t, dir, "--nats", address, "--strict-models=false", "--bind-only")
		p.readiness(http.StatusOK)
		if err := gone.loss(); err != nil {
			t.Fatal(err)
		}
		said := p.readiness(http.StatusServiceUnavailable, "cannot reach its durable consumer", "worker provision --nats")
		if token := strings.Split(strings.TrimPrefix(address, "nats://"), "@")[0]; strings.Contains(said, token) {
			t.Errorf("the secret is told: %s", said)
		}
		cli(t, append([]string{"provision"}, store...)...).ok(t)
		begin := time.Now()
		p.readiness(http.StatusOK)
		var sum saveResult
		line := `{"op":"upsert","resource_id":"note:1","data":{"a":1},"user":"u"}`
		cliIn(t, line, append([]string{"save", "note", "--from", "-", "-o", "json"}, store...)...).into(t, &sum)
		if took := time.Since(begin); sum.Done != 1 || took > 30*time.Second { // 3 s on a quiet machine
			t.Errorf("after the loss of the %s: %+v after %s", gone.what, sum, took)
		}
		p.signal(syscall.SIGTERM)
		if r := p.wait(); r.code != exitOK {
			t.Fatalf("%d: %s", r.code, r.stderr)
		}
	}

	p := startRun(t, dir, "--nats", address)
	if err := js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker makes the stream anew", func() bool {
		_, err := js.Stream(t.Context(), stream)
		return err == nil
	})
	p.readiness(http.StatusOK)
	p.signal(syscall.SIGTERM)
	if r := p.wait(); r.code != exitOK {
		t.Fatalf("%d: %s", r.code, r.stderr)
	}
}

// TestProvisionNeedsAServer: the embedded queue is its worker's.
func TestProvisionNeedsAServer(t *testing.T) {
	dir := t.TempDir()
	for want, args := range map[string][]string{
		"--nats":      {"provision"},
		"--replicas":  {"provision", "--nats", "nats://127.0.0.1:1", "--replicas", "2"},
		"--bind-only": {"run", "--bind-only"},
	} {
		r := cli(t, append(args, "--store", "sqlite:"+dir)...)
		if r.code != exitUsage || !strings.Contains(r.stderr, want) {
			t.Errorf("%v: %d %s", args, r.code, r.stderr)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("something was made: %v, %v", entries, err)
	}
}
