package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Run sets up a stand, lets the workload and the nemeses run, puts everything right
// and checks what is left. Where the store has objects, the environment must hold
// their account, that of package s3test. The report is also saved in the directory of the run. The
// error says that the run itself failed; what the checker found is in the report.
func Run(ctx context.Context, t testing.TB, c Config) (r *Report, err error) {
	t.Helper()
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	began := time.Now()
	history, err := NewRecorder(filepath.Join(c.Dir, "history.jsonl"))
	if err != nil {
		return nil, err
	}
	s, err := newStand(ctx, t, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	r = &Report{Seed: c.Seed, Layout: c.Layout, Nodes: c.Nodes, Workers: c.Workers, History: filepath.Join(c.Dir, "history.jsonl")}
	tracker := newTracker(s.pool, history)
	watching, stopWatching := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer stopWatching()
	watchers.Go(func() { tracker.run(watching) })

	r.Strikes = s.work(ctx, history, tracker, func(l *loader) { watchers.Go(func() { l.watch(watching) }) })
	s.heal()
	littered := r.struck(func(n nemesis) bool { return n.litters })
	if err := s.settle(ctx, tracker, littered); err != nil {
		return r, err
	}
	look := &inspection{
		stand: s, texts: map[string]string{}, littered: littered,
		miscounted: r.struck(func(n nemesis) bool { return n.miscounts }),
	}
	look.beforeStop(ctx)
	stopErr := s.fleet.stop()
	stopWatching()
	watchers.Wait()
	state, err := look.afterStop(ctx)
	if err != nil {
		return r, fmt.Errorf("look at what is left: %w", err)
	}
	if stopErr != nil {
		state.Remains = append(state.Remains, stopErr.Error())
	}
	events := history.Events()
	r.Violations = Check(events, state)
	r.count(events, state)
	r.Litter = look.litter
	for _, x := range r.Strikes {
		if x.Error != "" {
			err = errors.Join(err, fmt.Errorf("nemesis %s: %s", x.Nemesis, x.Error))
		}
	}
	_, r.Starts = s.fleet.exits()
	r.Times, r.Took = timesOf(tracker.times()), time.Since(began)
	var cerr error
	r.Digest, cerr = history.Close()
	return r, errors.Join(err, cerr, r.save(c.Dir))
}

// work runs workload and nemeses for the duration of the run.
func (s *Stand) work(ctx context.Context, history *Recorder, tracker *tracker, watch func(*loader)) []Strike {
	c := s.config
	ctx, cancel := context.WithTimeout(ctx, c.Duration)
	defer cancel()
	stores, err := s.store.Build(ctx, savedModel)
	if err != nil {
		return []Strike{{Nemesis: "none", Error: err.Error()}}
	}
	var wg sync.WaitGroup
	saving := &clients{
		seed: c.Seed, resources: c.Resources, pause: time.Second * time.Duration(c.Clients) / time.Duration(c.Rate),
		namespace: namespace, js: s.js, metas: stores.Metas, history: history, tracker: tracker,
	}
	wg.Go(func() { saving.run(ctx, c.Clients) })
	if c.DoomEvery > 0 {
		wg.Go(func() { saving.doom(ctx, c.Layout, c.DoomEvery) })
	}
	loading := &loader{
		commands: s.commands, dir: s.dir, every: c.LoadEvery, sizes: c.LoadSizes, random: rand.New(rand.NewPCG(c.Seed, 1<<32)),
		pool: s.pool, history: history, tracker: tracker,
	}
	if c.LoadEvery > 0 {
		watch(loading)
		wg.Go(func() { loading.run(ctx) })
	}
	if c.script != nil {
		var failed error
		wg.Go(func() {
			defer cancel()
			failed = c.script(ctx, s, &scene{history, tracker})
		})
		wg.Wait()
		return scriptStrikes(failed)
	}
	tormenting := &torment{stand: s, random: rand.New(rand.NewPCG(c.Seed, 1<<33)), history: history, tracker: tracker}
	wg.Go(func() { tormenting.run(ctx) })
	wg.Wait()
	return tormenting.strikes
}

// scriptStrikes tells how a script went.
func scriptStrikes(err error) []Strike {
	if err == nil {
		return nil
	}
	return []Strike{{Nemesis: "script", Error: err.Error()}}
}

// struck reports whether a nemesis came that is of some kind.
func (r *Report) struck(is func(nemesis) bool) bool {
	return slices.ContainsFunc(r.Strikes, func(x Strike) bool {
		n, _ := nemesisNamed(x.Nemesis)
		return is(n)
	})
}

// settle waits until every job has ended, those too that jobs caused, the queue is
// empty, unless it may be littered, and dead jobs have their letters. What is left after
// that the checker finds.
func (s *Stand) settle(ctx context.Context, tracker *tracker, littered bool) error {
	tracker.await(ctx, time.Now(), s.config.Settle)
	for deadline := time.Now().Add(s.config.Settle); time.Now().Before(deadline); sleep(ctx, 50*time.Millisecond) {
		var open int
		var dead uint64
		err := s.pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE state IN ('queued', 'running')), count(*) FILTER (WHERE state = 'dead')
			FROM specstar_jobs`).Scan(&open, &dead)
		if err != nil {
			return err
		}
		messages, err := s.held(ctx, s.queue.StreamName())
		letters, lerr := s.held(ctx, s.queue.DeadName())
		if err == nil && lerr == nil && open == 0 && (littered || messages == 0) && letters == dead {
			return nil
		}
	}
	return ctx.Err()
}

// held returns how many messages a stream holds.
func (s *Stand) held(ctx context.Context, name string) (uint64, error) {
	stream, err := s.js.Stream(ctx, name)
	if err != nil {
		return 0, err
	}
	return stream.CachedInfo().State.Msgs, nil
}
