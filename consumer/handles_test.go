package consumer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
)

// fakeMessage records what is done with it.
type fakeMessage struct {
	sequence uint64
	body     string

	mu      sync.Mutex
	acks    int
	naks    []time.Duration
	beats   int
	settled chan struct{}
}

func newFakeMessage(seq uint64, body string) *fakeMessage {
	return &fakeMessage{sequence: seq, body: body, settled: make(chan struct{})}
}

func (m *fakeMessage) Subject() string      { return "specstar.test.jobs.normal.save" }
func (m *fakeMessage) Data() []byte         { return []byte(m.body) }
func (m *fakeMessage) Header(string) string { return "" }

func (m *fakeMessage) Headers() map[string][]string { return nil }

func (m *fakeMessage) Place() (place, error) {
	return place{sequence: m.sequence, delivered: 1, published: time.Now()}, nil
}

func (m *fakeMessage) Ack() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acks++
	close(m.settled)
	return nil
}

func (m *fakeMessage) DoubleAck(context.Context) error { return m.Ack() }

func (m *fakeMessage) Nak(d time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.naks = append(m.naks, d)
	close(m.settled)
	return nil
}

func (m *fakeMessage) InProgress() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beats++
	return nil
}

func (m *fakeMessage) inProgress() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.beats
}

// handedBack returns the delays with which the message was handed back.
func (m *fakeMessage) handedBack() []time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.naks)
}

// fakeSource hands out what is put into its channel.
type fakeSource struct {
	messages chan message
	fail     atomic.Pointer[error]
	fetches  atomic.Int64
}

func (s *fakeSource) fetch(ctx context.Context, n, _ int, take func(message)) error {
	s.fetches.Add(1)
	if err := s.fail.Load(); err != nil {
		return *err
	}
	wait, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	for range n {
		select {
		case m := <-s.messages:
			take(m)
		case <-wait.Done():
			return nil
		}
	}
	return nil
}

// fakeExecutor answers with a function.
type fakeExecutor struct {
	execute func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict
	probe   func() error
}

// Open implements [Executor].
func (x fakeExecutor) Open(ds []jobs.Delivery) jobs.Batch { return fakeBatch{x, ds} }

// fakeBatch is a batch of a [fakeExecutor].
type fakeBatch struct {
	executor   fakeExecutor
	deliveries []jobs.Delivery
}

// Run implements [jobs.Batch].
func (b fakeBatch) Run(ctx context.Context) []jobs.Verdict {
	return b.executor.execute(ctx, b.deliveries)
}

// Close implements [jobs.Batch].
func (fakeBatch) Close() {}

// Park implements [Executor]: nothing waits elsewhere.
func (fakeExecutor) Park(_ context.Context, _ []jobs.Delivery, vs []jobs.Verdict) []jobs.Verdict {
	return vs
}

func (x fakeExecutor) Probe(context.Context) error {
	if x.probe == nil {
		return nil
	}
	return x.probe()
}

// startFake starts one loop of saves on a fake source.
func startFake(t *testing.T, x fakeExecutor, src *fakeSource, batch int) *Handles {
	t.Helper()
	c, err := New(Config{Executor: x, Batch: batch})
	if err != nil {
		t.Fatal(err)
	}
	l := c.newLoop(durable{jobs.LaneNormal, jobs.KindSave})
	l.bind = func(context.Context) (bound, error) { return bound{source: src, ackWait: time.Minute}, nil }
	if err := l.rebind(t.Context()); err != nil {
		t.Fatal(err)
	}
	return launch(t.Context(), c.cfg, []*loop{l}, nil)
}

func ackAll(_ context.Context, ds []jobs.Delivery) []jobs.Verdict {
	return make([]jobs.Verdict, len(ds))
}

func TestNoHandlesWithoutAQueue(t *testing.T) {
	c, err := New(Config{Executor: fakeExecutor{execute: ackAll}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := c.StartConsume(t.Context())
	if !errors.Is(err, ErrNoQueue) || len(h.All()) != 0 {
		t.Fatalf("StartConsume = %v, %v", h, err)
	}
	if err := h.Join(t.Context()); err != nil || h.Err() != nil {
		t.Fatalf("Join of none = %v, Err = %v", err, h.Err())
	}
	h.Stop()
	h.Abort(nil)
	<-h.Done()
	if err := c.Consume(t.Context()); !errors.Is(err, ErrNoQueue) {
		t.Fatalf("Consume = %v", err)
	}
}

func TestJoinWaitsAndMayBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{messages: make(chan message)}
		h := startFake(t, fakeExecutor{execute: ackAll}, src, 10)
		short, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := h.Join(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Join while running = %v", err)
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if err := h.Join(t.Context()); err != nil {
					t.Errorf("Join = %v", err)
				}
			})
		}
		h.Stop()
		h.Stop()
		wg.Wait()
		for _, one := range h.All() {
			if err := one.Join(t.Context()); err != nil || one.Err() != nil {
				t.Fatalf("%s: %v", one.Name(), err)
			}
		}
		if h.Err() != nil {
			t.Fatalf("Err after Stop = %v", h.Err())
		}
	})
}

