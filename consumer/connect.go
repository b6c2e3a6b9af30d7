package consumer

import (
	"time"

	"github.com/nats-io/nats.go"
)

// How a dead connection is noticed: with no sign of life from the server for two
// pings and the third one due, after 20 to 30 s. The library's own settings take six
// minutes, which is how long the queue would stand still behind a router that lost
// its tables.
const (
	pingEvery = 10 * time.Second
	pingsOut  = 2
	dialTime  = 2 * time.Second
	redial    = 500 * time.Millisecond
)

// PublishOptions are for the connection of a [Publisher]. Nothing is buffered while
// it is broken: a buffered job would look sent and may never be. The publisher waits
// for the connection instead. The first attempt to connect fails at once.
func PublishOptions() []nats.Option {
	return append(connectOptions("specstar-worker publish"), nats.ReconnectBufSize(-1))
}

// pulledMost is how many messages, the server's own among them, may be waiting to be looked
// at, and half of it the most that one pull asks for. The library makes room for all of
// them with each pull.
const pulledMost = 8 << 10

// ConsumeOptions are for the connection of a [Consumer], which should be another than
// the publisher's: pulled messages and what is sent do not wait for each other then.
// Acknowledgements are buffered while it is broken; one that is lost after all costs a
// redelivery, which finds the job done. It waits for a server that is not there yet.
func ConsumeOptions() []nats.Option {
	return append(connectOptions("specstar-worker consume"), nats.RetryOnFailedConnect(true), nats.SyncQueueLen(pulledMost))
}

func connectOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name), nats.MaxReconnects(-1), nats.IgnoreAuthErrorAbort(), nats.Timeout(dialTime),
		nats.ReconnectWait(redial), nats.ReconnectJitter(redial/2, redial/2),
		nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(pingsOut),
	}
}
