package consumer

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// lasting is a line through the proxy.
func (r *remote) lasting(opts func() []nats.Option) *Line {
	r.t.Helper()
	l := NewLine(r.dial(opts()...), func(error) (*nats.Conn, error) {
		return nats.Connect("nats://"+r.proxy.Addr(), append(opts(), nats.Token(r.server.Token()), nats.RetryOnFailedConnect(true))...)
	})
	r.t.Cleanup(l.Close)
	return l
}

// TestReconnectIsNotTheEnd: whoever waits for an answer when a connection breaks is
// told that it is closed, though the library makes it anew.
func TestReconnectIsNotTheEnd(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	h, done, _ := r.begin()
	for round := range 3 {
		r.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
		time.Sleep(fetchSilence + fetchGrace/2) // pulls are silent, and the connection is flushed
		r.proxy.Cut()
		r.proxy.Set(faultproxy.Fault{})
		id := fmt.Sprint(round)
		r.publish(id)
		r.comes(done, id, 10*time.Second)
		if err := h.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestClosedConnectionIsMadeAnew: the library closes a connection for good on an error
// that it does not know. Both sides go on over another.
func TestClosedConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	pulls, sends := r.lasting(ConsumeOptions), r.lasting(PublishOptions)
	h, done, _ := r.begin(func(c *Config) { c.JetStream, c.Line = nil, pulls })
	p, err := NewLinePublisher(sends, r.queue)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		old := []*nats.Conn{pulls.Conn(), sends.Conn()}
		until(t, 10*time.Second, "the connections are closed", func() bool {
			r.proxy.Say("-ERR 'Something New'\r\n")
			time.Sleep(20 * time.Millisecond)
			return old[0].IsClosed() && old[1].IsClosed()
		})
		if ack := p.Publish(t.Context(), someMessages(round, round+1))[0]; ack.Err != nil {
			t.Fatal(ack.Err)
		}
		r.comes(done, fmt.Sprint(round), 10*time.Second)
		if err := h.Err(); err != nil || pulls.Conn() == old[0] || sends.Conn() == old[1] {
			t.Fatalf("Err = %v, made anew: %v %v", err, pulls.Conn() != old[0], sends.Conn() != old[1])
		}
	}
}

// TestClosedLineStaysClosed, also when somebody asks for its connection.
func TestClosedLineStaysClosed(t *testing.T) {
	t.Parallel()
	r := newRemote(t)
	l := r.lasting(ConsumeOptions)
	if l.ended(nats.ErrConnectionClosed) {
		t.Error("an open line has ended")
	}
	l.Close()
	if !l.Conn().IsClosed() || !l.ended(fmt.Errorf("pull: %w", nats.ErrConnectionClosed)) || l.ended(nats.ErrTimeout) {
		t.Error("a closed line goes on")
	}
}
