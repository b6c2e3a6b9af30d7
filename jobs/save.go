package jobs

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// saveGroups collects saves by model, models and saves in the order met.
type saveGroups struct {
	groups [][]*task
	index  map[string]int
}

func (g *saveGroups) add(t *task) {
	if g.index == nil {
		g.index = make(map[string]int)
	}
	i, ok := g.index[t.env.Model]
	if !ok {
		i = len(g.groups)
		g.index[t.env.Model] = i
		g.groups = append(g.groups, nil)
	}
	g.groups[i] = append(g.groups[i], t)
}

// runSaves applies the saves of one model in their order.
func (x *Executor) runSaves(ctx context.Context, tasks []*task) {
	tasks, twins := foldTwins(tasks)
	x.inOrder(ctx, x.ready(ctx, tasks))
	x.announceSaves(ctx, tasks)
	x.letPass(tasks)
	for _, pair := range twins {
		x.follow(ctx, pair)
	}
}

// inOrder runs tasks one batch after another. Those that were delivered before
// are counted first; one that failed often runs alone, between what came before
// and what came after it.
func (x *Executor) inOrder(ctx context.Context, tasks []*task) {
	live, err := x.count(ctx, tasks)
	if err != nil {
		x.failAll(ctx, tasks, err)
	}
	x.refund(ctx, suspects(live))
	for err = nil; len(live) > 0 && err == nil; {
		n := slices.IndexFunc(live, func(t *task) bool { return t.suspect })
		switch n {
		case 0:
			n, err = 1, x.alone(ctx, live[0])
		case -1:
			n = len(live)
			fallthrough
		default:
			err = x.applyParts(ctx, live[:n])
		}
		live = live[n:]
	}
	if len(live) > 0 {
		x.failAll(ctx, live, err)
	}
}

// suspects marks and returns the tasks that run alone: those that failed often, and
// those with a time of their own, which is not for others to take, and those whose content
// has to be fetched, which may be large. Each of them is counted
// anew when its turn comes: what ends the process before that is not its doing.
func suspects(tasks []*task) []*task {
	var found []*task
	for _, t := range tasks {
		if t.suspect = t.attempt >= soloAttempt || t.env.Timeout > 0 || t.content != ""; t.suspect {
			found = append(found, t)
		}
	}
	return found
}

// alone counts and applies one task by itself. Its error is as that of apply.
func (x *Executor) alone(ctx context.Context, t *task) error {
	live, err := x.count(ctx, []*task{t})
	if err != nil {
		return x.failAll(ctx, []*task{t}, err)
	}
	if len(live) > 0 && t.content != "" {
		if err := x.fetchSave(ctx, t); err != nil || t.env.content() {
			return err
		}
		defer t.slim()
	}
	err = x.apply(ctx, live)
	x.discard(ctx, t)
	return err
}

// slim forgets the payloads of a save, which may be large, when it was tried.
func (t *task) slim() {
	s, _ := t.env.Args.(Save)
	ops := make([]manager.Operation, len(s.Operations))
	for i, o := range s.Operations {
		ops[i] = manager.Operation{Op: o.Op, ResourceID: o.ResourceID}
	}
	t.env.Args = Save{Operations: ops, OnError: s.OnError}
}

// fetchSave is fetch for a save, which is not fetched when it needs no further work: its
// content is gone when it is done. Its error is as that of apply.
func (x *Executor) fetchSave(ctx context.Context, t *task) error {
	err := x.fetch(ctx, t)
	if err == nil {
		return nil
	}
	if row, rerr := x.Ledger.Get(ctx, t.row.ID); rerr == nil && row.State.Final() {
		if differ(row, t.row) {
			x.differs(ctx, t)
		} else {
			t.ended(row)
		}
		return nil
	}
	return x.failAll(ctx, []*task{t}, err)
}

// content reports whether the job has still to be fetched.
func (e Envelope) content() bool {
	_, is := e.Args.(Content)
	return is
}

// count counts an attempt of every task that the ledger may know, ahead of
// running it, so that a job that kills the process is counted too. It returns
// the tasks that are still to be run. On an error nothing was counted.
func (x *Executor) count(ctx context.Context, tasks []*task) ([]*task, error) {
	var again []*task
	var rows []storage.Job
	for _, t := range tasks {
		if t.known() {
			again = append(again, t)
			row := t.row
			row.Envelope = t.delivery.Body
			rows = append(rows, row)
		}
	}
	if len(again) == 0 {
		return tasks, nil
	}
	counted, err := x.countAttempts(ctx, rows)
	if err != nil {
		return nil, err
	}
	settled := make(map[*task]bool, len(again))
	for i, t := range again {
		settled[t] = x.counted(ctx, t, counted[i])
	}
	live := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		if !settled[t] {
			live = append(live, t)
		}
	}
	return live, nil
}

