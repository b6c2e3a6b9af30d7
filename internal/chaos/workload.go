package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// savedModel is what is saved, loadedModel what archives hold.
const (
	savedModel  = "event"
	loadedModel = "item"
)

const (
	// publishWait is how long a client waits for the queue, publishTries how often it
	// sends a message: its id makes that safe.
	publishWait  = 3 * time.Second
	publishTries = 8
)

// clients save, patch, delete, restore and read.
type clients struct {
	seed      uint64
	resources int
	pause     time.Duration // between two saves of one client
	namespace string
	js        jetstream.JetStream
	metas     storage.MetaStore
	history   *Recorder
	tracker   *tracker
}

// run lets n clients work until ctx ends.
func (c *clients) run(ctx context.Context, n int) {
	var wg sync.WaitGroup
	for i := range n {
		one := &client{clients: c, number: i + 1, random: rand.New(rand.NewPCG(c.seed, uint64(i+1)))}
		wg.Go(func() { one.run(ctx) })
	}
	wg.Wait()
}

// client is one of them: what it sends is decided by the seed alone, but for the
// revisions that it expects.
type client struct {
	*clients
	number, sent int
	random       *rand.Rand
}

func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.save(ctx)
		if c.random.IntN(10) == 0 {
			c.look(ctx, c.someone())
		}
		sleep(ctx, time.Duration(float64(c.pause)*(0.5+c.random.Float64())))
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// someone returns one of the resources; a few are wanted far more often.
func (c *client) someone() resource.ID {
	n := c.random.IntN(c.resources)
	if c.random.IntN(4) == 0 {
		n %= 5
	}
	return resource.ID(fmt.Sprintf("%s:%05d", savedModel, n))
}

// save submits one job of one operation or several.
func (c *client) save(ctx context.Context) {
	c.sent++
	n := 1
	if c.random.IntN(20) == 0 {
		n = 2 + c.random.IntN(20)
	}
	e := jobs.Envelope{
		ID:    uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d/%d/%d", c.seed, c.number, c.sent)).String(),
		Model: savedModel, User: fmt.Sprint("client-", c.number), Time: time.Now().UTC().Truncate(time.Microsecond),
	}
	var ops []manager.Operation
	invoked := Event{Kind: Invoked, Client: c.number, Job: e.ID, What: string(jobs.KindSave)}
	for k := range n {
		op, told := c.operation(ctx, fmt.Sprintf("t%d-%d-%d", c.number, c.sent, k))
		ops, invoked.Ops = append(ops, op), append(invoked.Ops, told)
	}
	e.Args = jobs.Save{Operations: ops}
	c.history.Add(invoked)
	seq, err := c.publish(ctx, e)
	if err != nil {
		c.history.Add(Event{Kind: Unknown, Client: c.number, Job: e.ID, Note: err.Error()})
		return
	}
	c.history.Add(Event{Kind: Accepted, Client: c.number, Job: e.ID, Sequence: seq})
	c.tracker.follow(e.ID, true)
}

// operation draws one.
func (c *client) operation(ctx context.Context, token string) (manager.Operation, Op) {
	o := manager.Operation{ResourceID: c.someone()}
	told := Op{Resource: o.ResourceID, Token: token}
	data, _ := json.Marshal(map[string]any{"token": token, "client": c.number, "n": c.sent, "even": c.sent%2 == 0})
	switch k := c.random.IntN(100); {
	case k < 55:
		o.Op, o.Data = manager.OpUpsert, data
	case k < 60:
		o.Op, o.Data = manager.OpUpdate, data
	case k < 73: // conditional
		o.Op, o.Data = manager.OpUpdate, data
		o.ExpectedRevisionID = c.look(ctx, o.ResourceID)
		told.Expected = o.ExpectedRevisionID
	case k < 86:
		o.Op = manager.OpPatch
		o.Data, _ = json.Marshal(map[string]any{"token": token, fmt.Sprint("p", c.random.IntN(4)): c.sent})
	case k < 90:
		o.Op, o.Data = manager.OpCreate, data
		o.ResourceID = resource.ID(fmt.Sprintf("%s:new-%s", savedModel, token))
		told.Resource = o.ResourceID
	case k < 95:
		o.Op, told.Token = manager.OpDelete, ""
	default:
		o.Op, told.Token = manager.OpRestore, ""
	}
	told.Op = string(o.Op)
	return o, told
}

// look reads a resource and returns its current revision, none when it has none or
// the store does not answer.
func (c *client) look(ctx context.Context, id resource.ID) resource.RevisionID {
	since := c.history.Now()
	ctx, cancel := context.WithTimeout(ctx, publishWait)
	defer cancel()
	m, err := c.metas.Get(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return ""
	}
	number, _ := m.CurrentRevisionID.Number()
	c.history.Add(Event{Kind: Read, Client: c.number, Since: since, Resource: id, Number: number})
	return m.CurrentRevisionID
}

// publish sends a job until the queue has it, and returns its place there.
func (c *client) publish(ctx context.Context, e jobs.Envelope) (seq uint64, err error) {
	body, err := e.Encode()
	if err != nil {
		return 0, err
	}
	return c.send(ctx, e.ID, e.Kind(), body)
}

// send is publish for a message.
func (c *client) send(ctx context.Context, id string, kind jobs.Kind, body []byte) (seq uint64, err error) {
	ctx = context.WithoutCancel(ctx) // one that was begun is brought to an end
	for try := range publishTries {
		m := &nats.Msg{Subject: jobs.Subject(c.namespace, jobs.LaneNormal, kind), Data: body, Header: nats.Header{}}
		m.Header.Set(jetstream.MsgIDHeader, id)
		once, cancel := context.WithTimeout(ctx, publishWait)
		var ack *jetstream.PubAck
		ack, err = c.js.PublishMsg(once, m)
		cancel()
		if err == nil {
			return ack.Sequence, nil
		}
		time.Sleep(time.Duration(try) * 100 * time.Millisecond)
	}
	return 0, err
}
