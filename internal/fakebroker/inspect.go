package fakebroker

import "github.com/nats-io/nats.go/jetstream"

// Holds returns the id of the message at a place of a stream, and whether it is there.
func (b *Broker) Holds(stream string, sequence uint64) (id string, held bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.streams[stream]; s != nil && s.messages[sequence] != nil {
		return s.messages[sequence].header.Get(jetstream.MsgIDHeader), true
	}
	return "", false
}

// Subjects returns those of the messages that a stream holds, in their order.
func (b *Broker) Subjects(stream string) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[stream]
	if s == nil {
		return nil
	}
	var subjects []string
	for sequence := uint64(1); sequence <= s.last; sequence++ {
		if m := s.messages[sequence]; m != nil {
			subjects = append(subjects, m.subject)
		}
	}
	return subjects
}

// Bodies is Subjects for what the messages say, to be read only.
func (b *Broker) Bodies(stream string) (bodies [][]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[stream]
	if s == nil {
		return nil
	}
	for sequence := uint64(1); sequence <= s.last; sequence++ {
		if m := s.messages[sequence]; m != nil {
			bodies = append(bodies, m.data)
		}
	}
	return bodies
}

// Left returns how many messages of a subject, in which * stands for one token, there
// are in all streams.
func (b *Broker) Left(subject string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for _, s := range b.streams {
		for _, m := range s.messages {
			if matches(subject, m.subject) {
				n++
			}
		}
	}
	return n
}

// Unacked returns how many messages of a durable consumer were handed out and not
// acknowledged.
func (b *Broker) Unacked(stream, name string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.streams[stream]; s != nil && s.durables[name] != nil {
		return len(s.durables[name].pending)
	}
	return 0
}
