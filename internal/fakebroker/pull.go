package fakebroker

import (
	"encoding/json"
	"slices"
	"time"
)

// nextPrefix is where messages are asked for.
const nextPrefix = "$JS.API.CONSUMER.MSG.NEXT."

// pull is a request for messages that waits.
type pull struct {
	to      *sub
	reply   string
	left    int
	bytes   int // 0: any, or none are left
	expires time.Time
	beat    time.Duration
	beaten  time.Time
	id      uint64
}

// request notes a request for messages.
func (d *durable) request(data []byte, reply string, id uint64) {
	var r struct {
		Expires   time.Duration `json:"expires"`
		Batch     int           `json:"batch"`
		MaxBytes  int           `json:"max_bytes"`
		Heartbeat time.Duration `json:"idle_heartbeat"`
	}
	to := d.broker.inboxes[reply]
	if json.Unmarshal(data, &r) != nil || to == nil {
		return
	}
	if r.Heartbeat > r.Expires/2 {
		to.conn.down.send(func() { to.put(statusBeats.message(reply)) })
		return
	}
	now := time.Now()
	d.waiting = append(d.waiting, &pull{
		to: to, reply: reply, left: max(r.Batch, 1), bytes: r.MaxBytes,
		expires: now.Add(r.Expires), beat: r.Heartbeat, beaten: now, id: id << 16,
	})
	d.deliver()
}

// nextPull returns the pull that gets the next message, of size bytes. Those that it does
// not fit into have come to their end.
func (d *durable) nextPull(size int) *pull {
	now := time.Now()
	for len(d.waiting) > 0 {
		p := d.waiting[0]
		switch {
		case !now.Before(p.expires):
			d.end(p, statusExpired)
		case p.bytes > 0 && size > p.bytes:
			d.end(p, statusSize)
		case d.broker.inboxes[p.reply] != p.to:
			d.end(p, nil)
		default:
			d.waiting = append(d.waiting[1:], p) // the others come first next time
			if p.bytes > 0 {
				if p.bytes -= size; p.bytes == 0 {
					p.left = 1
				}
			}
			return p
		}
	}
	return nil
}

// end ends a pull, and tells its client why unless the status is nil.
func (d *durable) end(p *pull, s *status) {
	d.waiting = slices.DeleteFunc(d.waiting, func(w *pull) bool { return w == p })
	if s != nil {
		p.to.conn.down.send(func() { p.to.put(s.message(p.reply)) })
	}
}

func (d *durable) endAll(s *status) {
	for len(d.waiting) > 0 {
		d.end(d.waiting[0], s)
	}
}

// lookAfter ends the pulls whose time is over and shows the others that they are known.
func (d *durable) lookAfter(now time.Time) {
	for _, p := range slices.Clone(d.waiting) {
		switch {
		case !now.Before(p.expires):
			d.end(p, statusExpired)
		case d.broker.inboxes[p.reply] != p.to:
			d.end(p, nil)
		case p.beat > 0 && now.Sub(p.beaten) >= p.beat && !d.broker.nobody:
			p.beaten = now
			p.id++
			if !d.broker.options.Lose(LoseBeat, p.id) {
				p.to.conn.down.send(func() { p.to.put(statusBeat.message(p.reply)) })
			}
		}
	}
}
