package consumer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// source hands out messages of one durable consumer.
type source interface {
	// fetch asks for at most n messages of bytes together, 0 for any, and calls take
	// with each as it comes. It returns when it has them, when it has waited long enough, or,
	// when ctx ends, once every message that the server had sent was taken.
	fetch(ctx context.Context, n, bytes int, take func(message)) error
}

// fetchWait is how long one pull waits for messages, and fetchGrace how much later the
// server's word about its end may come. While it waits the server shows every
// fetchBeat that it knows of the pull: one that was lost on the way is silent for
// fetchSilence and asked again.
const (
	fetchWait    = time.Second
	fetchGrace   = 500 * time.Millisecond
	fetchBeat    = fetchWait / 2
	fetchSilence = 2 * fetchBeat
)

// errSilent is a pull of which the server did not show that it knows.
var errSilent = errors.New("the server does not show that it knows of the pull")

// errPull is a pull that the server ended for a reason worth a look.
var errPull = errors.New("the server ended the pull")

// errOversized is a pull that brought nothing since the next message is larger than
// what was asked for.
var errOversized = errors.New("the next message is too large for a pull")

// puller is the source behind a JetStream connection.
type puller struct {
	link    Link
	subject string
	// stream is the stream's name and when it was made, by its own clock: one that is
	// made anew counts from 1 again. epoch is the latter as rows of jobs have it.
	stream string
	epoch  int64
}

func newPuller(c Config, stream jetstream.Stream, durable string) *puller {
	o := c.js().Options()
	prefix := o.APIPrefix
	switch {
	case o.Domain != "":
		prefix = "$JS." + o.Domain + ".API."
	case prefix == "":
		prefix = jetstream.DefaultAPIPrefix
	}
	prefix = strings.TrimSuffix(prefix, ".")
	info := stream.CachedInfo()
	return &puller{
		link: c.Link, subject: prefix + ".CONSUMER.MSG.NEXT." + info.Config.Name + "." + durable,
		stream: fmt.Sprintf("%s:%d", info.Config.Name, info.Created.UnixNano()), epoch: epochOf(info),
	}
}

func (p *puller) fetch(ctx context.Context, n, bytes int, take func(message)) error {
	if p.link.IsReconnecting() {
		// The request would wait in a buffer and come when nobody listens any more.
		return nats.ErrDisconnected
	}
	n = min(n, pulledMost/2)
	inbox := p.link.NewInbox()
	sub, err := p.link.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer func() { _ = sub.Unsubscribe() }()
	request, err := json.Marshal(pullRequest{Expires: fetchWait, Batch: n, MaxBytes: bytes, Heartbeat: fetchBeat})
	if err != nil {
		return err
	}
	if err := p.link.PublishRequest(p.subject, inbox, request); err != nil {
		return err
	}
	limit, done := context.WithTimeout(ctx, fetchWait+fetchGrace)
	defer done()
	wait, cancel := context.WithCancelCause(limit)
	defer cancel(nil)
	silent := time.AfterFunc(fetchSilence, func() { cancel(errSilent) })
	defer silent.Stop()
	for got := 0; got < n; {
		m, err := sub.NextMsgWithContext(wait)
		if err != nil {
			return p.interrupted(ctx, sub, cmp.Or(context.Cause(wait), err), take)
		}
		silent.Reset(fetchSilence)
		if !isJob(m) {
			if done, err := statusOf(m, got); done {
				return err
			}
			continue
		}
		take(&pulled{m, p.link, p.stream, p.epoch})
		got++
	}
	return nil
}

// pullRequest is what the server is asked.
type pullRequest struct {
	Expires   time.Duration `json:"expires"`
	Batch     int           `json:"batch"`
	MaxBytes  int           `json:"max_bytes,omitempty"`
	Heartbeat time.Duration `json:"idle_heartbeat"`
}

// interrupted ends a pull before the server does. The subscription is given up
// first and the connection flushed: whatever the server sent before it knew is
// here then, and taken. Otherwise it would be out of reach until its AckWait.
func (p *puller) interrupted(ctx context.Context, sub Inbox, err error, take func(message)) error {
	silent := errors.Is(err, errSilent)
	if ctx.Err() == nil && !silent && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err := sub.Drain(); err != nil {
		return err
	}
	if err := p.link.FlushTimeout(fetchGrace); err != nil && silent {
		return fmt.Errorf("%w: %w", errSilent, err)
	} else if err != nil {
		return err
	}
	for {
		m, err := sub.NextMsg(time.Millisecond)
		if err != nil && silent {
			return errSilent
		}
		if err != nil {
			return nil
		}
		if isJob(m) {
			take(&pulled{m, p.link, p.stream, p.epoch})
		}
	}
}

// isJob tells a job's message from the server's own, which cannot be acknowledged.
func isJob(m *nats.Msg) bool { return strings.HasPrefix(m.Reply, "$JS.ACK.") }

// statusOf reads a message of the server: whether it ends the pull, which has brought
// got messages, and why.
func statusOf(m *nats.Msg, got int) (done bool, err error) {
	status, text := m.Header.Get("Status"), m.Header.Get("Description")
	lower := strings.ToLower(text)
	switch {
	case status == "100":
		return false, nil
	case status == "404", status == "408":
		return true, nil
	case status == "409" && got == 0 && strings.Contains(lower, "maxbytes"):
		return true, errOversized
	case status == "409" && (strings.Contains(lower, "maxbytes") || strings.Contains(lower, "batch completed")):
		return true, nil
	case status == "503":
		return true, fmt.Errorf("%w: no such durable consumer is there", errPull)
	}
	return true, fmt.Errorf("%w: %s %s", errPull, status, text)
}
