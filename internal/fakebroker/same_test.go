package fakebroker_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/fakebroker"
	"github.com/specstar-worker/worker/internal/natsd"
)

// scripts is how many are played, how many at the same time, and how often one is
// played for which the machine was too slow.
func scripts() (all, together, tries int) {
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		return 400, 16, 6
	}
	return 24, 24, 6
}

// realLink is a connection to a nats-server.
type realLink struct{ *nats.Conn }

func (l realLink) SubscribeSync(subject string) (consumer.Inbox, error) {
	return l.Conn.SubscribeSync(subject)
}

// TestServerAndFakeDoTheSame plays random scripts to a nats-server, by the clock, and to
// the fake, in a bubble, and compares everything that is observed: deliveries and their
// counts, answers, ends of pulls, and what is pending.
func TestServerAndFakeDoTheSame(t *testing.T) {
	t.Parallel()
	server, err := natsd.Start(t.TempDir(), natsd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Shutdown)
	all, together, tries := scripts()
	free := make(chan struct{}, together)
	var mu sync.Mutex
	slow := 0
	var wg sync.WaitGroup
	for seed := range uint64(all) {
		wg.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			for try := range tries {
				real, err := playReal(t, server, seed, try)
				fake := playFake(t, seed)
				if errors.Is(err, errSlow) || err == nil && !slices.Equal(real, fake) && try < tries-1 {
					continue // an answer that came too late looks like none; what differs does so each time
				}
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				compare(t, seed, real, fake)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			slow++
		})
	}
	wg.Wait()
	t.Logf("%d scripts compared", all-slow)
	if least := 6; all-slow < least {
		t.Errorf("the machine was too slow for %d of %d scripts; at least %d are to be compared", slow, all, least)
	}
}

func playReal(t *testing.T, server *natsd.Server, seed uint64, try int) ([]string, error) {
	nc, err := server.Connect()
	if err != nil {
		return nil, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("s%03d-%d", seed, try)
	p := &player{link: realLink{nc}, js: js, name: name}
	log, err := p.play(t.Context(), write(seed))
	return log, err
}

func playFake(t *testing.T, seed uint64) (log []string) {
	synctest.Test(t, func(t *testing.T) {
		c := fakebroker.New(fakebroker.Options{}).Connect("c", 0)
		p := &player{link: c, js: c.JetStream(), name: fmt.Sprintf("s%03d-0", seed)}
		var err error
		if log, err = p.play(t.Context(), write(seed)); err != nil {
			t.Error(err)
		}
		c.Close()
	})
	return log
}

// TestScriptsDoEverything: the comparison is worth nothing of what no script does.
func TestScriptsDoEverything(t *testing.T) {
	var text strings.Builder
	for seed := range uint64(24) {
		text.WriteString(strings.Join(playFake(t, seed), "\n"))
	}
	for _, part := range []string{
		"/2/", "/3/", "408 Request Timeout", "409 Consumer Deleted", "409 Message Size Exceeds MaxBytes", "409 Batch Completed",
		"nobody", "ack true", "ack false true", "ack false false", "unacked 4", "again 2", "waiting 2", "delete true",
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("no script shows %q", part)
		}
	}
}
