package chaos

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Headers of dead letters that name the job's row and tell when the job died.
const (
	headerKey  = "Specstar-Job-Key"
	headerDied = "Specstar-Last-Time"
)

// inspection reads the state that a run left, step by step.
type inspection struct {
	stand *Stand
	texts map[string]string // what is looked through for secrets, by where it is
	// miscounted: the queue does not know how often it delivered.
	miscounted bool
	// littered: it may keep messages of jobs that have ended; litter is how many it does.
	littered bool
	litter   uint64
	err      error
}

// beforeStop looks at what is there only while workers run.
func (n *inspection) beforeStop(ctx context.Context) {
	n.stand.fleet.allReady(ctx)
	client := http.Client{Timeout: 10 * time.Second}
	for _, address := range n.stand.fleet.addresses() {
		for _, path := range []string{"/metrics", "/jobs?limit=1000", "/readyz"} {
			resp, err := client.Get(address + path)
			if err != nil {
				n.fail(err)
				continue
			}
			b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
			n.fail(errors.Join(err, resp.Body.Close()))
			n.texts[address+path] = string(b)
		}
	}
}

// afterStop reads everything else.
func (n *inspection) afterStop(ctx context.Context) (*State, error) {
	s, err := readState(ctx, n.stand.store, n.stand.config.Layout.exact())
	if err != nil {
		return nil, err
	}
	n.queue(ctx, s)
	if !n.miscounted {
		n.deliveries(ctx, s)
	}
	n.commandLine(ctx, s)
	n.remains(ctx, s)
	for place, text := range n.texts {
		for i, secret := range secrets() {
			if strings.Contains(text, secret) {
				s.Leaks = append(s.Leaks, fmt.Sprintf("%s (number %d)", place, i+1))
			}
		}
	}
	return s, n.err
}

func (n *inspection) fail(err error) { n.err = errors.Join(n.err, err) }

// queue reads what the streams hold.
func (n *inspection) queue(ctx context.Context, s *State) {
	jobs, err := n.stand.js.Stream(ctx, n.stand.queue.StreamName())
	if err != nil {
		n.fail(err)
		return
	}
	s.Messages = jobs.CachedInfo().State.Msgs
	if n.littered {
		n.litter, s.Messages = s.Messages, 0
	}
	letters, err := n.stand.js.Stream(ctx, n.stand.queue.DeadName())
	if err != nil {
		n.fail(err)
		return
	}
	state := letters.CachedInfo().State
	for seq := state.FirstSeq; seq <= state.LastSeq && state.Msgs > 0; seq++ {
		m, err := letters.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			n.fail(err)
			return
		}
		died, err := time.Parse(time.RFC3339Nano, m.Header.Get(headerDied))
		n.fail(err)
		s.Letters = append(s.Letters, Letter{Job: m.Header.Get(headerKey), Died: died.UTC()})
		n.texts[fmt.Sprint("dead letter ", seq)] = fmt.Sprint(m.Header, string(m.Data))
	}
}

// deliveries counts what the consumers handed out. They are those of the whole run
// unless one was deleted.
func (n *inspection) deliveries(ctx context.Context, s *State) {
	stream, err := n.stand.js.Stream(ctx, n.stand.queue.StreamName())
	if err != nil {
		n.fail(err)
		return
	}
	list := stream.ListConsumers(ctx)
	s.Deliveries, s.Delivered = 0, 0
	for info := range list.Info() {
		s.Deliveries += int64(info.Delivered.Consumer)
	}
	n.fail(list.Err())
	s.Delivered = int64(stream.CachedInfo().State.LastSeq)
}

// commandLine asks the worker itself.
func (n *inspection) commandLine(ctx context.Context, s *State) {
	c := n.stand.commands
	fails := func(err error) {
		if err != nil {
			s.Failed = append(s.Failed, err.Error())
		}
	}
	out, err := c.run(ctx, "verify", "-o", "json")
	if json.Unmarshal(out, &s.Verified) != nil {
		fails(err)
	}
	_, err = c.run(ctx, "gc", "--delete", "--grace", "0s", "-o", "json")
	fails(err)
	var garbage struct{ Candidates int64 }
	if out, err = c.run(ctx, "gc", "--grace", "0s", "-o", "json"); err == nil {
		err = json.Unmarshal(out, &garbage)
	}
	fails(err)
	s.Garbage = garbage.Candidates
	fails(n.reload(ctx, s))
}

// reload dumps the store, loads that into an empty one and dumps it again.
func (n *inspection) reload(ctx context.Context, s *State) error {
	first, second := filepath.Join(n.stand.dir, "first.acbak"), filepath.Join(n.stand.dir, "second.acbak")
	if _, err := n.stand.commands.run(ctx, "dump", "--out", first, "-o", "json"); err != nil {
		return err
	}
	other := commands{n.stand.commands.program, n.stand.commands.env, []string{"--store", "sqlite:" + filepath.Join(n.stand.dir, "reloaded")}}
	if _, err := other.run(ctx, "load", first, "-o", "json", "-q"); err != nil {
		return err
	}
	if _, err := other.run(ctx, "dump", "--out", second, "-o", "json"); err != nil {
		return err
	}
	var err error
	if s.Dump, err = digest(first); err != nil {
		return err
	}
	s.Reloaded, err = digest(second)
	return err
}

func digest(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%x of %d bytes", sha256.Sum256(b), len(b)), nil
}

// remains looks for what workers that have ended left, and reads their logs.
func (n *inspection) remains(ctx context.Context, s *State) {
	s.Exits, _ = n.stand.fleet.exits()
	for _, x := range n.stand.fleet.slots {
		text := readLog(x.log)
		n.texts[filepath.Base(x.log)] = text
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "panic:") || strings.HasPrefix(line, "fatal error:") || strings.Contains(line, `"code":"panic"`) {
				s.Panics = append(s.Panics, line)
			}
		}
	}
	log, err := os.ReadFile(filepath.Join(n.stand.database.server.Dir(), "log"))
	n.fail(err)
	s.Deadlocks = bytes.Count(log, []byte("deadlock detected"))
	sessions := 0
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if sessions, err = n.stand.database.sessions(ctx); err != nil || sessions == 0 || time.Now().After(deadline) {
			break
		}
	}
	n.fail(err)
	if sessions > 0 {
		s.Remains = append(s.Remains, fmt.Sprintf("%d sessions of the database", sessions))
	}
}
