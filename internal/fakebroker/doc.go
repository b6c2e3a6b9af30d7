// Package fakebroker is a work queue in memory with the habits of a JetStream server:
// pulls with heartbeats and ends, AckWait, redelivery, naks with delay that count as
// pending, acknowledgements that come late and are taken all the same, durable consumers
// that are deleted, leaders that change, ids that are remembered for a while. It loses,
// delays and cuts what it is told to, and keeps the time of the program's clock, so that
// it works in a bubble of testing/synctest.
//
// A [Conn] is a consumer.Link, what [Conn.JetStream] returns manages streams. That the
// broker does what a server does is shown by a test that plays the same scripts to both.
// It knows what the worker uses and no more: durable pull consumers that acknowledge each
// message, with one filter, on streams of one replica or of a group whose leader changes.
package fakebroker
