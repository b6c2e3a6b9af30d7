package natsd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/internal/natsd"
)

// publish stores one message in a stream of the server.
func publish(t *testing.T, nc *nats.Conn, create bool) uint64 {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if create {
		if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, MaxBytes: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	ack, err := js.Publish(t.Context(), "s", []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestMessagesSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "here")
	for i := range 3 {
		s, err := natsd.Start(dir, natsd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		nc, err := s.Connect()
		if err != nil {
			t.Fatal(err)
		}
		if seq := publish(t, nc, i == 0); seq != uint64(i+1) {
			t.Fatalf("start %d: message %d", i, seq)
		}
		if s.URL() != "" {
			t.Fatalf("a server without Listen has the address %s", s.URL())
		}
		nc.Close()
		s.Shutdown()
		s.Shutdown()
	}
}

func TestListenNeedsTheToken(t *testing.T) {
	s, err := natsd.Start(t.TempDir(), natsd.Options{Listen: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	if !strings.HasPrefix(s.URL(), "nats://127.0.0.1:") {
		t.Fatalf("URL = %s", s.URL())
	}
	if nc, err := nats.Connect(s.URL(), nats.Token("wrong")); err == nil {
		nc.Close()
		t.Fatal("a wrong token was taken")
	}
	nc, err := nats.Connect(s.URL(), nats.Token(s.Token()))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	publish(t, nc, true)
}

func TestStoreIsBounded(t *testing.T) {
	s, err := natsd.Start(t.TempDir(), natsd.Options{MaxStore: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Shutdown()
	nc, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "S", MaxBytes: 2 << 20}); err == nil {
		t.Fatal("a stream larger than the store was made")
	}
}

func TestUnusableDirectoryIsNamed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/none"} {
		if _, err := natsd.Start(dir, natsd.Options{}); err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("Start(%s) = %v", dir, err)
		}
	}
	if _, err := natsd.Start(filepath.Join(file, "below"), natsd.Options{}); err == nil || !strings.HasSuffix(err.Error(), "there is a file in the way") {
		t.Errorf("no way out: %v", err)
	}
}
