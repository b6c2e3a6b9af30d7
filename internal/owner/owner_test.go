package owner_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/owner"
)

func TestSecondOwnerIsRefusedWithPIDAndDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	l, err := owner.Acquire(dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	_, err = owner.Acquire(dir, "run")
	held, ok := errors.AsType[*owner.HeldError](err)
	if !ok || held.PID != os.Getpid() || held.Command != "run" || !strings.Contains(err.Error(), dir) {
		t.Fatalf("second Acquire = %v; want a HeldError naming this process and %s", err, dir)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := owner.Acquire(dir, "load")
	if err != nil {
		t.Fatalf("Acquire after Close = %v", err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestEnterFindsTheOwnersCard(t *testing.T) {
	dir := t.TempDir()
	l, _, err := owner.Enter(t.Context(), dir, "run", time.Second)
	if err != nil || l == nil {
		t.Fatalf("first Enter = %v, %v; want the lock", l, err)
	}
	want := owner.Card{
		URL: "nats://127.0.0.1:1", Token: "secret", PID: os.Getpid(), Store: uuid.New(),
		Queue: uuid.New(), Settings: map[string]string{"encoding": "json"},
	}
	// The owner publishes while the other process is already waiting.
	published := make(chan error, 1)
	go func() { published <- l.Publish(want) }()
	other, got, err := owner.Enter(t.Context(), dir, "load", time.Minute)
	if err := errors.Join(err, <-published); err != nil || other != nil {
		t.Fatalf("second Enter = %v, %v; want the card alone", other, err)
	}
	if got.URL != want.URL || got.Token != want.Token || got.Store != want.Store || got.Queue != want.Queue ||
		got.Settings["encoding"] != "json" {
		t.Fatalf("card = %+v; want %+v", got, want)
	}
	info, err := os.Stat(filepath.Join(owner.Dir(dir), "endpoint.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("endpoint.json: %v, %v; want mode 0600", info.Mode(), err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.ReadCard(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("card after Close: %v; want it gone", err)
	}
}

func TestANewOwnerRemovesAStaleCard(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(owner.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(owner.Dir(dir), "endpoint.json")
	if err := os.WriteFile(stale, []byte(`{"url":"nats://127.0.0.1:1","pid":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	l, _, err := owner.Enter(t.Context(), dir, "run", time.Second)
	if err != nil || l == nil {
		t.Fatalf("Enter = %v, %v; want the lock, since nobody holds it", l, err)
	}
	defer l.Close()
	if _, err := os.Stat(stale); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("stale card: %v; want it removed", err)
	}
}

func TestEnterGivesUpOnASilentOwner(t *testing.T) {
	dir := t.TempDir()
	l, err := owner.Acquire(dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, _, err = owner.Enter(t.Context(), dir, "load", time.Millisecond)
	if _, ok := errors.AsType[*owner.NotReadyError](err); !ok {
		t.Fatalf("Enter = %v; want a NotReadyError", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := owner.Enter(ctx, dir, "load", time.Hour); !errors.Is(err, context.Canceled) {
		t.Fatalf("Enter with a cancelled context = %v", err)
	}
}

func TestQueueIDStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	l, err := owner.Acquire(dir, "run")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	first, made, err := l.QueueID()
	if err != nil || first == uuid.Nil || !made {
		t.Fatalf("QueueID = %v, %t, %v", first, made, err)
	}
	if second, made, err := l.QueueID(); err != nil || second != first || made {
		t.Fatalf("QueueID again = %v, %t, %v; want %v", second, made, err, first)
	}
	path := filepath.Join(owner.Dir(dir), "queue-id")
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.QueueID(); err == nil || !strings.Contains(err.Error(), path) {
		t.Fatalf("QueueID of a damaged file = %v; want an error naming %s", err, path)
	}
}
