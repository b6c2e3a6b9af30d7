package fakebroker_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/consumer"
)

// A script goes in turns of a fixed length. Everything that is done in one is done at
// its beginning; pulls end in its third, fourth and fifth tenth, AckWaits and delays after that. So what happens does
// not depend on how quick a server is, as long as it is not slower than half a turn.
const (
	turn    = 600 * time.Millisecond
	working = 100 * time.Millisecond // of a turn, for what the script does
	tenth   = turn / 10
	ackWait = 25 * tenth
	settle  = 4 * time.Millisecond // for one thing to reach all parts of a server
)

// errSlow is a machine that did not do its part of a turn in time.
var errSlow = errors.New("the machine is too slow")

// step is one thing that a script does.
type step struct {
	what  string
	n     int // how many, or which one
	bytes int
	delay time.Duration
}

// write returns a script: what is done in each turn.
func write(seed uint64) [][]step {
	r := rand.New(rand.NewPCG(seed, 1))
	turns := make([][]step, 6+r.IntN(5))
	for i := range turns {
		for range 1 + r.IntN(5) {
			turns[i] = append(turns[i], one(r))
		}
	}
	return turns
}

func one(r *rand.Rand) step {
	switch n := r.IntN(20); {
	case n < 5:
		return step{what: "publish", n: r.IntN(12)}
	case n < 10:
		s := step{what: "pull", n: 1 + r.IntN(3), delay: []time.Duration{3 * tenth, 23 * tenth}[r.IntN(2)]}
		if r.IntN(3) == 0 {
			s.bytes = []int{100, 400, 100_000}[r.IntN(3)]
		}
		return s
	case n < 12:
		return step{what: "ack", n: r.IntN(30)}
	case n < 15:
		return step{what: "nak", n: r.IntN(30), delay: []time.Duration{0, 15 * tenth, 35 * tenth}[r.IntN(3)]}
	case n < 17:
		return step{what: "beat", n: r.IntN(30)}
	case n < 18:
		return step{what: "leave", n: r.IntN(10)}
	case n < 19 && r.IntN(2) == 0:
		return step{what: "delete"}
	}
	return step{what: "create"}
}

// player plays a script on a queue, whosever it is, and writes down what is observed.
type player struct {
	link   consumer.Link
	js     jetstream.JetStream
	name   string // of the stream, and in its subject
	stream jetstream.Stream
	pulls  []*pulling
	held   []*nats.Msg
	log    []string
}

type pulling struct {
	inbox consumer.Inbox
	left  bool
}

func (p *player) play(ctx context.Context, turns [][]step) ([]string, error) {
	var err error
	p.stream, err = p.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: p.name, Subjects: []string{p.name + ".*"}, Retention: jetstream.WorkQueuePolicy,
		Duplicates: time.Minute, Storage: jetstream.MemoryStorage,
	})
	if err != nil {
		return nil, err
	}
	p.create(ctx)
	begin := time.Now()
	for i, steps := range turns {
		for _, s := range steps {
			if err := p.do(ctx, s); err != nil {
				return nil, fmt.Errorf("%s: %w", s.what, err)
			}
			time.Sleep(settle)
		}
		if time.Since(begin)-time.Duration(i)*turn > working {
			return nil, errSlow
		}
		time.Sleep(time.Until(begin.Add(time.Duration(i+1)*turn - tenth)))
		if err := p.look(ctx); err != nil {
			return nil, err
		}
		if time.Since(begin) > time.Duration(i+1)*turn {
			return nil, errSlow
		}
		time.Sleep(time.Until(begin.Add(time.Duration(i+1) * turn)))
	}
	return p.log, nil
}

func (p *player) create(ctx context.Context) {
	_, err := p.stream.CreateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "d", FilterSubject: p.name + ".a", AckPolicy: jetstream.AckExplicitPolicy,
		AckWait: ackWait, MaxDeliver: -1, MaxAckPending: 4,
	})
	p.note("create %v", err == nil)
}

func (p *player) note(format string, args ...any) {
	p.log = append(p.log, fmt.Sprintf(format, args...))
}

