package fakebroker

import (
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// durable hands out the messages of a stream. The broker's lock guards it.
type durable struct {
	broker  *Broker
	stream  *stream
	config  jetstream.ConsumerConfig
	created time.Time
	next    uint64              // the first message that was never handed out
	handed  uint64              // how many deliveries there were
	pending map[uint64]*pending // by sequence: handed out, not acknowledged
	again   map[uint64]int      // how often a pending one was handed out again
	due     []uint64            // pending ones to be handed out again, in this order
	waiting []*pull
	timer   *time.Timer
	timed   time.Time // when it fires; zero when it does not
}

// pending is a message that was handed out. Its AckWait counts from at.
type pending struct {
	at      time.Time
	conn    string
	delayed bool // handed back, to come again when its AckWait seems to be over
}

func newDurable(s *stream, c jetstream.ConsumerConfig) *durable {
	d := &durable{
		broker: s.broker, stream: s, config: c, created: time.Now(), next: 1,
		pending: make(map[uint64]*pending), again: make(map[uint64]int),
	}
	d.timer = time.AfterFunc(time.Hour, d.tick)
	d.timer.Stop()
	return d
}

// deliver hands out what it can.
func (d *durable) deliver() {
	defer d.schedule()
	if d.broker.nobody {
		return
	}
	for len(d.waiting) > 0 {
		m, again := d.nextMessage()
		if m == nil {
			return
		}
		reply := appendAck(d, m.sequence, d.again[m.sequence]+1, d.handed+1, m.at)
		p := d.nextPull(len(m.subject) + len(reply) + headerSize(m.header) + len(m.data))
		if p == nil {
			if again {
				d.putBack(m.sequence)
			}
			return
		}
		if !again {
			d.next = m.sequence + 1
		}
		d.handed++
		d.send(m, reply, p)
	}
}

// putBack has a message wait that nobody wants now.
func (d *durable) putBack(sequence uint64) {
	if d.again[sequence]--; d.again[sequence] == 0 {
		delete(d.again, sequence)
	}
	d.due = append(d.due, sequence)
}

// send hands a message out for a pull.
func (d *durable) send(m *stored, reply string, p *pull) {
	conn := p.to.conn
	d.pending[m.sequence] = &pending{at: time.Now(), conn: conn.name}
	delivery := d.again[m.sequence] + 1
	id := m.header.Get(jetstream.MsgIDHeader)
	d.broker.options.Saw(Event{What: Delivered, Sequence: m.sequence, ID: id, Delivery: delivery, Conn: conn.name})
	if !d.broker.options.Lose(LoseMessage, m.sequence<<16|uint64(delivery)) {
		msg := &nats.Msg{Subject: m.subject, Reply: reply, Header: m.header, Data: m.data, Sub: bound}
		conn.down.send(func() { p.to.put(msg) })
	}
	p.left--
	p.beaten = time.Now()
	if p.left == 0 {
		d.waiting = slices.DeleteFunc(d.waiting, func(w *pull) bool { return w == p })
		if p.bytes > 0 {
			conn.down.send(func() { p.to.put(statusDone.message(p.reply)) })
		}
	}
}

// nextMessage returns what is to be handed out next, and whether that was done before.
func (d *durable) nextMessage() (*stored, bool) {
	for len(d.due) > 0 {
		sequence := d.due[0]
		d.due = d.due[1:]
		if m := d.stream.messages[sequence]; m != nil {
			d.again[sequence]++
			return m, true
		}
		delete(d.pending, sequence)
		delete(d.again, sequence)
	}
	if d.config.MaxAckPending > 0 && len(d.pending) >= d.config.MaxAckPending {
		return nil, false
	}
	m := d.stream.after(d.next, d.config.FilterSubject)
	if m == nil {
		d.next = d.stream.last + 1
	}
	return m, false
}

// acked takes what a client says about a message and reports whether that is confirmed.
func (d *durable) acked(at ack, data []byte) bool {
	switch word := string(data[:min(len(data), 4)]); word {
	case "+WPI":
		if p := d.pending[at.sequence]; p != nil {
			p.at = time.Now()
		}
	case "-NAK":
		d.nak(at.sequence, nakDelay(data))
	default:
		return d.ack(at.sequence)
	}
	return true
}

// ack is done with a message, whoever holds it by now.
func (d *durable) ack(sequence uint64) bool {
	if sequence >= d.next {
		return false // this durable consumer has not handed it out
	}
	delete(d.pending, sequence)
	delete(d.again, sequence)
	d.due = slices.DeleteFunc(d.due, func(s uint64) bool { return s == sequence })
	if m := d.stream.messages[sequence]; m != nil && d.stream.config.Retention == jetstream.WorkQueuePolicy {
		delete(d.stream.messages, sequence)
		d.broker.options.Saw(Event{What: Acked, Sequence: sequence, ID: m.header.Get(jetstream.MsgIDHeader)})
	}
	d.deliver() // there may have been too many pending
	return true
}

// nak hands a message out again after a delay, in which it counts as pending.
func (d *durable) nak(sequence uint64, delay time.Duration) {
	p := d.pending[sequence]
	if p == nil {
		return
	}
	d.broker.options.Saw(Event{What: HandedBack, Sequence: sequence, ID: d.idOf(sequence), Delay: delay, Conn: p.conn})
	due := slices.Index(d.due, sequence)
	switch {
	case delay > 0:
		if due >= 0 {
			d.due = slices.Delete(d.due, due, due+1)
		}
		p.at, p.delayed = time.Now().Add(delay-d.config.AckWait), true
	case due < 0:
		d.due = append(d.due, sequence)
	}
	d.deliver()
}

func (d *durable) idOf(sequence uint64) string {
	if m := d.stream.messages[sequence]; m != nil {
		return m.header.Get(jetstream.MsgIDHeader)
	}
	return ""
}

// overdue has the messages handed out again whose AckWait is over.
func (d *durable) overdue(now time.Time) {
	var over []uint64
	for sequence, p := range d.pending {
		if now.Sub(p.at) >= d.config.AckWait {
			p.at = now
			if !slices.Contains(d.due, sequence) {
				over = append(over, sequence)
			}
		}
	}
	slices.Sort(over)
	for _, sequence := range over {
		if p := d.pending[sequence]; !p.delayed {
			d.broker.options.Saw(Event{What: TimedOut, Sequence: sequence, ID: d.idOf(sequence), Conn: p.conn})
		}
	}
	d.due = append(d.due, over...)
}

// schedule sets the timer to the next thing to do.
func (d *durable) schedule() {
	var next time.Time
	sooner := func(t time.Time) {
		if next.IsZero() || t.Before(next) {
			next = t
		}
	}
	for _, p := range d.pending {
		sooner(p.at.Add(d.config.AckWait))
	}
	for _, w := range d.waiting {
		sooner(w.expires)
		if w.beat > 0 {
			sooner(w.beaten.Add(w.beat))
		}
	}
	if next.IsZero() || next.Equal(d.timed) || !d.timed.IsZero() && d.timed.Before(next) && d.timed.After(time.Now()) {
		return // a tick too early does no harm
	}
	d.timed = next
	d.timer.Reset(max(time.Until(next), 0))
}

// tick does what is due.
func (d *durable) tick() {
	d.broker.mu.Lock()
	defer d.broker.mu.Unlock()
	if d.stream.durables[d.config.Durable] != d {
		return
	}
	d.timed = time.Time{}
	now := time.Now()
	d.overdue(now)
	d.lookAfter(now)
	d.deliver()
}
