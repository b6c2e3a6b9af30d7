package consumer

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/internal/natsd"
)

// TestLooksAreHeard: a look is heard by the other workers of the queue, not by whoever
// tells it, and by one whose connection was made anew, too.
func TestLooksAreHeard(t *testing.T) {
	t.Parallel()
	server, err := natsd.Start(t.TempDir(), natsd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Shutdown()
	looks := func(namespace string) *Looks {
		t.Helper()
		dial := func(error) (*nats.Conn, error) { return server.Connect() }
		nc, err := dial(nil)
		if err != nil {
			t.Fatal(err)
		}
		line := NewLine(nc, dial)
		t.Cleanup(line.Close)
		l := NewLooks(line, QueueConfig{Namespace: namespace})
		t.Cleanup(l.Close)
		l.Heard()
		if err := nc.Flush(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	one, two, foreign := looks("a"), looks("a"), looks("b")
	hears := func(l *Looks) error {
		select {
		case <-l.Heard():
			return nil
		case <-time.After(5 * time.Second):
			return errors.New("a look is not heard")
		}
	}
	one.Looked()
	if err := hears(two); err != nil {
		t.Fatal(err)
	}
	two.line.Conn().Close()
	two.Heard() // has another connection made
	if err := two.line.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	one.Looked()
	if err := hears(two); err != nil {
		t.Fatalf("over a connection that was made anew: %v", err)
	}
	two.Looked()
	if err := hears(one); err != nil {
		t.Fatal(err)
	}
	if len(two.heard)+len(foreign.heard) > 0 {
		t.Fatal("a look is heard by whoever told it, or in another namespace")
	}
}
