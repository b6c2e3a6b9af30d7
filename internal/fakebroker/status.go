package fakebroker

import "github.com/nats-io/nats.go"

// status is a message of the server itself: why a pull ended, or that it goes on. Their
// headers are shared, nobody writes them.
type status struct{ header nats.Header }

func newStatus(code, text string) *status {
	return &status{nats.Header{"Status": {code}, "Description": {text}}}
}

// The words are the server's.
var (
	statusBeat    = newStatus("100", "Idle Heartbeat")
	statusBeats   = newStatus("400", "Bad Request - heartbeat value too large")
	statusExpired = newStatus("408", "Request Timeout")
	statusSize    = newStatus("409", "Message Size Exceeds MaxBytes")
	statusDone    = newStatus("409", "Batch Completed")
	statusDeleted = newStatus("409", "Consumer Deleted")
	statusLeader  = newStatus("409", "Leadership Change")
	statusNobody  = newStatus("503", "")
)

// message returns the status as it is sent to an inbox; nil is an empty answer.
func (s *status) message(to string) *nats.Msg {
	m := &nats.Msg{Subject: to, Sub: bound}
	if s != nil {
		m.Header = s.header
	}
	return m
}

// bound makes messages look as if they had come by a subscription.
var bound = &nats.Subscription{}