func (p *player) do(ctx context.Context, s step) error {
	switch s.what {
	case "publish":
		subject := p.name + []string{".a", ".a", ".a", ".b"}[s.n%4]
		ack, err := p.js.PublishMsg(ctx, &nats.Msg{
			Subject: subject, Data: []byte(strings.Repeat("x", 30*s.n)), Header: nats.Header{"Nats-Msg-Id": {fmt.Sprint(s.n)}},
		})
		if err != nil {
			return err
		}
		p.note("published %d %v", ack.Sequence, ack.Duplicate)
	case "pull":
		return p.pull(s)
	case "leave":
		if len(p.pulls) == 0 || p.pulls[s.n%len(p.pulls)].left {
			return nil
		}
		one := p.pulls[s.n%len(p.pulls)]
		one.left = true
		return one.inbox.Unsubscribe()
	case "delete":
		p.note("delete %v", p.stream.DeleteConsumer(ctx, "d") == nil)
	case "create":
		if _, err := p.stream.Consumer(ctx, "d"); err != nil {
			p.create(ctx)
		}
	default:
		return p.say(ctx, s)
	}
	return nil
}

func (p *player) pull(s step) error {
	inbox := p.link.NewInbox()
	sub, err := p.link.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{
		"expires": s.delay, "batch": s.n, "max_bytes": s.bytes, "idle_heartbeat": 3 * tenth / 2,
	})
	if err != nil {
		return err
	}
	p.pulls = append(p.pulls, &pulling{inbox: sub})
	return p.link.PublishRequest("$JS.API.CONSUMER.MSG.NEXT."+p.name+".d", inbox, body)
}

// say tells the server something about a message that came at any time.
func (p *player) say(ctx context.Context, s step) error {
	if len(p.held) == 0 {
		return nil
	}
	subject := p.held[s.n%len(p.held)].Reply
	switch s.what {
	case "beat":
		return p.link.Publish(subject, []byte("+WPI"))
	case "nak":
		if s.delay == 0 {
			return p.link.Publish(subject, []byte("-NAK"))
		}
		return p.link.Publish(subject, fmt.Appendf(nil, `-NAK {"delay": %d}`, s.delay.Nanoseconds()))
	}
	ctx, cancel := context.WithTimeout(ctx, 8*time.Millisecond)
	defer cancel()
	_, err := p.link.RequestWithContext(ctx, subject, []byte("+ACK"))
	p.note("ack %v %v", err == nil, errors.Is(err, nats.ErrNoResponders))
	return nil
}

// look writes down what came in a turn, and what the server says of itself.
func (p *player) look(ctx context.Context) error {
	for i, one := range p.pulls {
		if one.left {
			continue
		}
		beats, got := false, []string{}
		for {
			m, err := one.inbox.NextMsg(time.Millisecond)
			if errors.Is(err, nats.ErrNoResponders) {
				got = append(got, "nobody")
				continue
			}
			if err != nil {
				break
			}
			switch status := m.Header.Get("Status"); {
			case status == "100":
				beats = true
			case status != "":
				got = append(got, status+" "+m.Header.Get("Description"))
			default:
				meta, err := m.Metadata()
				if err != nil {
					return err
				}
				got = append(got, fmt.Sprintf("%d/%d/%d+%d", meta.Sequence.Stream, meta.NumDelivered, meta.Sequence.Consumer, meta.NumPending))
				p.held = append(p.held, m)
			}
		}
		switch {
		case len(got) > 0:
			p.note("pull %d: %q", i, got)
		case beats: // of one that got something it depends on the moment
			p.note("pull %d goes on", i)
		}
	}
	if c, err := p.stream.Consumer(ctx, "d"); err == nil {
		info := c.CachedInfo()
		p.note("pending %d, unacked %d, again %d, waiting %d", info.NumPending, info.NumAckPending, info.NumRedelivered, info.NumWaiting)
	}
	s, err := p.js.Stream(ctx, p.name)
	if err != nil {
		return err
	}
	state := s.CachedInfo().State
	p.note("%d messages, last %d, %d durables", state.Msgs, state.LastSeq, state.Consumers)
	return nil
}

// compare reports where two logs part.
func compare(t *testing.T, seed uint64, real, fake []string) {
	t.Helper()
	for i := range max(len(real), len(fake)) {
		if i >= len(real) || i >= len(fake) || real[i] != fake[i] {
			t.Errorf("seed %d parts at line %d\nserver: %s\nfake:   %s", seed, i,
				strings.Join(slices.Clone(real[max(0, i-12):min(len(real), i+3)]), "\n        "),
				strings.Join(slices.Clone(fake[max(0, i-12):min(len(fake), i+3)]), "\n        "))
			return
		}
	}
}
