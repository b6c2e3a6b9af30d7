package consumer

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

const (
	// ackTimeout is how long the server may take to confirm.
	ackTimeout = 5 * time.Second
	// letterDelay is how long a job waits whose dead letter could not be published.
	letterDelay = 30 * time.Second
)

// execute carries out a batch, answers each message, and returns those to keep until
// the store answers again.
func (l *loop) execute(ctx context.Context, f *flight) (keep []message) {
	verdicts, err := f.verdicts(ctx)
	if ctx.Err() != nil && l.kind == jobs.KindSave {
		f.afterEarlier() // what is handed back now comes again in this order
	}
	if err != nil {
		l.log.Error("executor failed, messages are handed back", zap.Error(err), stackOf(err))
		for _, m := range f.messages {
			l.nak(m, letterDelay)
		}
		return nil
	}
	took := time.Since(f.begun)
	l.stats.observe(took)
	l.park(ctx, f.deliveries, verdicts)
	answering := time.Now()
	var soon announcements
	for i, m := range f.messages {
		switch v, at := verdicts[i], f.deliveries[i].Sequence; {
		case v.Action == jobs.ActionPause:
			l.gate.trip(v.Err)
			l.stats.paused.Add(1)
			keep = append(keep, m)
		case v.Action == jobs.ActionAck && v.Event != nil:
			soon.add(v.Event, m, at)
		default:
			l.answer(ctx, m, v, at)
		}
		l.report(f.deliveries[i], verdicts[i], took)
	}
	if len(soon) < len(f.messages) {
		l.cfg.Observer.Answered(l.kind != jobs.KindSave, time.Since(answering))
	}
	l.announce(ctx, soon)
	return keep
}

func (l *loop) delivery(m message) jobs.Delivery {
	d := jobs.Delivery{
		Job: m.Header(headerJob), MessageID: m.Header(jetstream.MsgIDHeader),
		ContentType: m.Header(headerType), Subject: m.Subject(), Body: m.Data(), Headers: m.Headers(), Number: 1,
	}
	if text := m.Header(headerOrigin); text != "" {
		if origin, err := storage.ParseOrigin(text); err == nil {
			d.Origin = origin
		}
	}
	at, err := m.Place()
	if err != nil {
		l.progress.lose()
		return d
	}
	l.progress.came(at)
	d.Published, d.Number = at.published, at.delivered
	d.Place, d.Epoch, d.Sequence = at.name, at.epoch, at.sequence
	if text := m.Header(headerSubmitted); text != "" {
		if first, err := strconv.ParseInt(text, 10, 64); err == nil {
			d.Published = time.UnixMicro(first).UTC()
		}
	}
	if at.sequence <= l.former {
		d.Number++
	}
	return d
}

// answer does with the message at a place of the stream what the verdict says.
func (l *loop) answer(ctx context.Context, m message, v jobs.Verdict, at uint64) {
	switch v.Action {
	case jobs.ActionAck:
		l.ack(ctx, m)
		l.progress.done(at)
	case jobs.ActionBury:
		l.burySoon(ctx, m, v)
	default:
		l.stats.retried.Add(1)
		l.nak(m, v.After)
	}
}

// ack acknowledges. A lost acknowledgement means another delivery, which finds
// the job's row final; so only long jobs, whose delivery would keep a slot busy,
// wait for the confirmation.
func (l *loop) ack(ctx context.Context, m message) {
	var err error
	if l.kind == jobs.KindSave {
		err = m.Ack()
	} else {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackTimeout)
		err = m.DoubleAck(ctx)
		cancel()
	}
	if err != nil {
		l.stats.ackFailed.Add(1)
		l.log.Debug("acknowledgement not sent", zap.Error(err))
		return
	}
	l.stats.acked.Add(1)
}

// nak has the message handed out again after d.
func (l *loop) nak(m message, d time.Duration) {
	if err := m.Nak(d); err != nil {
		l.log.Debug("message not handed back, the server will do so by itself", zap.Error(err))
	}
}

// handBack returns the messages whose job has not begun, in their order.
func (l *loop) handBack() {
	for _, m := range l.hand.empty() {
		l.stats.handedBack.Add(1)
		l.stats.inFlight.Add(-1)
		l.nak(m, 0)
	}
}

// report writes the job's line in the log; no payload is in it.
func (l *loop) report(d jobs.Delivery, v jobs.Verdict, took time.Duration) {
	entry := l.log.Check(lineOf(v))
	if entry == nil {
		return
	}
	fields := []zap.Field{
		zap.String("job_id", v.Text), zap.String("kind", string(v.Kind)), zap.String("model", v.Model),
		zap.String("state", string(v.State)), zap.Int("attempt", v.Attempt), zap.Int("delivery", d.Number),
		zap.Duration("took", took),
	}
	if v.Operations > 0 {
		fields = append(fields, zap.Int("operations", v.Operations), zap.Int("refused", v.Refused), zap.Int("superseded", v.Superseded))
	}
	if v.Code != "" || v.Err != nil {
		fields = append(fields, zap.String("code", v.Code), zap.Error(v.Err))
	}
	fields = append(fields, stackOf(v.Err))
	switch {
	case v.Action == jobs.ActionAck && !v.NotBefore.IsZero():
		fields = append(fields, zap.Time("until", v.NotBefore))
	case v.Action == jobs.ActionRetry && v.Code != jobs.CodeShutdown:
		fields = append(fields, zap.Duration("after", v.After))
	}
	entry.Write(fields...)
}

// stackOf returns the stack of a panic, nothing of another error.
func stackOf(err error) zap.Field {
	if p, ok := errors.AsType[*jobs.PanicError](err); ok {
		return zap.ByteString("stack", p.Stack)
	}
	return zap.Skip()
}

// lineOf returns the level and the text of a job's line.
func lineOf(v jobs.Verdict) (zapcore.Level, string) {
	switch {
	case v.Action == jobs.ActionAck && !v.NotBefore.IsZero():
		return zap.InfoLevel, "job waits in the ledger"
	case v.Action == jobs.ActionAck:
		return zap.InfoLevel, "job ended"
	case v.Action == jobs.ActionBury:
		return zap.ErrorLevel, "job given up"
	case v.Action == jobs.ActionPause:
		return zap.DebugLevel, "job waits for the store" // the outage itself is told once
	case v.Code == jobs.CodeShutdown:
		return zap.InfoLevel, "job handed back" // as asked: nothing went wrong
	}
	return zap.WarnLevel, "job will be retried"
}
