package fakebroker

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// stream holds messages until they are acknowledged, or for good when its retention is
// not that of a work queue. The broker's lock guards it.
type stream struct {
	broker   *Broker
	config   jetstream.StreamConfig
	created  time.Time
	last     uint64
	messages map[uint64]*stored
	ids      map[string]known
	durables map[string]*durable
}

// stored is a message in a stream.
type stored struct {
	sequence uint64
	subject  string
	header   nats.Header
	data     []byte
	at       time.Time
}

// known is an id that the stream remembers.
type known struct {
	sequence uint64
	at       time.Time
}

func newStream(b *Broker, c jetstream.StreamConfig) *stream {
	return &stream{
		broker: b, config: c, created: time.Now(),
		messages: make(map[uint64]*stored), ids: make(map[string]known), durables: make(map[string]*durable),
	}
}

func (s *stream) takes(subject string) bool {
	return slices.ContainsFunc(s.config.Subjects, func(pattern string) bool { return matches(pattern, subject) })
}

// publish stores a message, unless its id is known.
func (s *stream) publish(subject string, h nats.Header, data []byte) (sequence uint64, duplicate bool) {
	id := h.Get(jetstream.MsgIDHeader)
	if k, ok := s.ids[id]; ok && id != "" && time.Since(k.at) < s.config.Duplicates {
		return k.sequence, true
	}
	s.last++
	s.messages[s.last] = &stored{sequence: s.last, subject: subject, header: h, data: data, at: time.Now()}
	if id != "" {
		s.ids[id] = known{s.last, time.Now()}
	}
	s.broker.options.Saw(Event{What: Published, Sequence: s.last, ID: id})
	for _, d := range s.durables {
		d.deliver()
	}
	return s.last, false
}

// after returns the first message from a sequence on that a filter lets through.
func (s *stream) after(sequence uint64, filter string) *stored {
	for ; sequence <= s.last; sequence++ {
		if m := s.messages[sequence]; m != nil && matches(filter, m.subject) {
			return m
		}
	}
	return nil
}

// waiting returns how many messages there are from a sequence on.
func (s *stream) waiting(sequence uint64, filter string) (n uint64) {
	for _, m := range s.messages {
		if m.sequence >= sequence && matches(filter, m.subject) {
			n++
		}
	}
	return n
}

func (s *stream) deleteConsumer(name string) bool {
	d := s.durables[name]
	if d == nil {
		return false
	}
	delete(s.durables, name)
	d.endAll(statusDeleted)
	d.waiting, d.pending = nil, nil
	d.timer.Stop()
	return true
}

// info is what the server says of the stream.
func (s *stream) info() *jetstream.StreamInfo {
	state := jetstream.StreamState{Msgs: uint64(len(s.messages)), LastSeq: s.last, FirstSeq: s.last + 1, Consumers: len(s.durables)}
	if len(s.messages) > 0 {
		state.FirstSeq = slices.Min(slices.Collect(maps.Keys(s.messages)))
		state.FirstTime = s.messages[state.FirstSeq].at
	}
	return &jetstream.StreamInfo{Config: s.config, Created: s.created, State: state}
}

// matches reports whether a subject is one of a pattern, in which * stands for one token.
func matches(pattern, subject string) bool {
	for {
		p, restP, moreP := strings.Cut(pattern, ".")
		t, restT, moreT := strings.Cut(subject, ".")
		if p != t && p != "*" || moreP != moreT {
			return false
		}
		if !moreP {
			return true
		}
		pattern, subject = restP, restT
	}
}
