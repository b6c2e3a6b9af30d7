package fakebroker

import (
	"strings"
	"sync"
	"time"
)

// Loss is something that can be lost.
type Loss int

// What can be lost.
const (
	LosePull    Loss = iota // a request for messages, on its way to the server
	LoseBeat                // a heartbeat of a pull
	LoseMessage             // a message, on its way to the client
	LoseAck                 // an acknowledgement, nak or sign of life, on its way to the server
	LoseReceipt             // the answer to a published message
	LoseAnswer              // any other answer
)

// What happened to a message.
type What int

// The events of a message.
const (
	Published  What = iota
	Delivered       // to a client; Event.Delivery is the count
	Acked           // and removed
	HandedBack      // by a nak; Event.Delay is its delay
	TimedOut        // AckWait passed without a sign of life
)

// Event is something that happened.
type Event struct {
	What     What
	Sequence uint64
	ID       string // its Nats-Msg-Id
	Delivery int
	Delay    time.Duration
	Conn     string // whose delivery it is
}

// Options refine [New].
type Options struct {
	// Lose says whether one of the things that can be lost is; id tells it from others of
	// its kind, the same way in each run. Nil loses nothing. It is called with the
	// broker's lock held and must not call the broker.
	Lose func(what Loss, id uint64) bool
	// Saw is told of each event, under the same condition.
	Saw func(Event)
}

// Broker is a server. Its methods may be called from several goroutines.
type Broker struct {
	options Options

	mu      sync.Mutex
	streams map[string]*stream
	conns   int
	inboxes map[string]*sub // what somebody listens to
	nobody  bool            // there is no leader: nothing is answered
}

// New returns a server without streams.
func New(o Options) *Broker {
	if o.Lose == nil {
		o.Lose = func(Loss, uint64) bool { return false }
	}
	if o.Saw == nil {
		o.Saw = func(Event) {}
	}
	return &Broker{options: o, streams: make(map[string]*stream), inboxes: make(map[string]*sub)}
}

// LoseLeader ends all pulls, told is whether their clients hear of it, and has nothing
// answered until [Broker.Elect].
func (b *Broker) LoseLeader(told bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nobody = true
	for _, s := range b.streams {
		for _, d := range s.durables {
			if told {
				d.endAll(statusLeader)
			}
			d.waiting = nil
		}
	}
}

// Elect ends what LoseLeader began.
func (b *Broker) Elect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nobody = false
	for _, s := range b.streams {
		for _, d := range s.durables {
			d.deliver()
		}
	}
}

// DeleteConsumer deletes a durable consumer, as an operator might. It reports whether
// there was one.
func (b *Broker) DeleteConsumer(stream, name string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[stream]
	return s != nil && s.deleteConsumer(name)
}

// streamOf returns the stream that takes a subject, nil when there is none. The caller
// holds mu.
func (b *Broker) streamOf(subject string) *stream {
	for _, s := range b.streams {
		if s.takes(subject) {
			return s
		}
	}
	return nil
}

// request is what comes to a subject of the server itself. answer sends a reply. The
// caller holds mu.
func (b *Broker) request(c *Conn, subject string, data []byte, reply string) {
	switch {
	case b.nobody:
	case strings.HasPrefix(subject, ackPrefix):
		b.acked(c, subject, data, reply)
	case strings.HasPrefix(subject, nextPrefix):
		b.pulled(c, subject, data, reply)
	default:
		b.answer(c, reply, statusNobody)
	}
}

// pulled takes a request for messages. The caller holds mu.
func (b *Broker) pulled(c *Conn, subject string, data []byte, reply string) {
	c.pulls++
	if b.options.Lose(LosePull, c.id(c.pulls)) {
		return
	}
	stream, name, _ := strings.Cut(strings.TrimPrefix(subject, nextPrefix), ".")
	if s := b.streams[stream]; s != nil && s.durables[name] != nil {
		s.durables[name].request(data, reply, c.id(c.pulls))
		return
	}
	b.answer(c, reply, statusNobody)
}

// acked takes what a client says about a message. The caller holds mu.
func (b *Broker) acked(c *Conn, subject string, data []byte, reply string) {
	at, ok := parseAck(subject)
	if !ok {
		return
	}
	c.acks++
	if b.options.Lose(LoseAck, c.id(c.acks)) {
		return
	}
	s := b.streams[at.stream]
	if s == nil || s.durables[at.durable] == nil {
		b.answer(c, reply, statusNobody)
		return
	}
	if s.durables[at.durable].acked(at, data) {
		b.answer(c, reply, nil)
	}
}

// answer sends a client what it asked for; without a reply nobody listens. The caller
// holds mu.
func (b *Broker) answer(c *Conn, reply string, status *status) {
	if reply == "" {
		return
	}
	c.answers++
	if b.options.Lose(LoseAnswer, c.id(c.answers)) {
		return
	}
	if to := b.inboxes[reply]; to != nil {
		to.conn.down.send(func() { to.put(status.message(reply)) })
	}
}