// counted looks at the row of a task that was delivered before and reports
// whether it needs no further work.
func (x *Executor) counted(ctx context.Context, t *task, row storage.Job) bool {
	switch {
	case differ(row, t.row):
		if t.counted = !row.State.Final(); t.counted {
			x.refund(ctx, []*task{t})
		}
		x.differs(ctx, t)
		return true
	case row.State.Final():
		t.ended(row)
		return true
	}
	t.attempt, t.counted = row.Attempt, true
	if t.attempt > x.maxAttempts(t) {
		x.usedUp(ctx, t, row)
		return true
	}
	return false
}

// differ reports whether a row of the ledger was submitted with other content.
func differ(row, mine storage.Job) bool {
	return len(row.EnvelopeHash) > 0 && !bytes.Equal(row.EnvelopeHash, mine.EnvelopeHash)
}

// apply runs tasks as one unit of work. When that fails for a reason that may
// lie in one of them, each half is tried by itself, so that the poisonous one
// fails alone. An error says that what follows should not be tried now: the store
// is down or ctx has ended.
func (x *Executor) apply(ctx context.Context, tasks []*task) error {
	if tasks = x.ready(ctx, tasks); len(tasks) == 0 {
		return nil
	}
	outcomes, err := x.saveJobs(ctx, tasks)
	if err == nil {
		for i, t := range tasks {
			x.saved(ctx, t, outcomes[i])
		}
		return nil
	}
	_, refused := refusal(err)
	// One that takes too long is found by its attempts: halves would take as long again.
	if ending(ctx, err) != nil || refused || len(tasks) == 1 || errors.Is(err, errTimeout) {
		return x.failAll(ctx, tasks, err)
	}
	half := len(tasks) / 2
	if err := x.apply(ctx, tasks[:half]); err != nil {
		x.failAll(ctx, tasks[half:], err)
		return err
	}
	return x.apply(ctx, tasks[half:])
}

// ending returns err when it is not about the tasks: the store is down or is to be
// set up, or ctx has ended.
func ending(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil || pauses(err) {
		return err
	}
	return nil
}

func (x *Executor) saveJobs(ctx context.Context, tasks []*task) (outcomes []manager.SaveJobOutcome, err error) {
	jobs := make([]manager.SaveJob, len(tasks))
	for i, t := range tasks {
		ops := t.env.Operations()
		row := t.row
		row.Attempt = 1 // at least; the ledger knows of more, and of those that were taken back since
		jobs[i] = manager.SaveJob{
			Row: row, Operations: ops, First: !t.known(), Whole: t.env.Args.(Save).OnError == OnErrorFail,
			From: row.First(), Again: t.delivery.Origin.Known(),
		}
	}
	limit := cmp.Or(tasks[0].env.Timeout, x.SaveTimeout) // one that has its own is alone
	timed, cancel := context.WithTimeoutCause(ctx, limit, errTimeout)
	defer cancel()
	outcomes, err = within(timed, &x.hung.saves, savePatience, func() (out []manager.SaveJobOutcome, err error) {
		err = guard(func() error {
			out, err = x.Saver.SaveJobs(timed, tasks[0].env.Model, jobs)
			return err
		})
		return out, err
	})
	if err == nil && len(outcomes) != len(jobs) {
		err = errors.New("the saver did not answer for every job")
	}
	return outcomes, x.late(timed, limit, err)
}

// saved gives a task its verdict after a commit.
func (x *Executor) saved(ctx context.Context, t *task, o manager.SaveJobOutcome) {
	if o.Repeated {
		x.repeated(ctx, t)
		return
	}
	t.done(o.State, false)
	t.batch = o.Batch
	t.verdict.Attempt, t.verdict.Operations = max(t.attempt, 1), len(o.Outcomes)
	for _, out := range o.Outcomes {
		if out.Effect == manager.EffectSuperseded {
			t.verdict.Superseded++
		}
		if out.Effect != manager.EffectRefused {
			continue
		}
		t.verdict.Refused++
		if t.verdict.Code == "" && out.Code != manager.CodeNotDone {
			t.verdict.Code, t.verdict.Err = string(out.Code), errors.New(out.Message)
		}
	}
}

// repeated answers for a job that had ended before this message came.
func (x *Executor) repeated(ctx context.Context, t *task) {
	row, err := x.Ledger.Get(ctx, t.row.ID)
	switch {
	case err != nil:
		x.failAll(ctx, []*task{t}, err)
	case differ(row, t.row):
		x.differs(ctx, t)
	default:
		t.ended(row)
	}
}