func TestStopFinishesWhatRunsAndHandsBackTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, end := make(chan struct{}), make(chan struct{})
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			close(begun)
			<-end
			if ctx.Err() != nil {
				t.Error("Stop cancelled a running job")
			}
			return ackAll(ctx, ds)
		}}
		src := &fakeSource{messages: make(chan message, 10)}
		h := startFake(t, x, src, 1)
		running, waiting := newFakeMessage(1, "a"), newFakeMessage(2, "b")
		src.messages <- running
		<-begun
		src.messages <- waiting
		synctest.Wait()
		h.Stop()
		<-waiting.settled
		if len(waiting.naks) != 1 || waiting.naks[0] != 0 {
			t.Fatalf("the waiting message was handed back with %v", waiting.naks)
		}
		select {
		case <-h.Done():
			t.Fatal("done while a job runs")
		default:
		}
		close(end)
		<-h.Done()
		if running.acks != 1 || waiting.acks != 0 {
			t.Fatalf("acks: %d and %d", running.acks, waiting.acks)
		}
	})
}

func TestAbortCancelsRunningJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("grace is over")
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			<-ctx.Done()
			return []jobs.Verdict{{Action: jobs.ActionRetry, Err: context.Cause(ctx)}}
		}}
		src := &fakeSource{messages: make(chan message, 1)}
		h := startFake(t, x, src, 1)
		m := newFakeMessage(1, "a")
		src.messages <- m
		synctest.Wait()
		h.Abort(cause)
		if err := h.Join(t.Context()); !errors.Is(err, cause) || !errors.Is(h.Err(), cause) {
			t.Fatalf("Join = %v, Err = %v", err, h.Err())
		}
		if len(m.naks) != 1 || m.naks[0] != 0 {
			t.Fatalf("handed back with %v", m.naks)
		}
	})
}

func TestSavesGatherWhileABatchIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			sizes = append(sizes, len(ds))
			time.Sleep(time.Second)
			return ackAll(ctx, ds)
		}}
		src := &fakeSource{messages: make(chan message, 100)}
		h := startFake(t, x, src, 4)
		for i := range 10 {
			src.messages <- newFakeMessage(uint64(i+1), "x")
			synctest.Wait()
		}
		time.Sleep(10 * time.Second)
		h.Stop()
		<-h.Done()
		want := []int{1, 4, 4, 1}
		if len(sizes) != len(want) {
			t.Fatalf("batches of %v, want %v", sizes, want)
		}
		for i := range want {
			if sizes[i] != want[i] {
				t.Fatalf("batches of %v, want %v", sizes, want)
			}
		}
	})
}

func TestMessagesInHandAreKeptAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			time.Sleep(10 * time.Minute)
			return ackAll(ctx, ds)
		}}
		src := &fakeSource{messages: make(chan message, 2)}
		h := startFake(t, x, src, 1)
		a, b := newFakeMessage(1, "a"), newFakeMessage(2, "b")
		src.messages <- a
		synctest.Wait()
		src.messages <- b
		time.Sleep(9 * time.Minute)
		if a.inProgress() < 26 || b.inProgress() < 26 {
			t.Fatalf("%d and %d beats in 9 minutes", a.inProgress(), b.inProgress())
		}
		h.Stop()
		<-h.Done()
	})
}

func TestLossesAreRecoveredFromOrReported(t *testing.T) {
	lost, wrong := errors.New("pull lost"), &settingError{errors.New("max_deliver is 5")}
	for name, tc := range map[string]struct {
		bindErr error
		want    error
	}{
		"bound again":   {nil, nil},
		"wrong setting": {wrong, wrong},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := &fakeSource{messages: make(chan message, 1)}
				c, err := New(Config{Executor: fakeExecutor{execute: ackAll}})
				if err != nil {
					t.Fatal(err)
				}
				l := c.newLoop(durable{jobs.LaneNormal, jobs.KindSave})
				l.from = bound{source: src, ackWait: time.Minute}
				src.fail.Store(&lost)
				l.bind = func(context.Context) (bound, error) {
					src.fail.Store(nil)
					return l.from, tc.bindErr
				}
				h := launch(t.Context(), c.cfg, []*loop{l}, nil)
				if tc.want != nil {
					if err := h.Join(t.Context()); !errors.Is(err, tc.want) || !errors.Is(h.Err(), tc.want) {
						t.Fatalf("Join = %v, want %v", err, tc.want)
					}
					return
				}
				begin := time.Now()
				m := newFakeMessage(1, "a")
				src.messages <- m
				<-m.settled
				if took := time.Since(begin); took > 2*time.Second {
					t.Fatalf("recovered after %s", took)
				}
				h.Stop()
				<-h.Done()
			})
		})
	}
}

func TestPauseStopsPullingUntilTheProbeAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		x := fakeExecutor{
			execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
				if down.Load() {
					return []jobs.Verdict{{Action: jobs.ActionPause, After: time.Second}}
				}
				return ackAll(ctx, ds)
			},
			probe: func() error {
				if down.Load() {
					return errors.New("down")
				}
				return nil
			},
		}
		src := &fakeSource{messages: make(chan message, 2)}
		h := startFake(t, x, src, 1)
		first, second := newFakeMessage(1, "a"), newFakeMessage(2, "b")
		src.messages <- first
		time.Sleep(2 * time.Second)
		synctest.Wait()
		before := src.fetches.Load()
		if len(first.handedBack()) != 0 {
			t.Fatal("a short outage changes the order: the message was handed back")
		}
		<-first.settled
		if len(first.naks) != 1 || first.naks[0] != 0 {
			t.Fatalf("a long outage: the message was handed back with %v", first.naks)
		}
		time.Sleep(time.Hour)
		if after := src.fetches.Load(); after != before {
			t.Fatalf("%d pulls during the outage", after-before)
		}
		down.Store(false)
		src.messages <- second
		<-second.settled
		if second.acks != 1 {
			t.Fatal("the second message was not done after the outage")
		}
		h.Stop()
		<-h.Done()
	})
}

// TestStoreThatAnswersButCannotBeWrittenTo is tried less and less often.
func TestStoreThatAnswersButCannotBeWrittenTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		x := fakeExecutor{execute: func(context.Context, []jobs.Delivery) []jobs.Verdict {
			tries++
			return []jobs.Verdict{{Action: jobs.ActionPause}}
		}}
		src := &fakeSource{messages: make(chan message, 1)}
		h := startFake(t, x, src, 1)
		src.messages <- newFakeMessage(1, "a")
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if tries < 150 || tries > 160 {
			t.Fatalf("tried %d times in ten minutes", tries)
		}
		h.Stop()
		<-h.Done()
	})
}

// TestShortOutageKeepsTheOrder: what was being written when the store went down
// comes before what was fetched behind it.
func TestShortOutageKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tried []string
		x := fakeExecutor{execute: func(ctx context.Context, ds []jobs.Delivery) []jobs.Verdict {
			vs := ackAll(ctx, ds)
			for i, d := range ds {
				tried = append(tried, string(d.Body))
				if len(tried) == 2 {
					time.Sleep(time.Second)
					vs[i].Action = jobs.ActionPause
				}
			}
			return vs
		}}
		src := &fakeSource{messages: make(chan message, 10)}
		h := startFake(t, x, src, 1)
		for i, body := range []string{"a", "b", "c", "d"} {
			src.messages <- newFakeMessage(uint64(i+1), body)
		}
		time.Sleep(10 * time.Second)
		h.Stop()
		<-h.Done()
		if got := strings.Join(tried, ""); got != "abbcd" {
			t.Fatalf("tried in the order %s", got)
		}
	})
}

// TestAbortHandsBackInOrder: the message that was being worked on was sent first.
func TestAbortHandsBackInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := fakeExecutor{execute: func(ctx context.Context, _ []jobs.Delivery) []jobs.Verdict {
			<-ctx.Done()
			time.Sleep(time.Second)
			return []jobs.Verdict{{Action: jobs.ActionRetry}}
		}}
		src := &fakeSource{messages: make(chan message, 10)}
		h := startFake(t, x, src, 1)
		running, waiting := newFakeMessage(1, "a"), newFakeMessage(2, "b")
		src.messages <- running
		src.messages <- waiting
		synctest.Wait()
		h.Abort(nil)
		<-waiting.settled
		select {
		case <-running.settled:
		default:
			t.Fatal("the later message was handed back first")
		}
		<-h.Done()
	})
}

func TestPanicOfTheExecutorHandsMessagesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := fakeExecutor{execute: func(context.Context, []jobs.Delivery) []jobs.Verdict { panic("bug") }}
		src := &fakeSource{messages: make(chan message, 1)}
		h := startFake(t, x, src, 1)
		m := newFakeMessage(1, "a")
		src.messages <- m
		<-m.settled
		if len(m.naks) != 1 {
			t.Fatal("the message was not handed back")
		}
		h.Stop()
		if err := h.Join(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
