package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// ruled returns a bench whose rules submit to the ledger.
func ruled(t *testing.T, rules ...jobs.Rule) *bench {
	t.Helper()
	if i, err := jobs.CheckRules(rules); err != nil {
		t.Fatalf("rule %d: %v", i, err)
	}
	b := newBench()
	cfg := b.Config
	cfg.Ledger = b.factory.Ledger()
	cfg.Submitter = jobs.NewTxSubmitter(b.factory.ID(), "ns", b.factory.Ledger())
	cfg.Rules, cfg.RulesUser = rules, "worker"
	b.Executor = jobs.NewExecutor(cfg)
	return b
}

// rule is a rule that starts a backfill of indexed data.
func rule(name, typ string) jobs.Rule {
	return jobs.Rule{
		Name: name, On: jobs.Filter{Types: []string{typ}},
		Job: json.RawMessage(`{"kind":"backfill","args":{"kind":"indexed_data","models":["{models}"]}}`),
	}
}

// submitted returns the jobs in the ledger that rules have submitted, the oldest first,
// with their envelopes.
func (b *bench) submitted(t *testing.T) (all []storage.Job, envelopes []jobs.Envelope) {
	t.Helper()
	for row, err := range b.factory.Ledger().List(t.Context(), storage.JobFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if jobs.CauseOf(row) == nil {
			continue
		}
		env, err := jobs.Decode(row.Envelope)
		if err != nil {
			t.Fatal(err)
		}
		all, envelopes = append(all, row), append(envelopes, env)
	}
	slices.Reverse(all)
	slices.Reverse(envelopes)
	return all, envelopes
}

// again is a delivery that comes once more.
func again(d jobs.Delivery) jobs.Delivery {
	d.Number++
	return d
}

func TestARuleStartsOneJobForAnEvent(t *testing.T) {
	r := rule("index", "load.done")
	r.On.Models, r.On.AtLeast = []string{"a*"}, jobs.Counts{"loaded": 3}
	b := ruled(t, r)
	b.end(nil)
	d := loadDelivery("l")
	v := b.Execute(t.Context(), []jobs.Delivery{d})[0]
	b.Execute(t.Context(), []jobs.Delivery{again(d)})
	rows, envs := b.submitted(t)
	if len(rows) != 1 {
		t.Fatalf("%d jobs", len(rows))
	}
	e := envs[0]
	if got, _ := e.Args.(jobs.Backfill); got.What != jobs.IndexedData || !slices.Equal(got.Models, []string{"a"}) {
		t.Errorf("%+v", e.Args)
	}
	if e.Parent != v.ID || e.Cause.Event != v.Event.ID || e.Cause.Type != "load.done" || e.Cause.Rule() != "index" || e.ID != uuid.NewSHA1(v.Event.ID, []byte("rule index")).String() {
		t.Errorf("%+v, cause %+v", e, e.Cause)
	}
}

// TestARuleWhoseJobIsNotTakenIsAskedAgain: the event is held back until then, too.
func TestARuleWhoseJobIsNotTakenIsAskedAgain(t *testing.T) {
	b := ruled(t, rule("index", "load.done"))
	b.end(nil)
	cfg := b.Config
	down := true
	cfg.Ledger = b.factory.Ledger()
	cfg.Submitter = submitterFunc(func(ctx context.Context, es ...jobs.Envelope) ([]jobs.Receipt, error) {
		if down {
			return nil, storage.ErrUnavailable
		}
		return jobs.NewTxSubmitter(b.factory.ID(), "ns", b.factory.Ledger()).Submit(ctx, es...)
	})
	b.Executor = jobs.NewExecutor(cfg)
	d := loadDelivery("l")
	if v := b.Execute(t.Context(), []jobs.Delivery{d})[0]; v.Action != jobs.ActionRetry || v.State != storage.JobDone || v.Event != nil {
		t.Fatalf("%+v", v)
	}
	down = false
	if v := b.Execute(t.Context(), []jobs.Delivery{again(d)})[0]; v.Action != jobs.ActionAck || v.Event == nil {
		t.Fatalf("%+v", v)
	}
	if rows, _ := b.submitted(t); len(rows) != 1 {
		t.Errorf("%d jobs", len(rows))
	}
}

type submitterFunc func(context.Context, ...jobs.Envelope) ([]jobs.Receipt, error)

func (f submitterFunc) Submit(ctx context.Context, es ...jobs.Envelope) ([]jobs.Receipt, error) {
	return f(ctx, es...)
}

func TestFilters(t *testing.T) {
	e := jobs.Event{ID: uuid.New(), Type: "load.done", Time: time.Now(), EventData: jobs.EventData{
		Kind: jobs.KindLoad, State: storage.JobDone, Job: "l/1", Row: uuid.New(), User: "ada", Jobs: 2,
		Counts: jobs.Counts{"loaded": 30}, Models: map[string]jobs.Counts{"sales-order": {"loaded": 10}, "person": {"loaded": 20}},
	}}
	index := json.RawMessage(`{"kind":"migrate","args":{"models":["{models}"]}}`)
	each := json.RawMessage(`{"kind":"migrate","args":{"models":["{model}"]}}`)
	load := jobs.Filter{Kinds: []string{"load"}}
	with := func(f jobs.Filter, change func(*jobs.Filter)) jobs.Filter {
		change(&f)
		return f
	}
	for name, tc := range map[string]struct {
		on   jobs.Filter
		job  json.RawMessage
		want string
	}{
		"kind":            {load, index, "[person sales-order]"},
		"each":            {load, each, "[person] [sales-order]"},
		"another kind":    {jobs.Filter{Kinds: []string{"save", "migrate"}}, index, ""},
		"types":           {jobs.Filter{Types: []string{"save.*", "*.done"}}, index, "[person sales-order]"},
		"state":           {jobs.Filter{States: []string{"dead", "refused"}}, index, ""},
		"models":          {with(load, func(f *jobs.Filter) { f.Models = []string{"sales-*"} }), index, "[sales-order]"},
		"no such model":   {with(load, func(f *jobs.Filter) { f.Models = []string{"sales"} }), index, ""},
		"user":            {with(load, func(f *jobs.Filter) { f.Users = []string{"a*"} }), index, "[person sales-order]"},
		"another user":    {with(load, func(f *jobs.Filter) { f.Users = []string{"b*"} }), index, ""},
		"enough":          {with(load, func(f *jobs.Filter) { f.AtLeast = jobs.Counts{"loaded": 30, "jobs": 2} }), index, "[person sales-order]"},
		"enough of each":  {with(load, func(f *jobs.Filter) { f.AtLeast = jobs.Counts{"loaded": 15} }), each, "[person]"},
		"too few":         {with(load, func(f *jobs.Filter) { f.AtLeast = jobs.Counts{"loaded": 31} }), index, ""},
		"too many":        {with(load, func(f *jobs.Filter) { f.AtMost = jobs.Counts{"loaded": 29} }), index, ""},
		"none of a count": {with(load, func(f *jobs.Filter) { f.AtMost = jobs.Counts{"skipped": 0} }), index, "[person sales-order]"},
	} {
		b := ruled(t, jobs.Rule{Name: "r", On: tc.on, Job: tc.job})
		if _, err := b.Fire(t.Context(), &e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		_, envs := b.submitted(t)
		var got []string
		for _, env := range envs {
			got = append(got, fmt.Sprint(env.Args.(jobs.Migrate).Models))
		}
		if slices.Sort(got); strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %q, want %s", name, got, tc.want)
		}
	}
}

func TestTextsOfARule(t *testing.T) {
	e := jobs.Event{ID: uuid.New(), Type: "load.done", Time: time.Now(), EventData: jobs.EventData{
		Kind: jobs.KindLoad, State: storage.JobDone, Job: "l/1", User: "ada", Models: map[string]jobs.Counts{"person": {}},
	}}
	b := ruled(t, jobs.Rule{
		Name: "note", On: jobs.Filter{Types: []string{"load.done"}}, Delay: time.Hour,
		Job: json.RawMessage(`{"kind":"save","model":"note","args":{"op":"upsert","resource_id":"{kind}-{model}","data":{"{job}":["{job} by {user}: {state} {type} {{job}}",7,null,1.50]}}}`),
	})
	if _, err := b.Fire(t.Context(), &e); err != nil {
		t.Fatal(err)
	}
	_, envs := b.submitted(t)
	op := envs[0].Operations()[0]
	if op.ResourceID != "load-person" || string(op.Data) != `{"{job}":["l/1 by ada: done load.done {job}",7,null,1.50]}` {
		t.Errorf("%s %s", op.ResourceID, op.Data)
	}
	if envs[0].User != "ada" || !envs[0].NotBefore.Equal(e.Time.Add(time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("%+v", envs[0])
	}
}

// TestRulesDoNotGoRoundInCircles: two rules start each other's jobs, and of nine each starts
// jobs that all others wait for. Of the jobs that rules start one ends each time.
func TestRulesDoNotGoRoundInCircles(t *testing.T) {
	migrate := json.RawMessage(`{"kind":"migrate","args":{"models":["m"]}}`)
	back := json.RawMessage(`{"kind":"backfill","args":{"kind":"indexed_data","models":["m"]}}`)
	two := []jobs.Rule{rule("a", "backfill.done"), rule("b", "migrate.done")}
	two[0].Job, two[1].Job = migrate, back
	var nine []jobs.Rule
	for i := range 9 {
		r := rule(fmt.Sprint("r", i), "backfill.done")
		r.Job = back
		nine = append(nine, r)
	}
	for _, tc := range []struct {
		rules []jobs.Rule
		want  []int // jobs that each end starts
	}{{two, []int{1, 1, 0}}, {nine, []int{9, 8, 7, 6, 5, 0}}} {
		b := ruled(t, tc.rules...)
		ended := jobs.Envelope{ID: "first", Args: jobs.Backfill{What: jobs.IndexedData, Models: []string{"m"}}}
		for round, want := range tc.want {
			e := &jobs.Event{ID: uuid.New(), Type: jobs.EndType(ended.Kind(), storage.JobDone), Time: time.Now()}
			if n, err := b.FireFor(t.Context(), e, &ended); n != want || err != nil {
				t.Fatalf("%d rules, round %d: %d jobs, %v; want %d", len(tc.rules), round, n, err, want)
			}
			if _, envs := b.submitted(t); want > 0 {
				i := slices.IndexFunc(envs, func(env jobs.Envelope) bool { return env.Cause.Event == e.ID })
				ended = envs[i]
			}
		}
	}
}

func TestRulesAreOffForJobsThatSaySo(t *testing.T) {
	r := rule("index", "save.committed")
	r.Job = json.RawMessage(`{"kind":"migrate","args":{"models":["m"]}}`)
	b := ruled(t, r)
	off := func(id string, extra string) jobs.Delivery {
		d := save(id, 1)
		d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m",%s"args":{"op":"create","resource_id":%q,"data":{}}}`, extra, id)
		return d
	}
	own := `"cause":{"event":"0193e1f0-7c8e-7a53-9d1c-3c8f2f5f7f10","rules":["index"]},`
	if v := b.Execute(t.Context(), []jobs.Delivery{off("a", `"rules":"off",`), off("b", own)})[0]; v.Event == nil || v.Event.Jobs != 2 {
		t.Fatalf("%+v", v)
	}
	if rows, _ := b.submitted(t); len(rows) != 0 {
		t.Fatalf("%d jobs", len(rows))
	}
	// One save that lets rules act is enough, whatever it was committed with.
	other := `"cause":{"event":"0193e1f0-7c8e-7a53-9d1c-3c8f2f5f7f10","rules":["other"]},`
	b.Execute(t.Context(), []jobs.Delivery{off("c", own), off("d", other), off("e", "")})
	_, envs := b.submitted(t)
	if len(envs) != 1 || !slices.Equal(envs[0].Cause.Rules, []string{"other", "index"}) {
		t.Fatalf("%+v", envs)
	}
}

// TestDebounce: events come while the job of the first one waits, while it works, and
// after it; each is followed by a job that begins later.
func TestDebounce(t *testing.T) {
	r := rule("index", "load.done")
	r.Debounce = time.Minute
	b := ruled(t, r)
	at := time.Now().Add(-time.Hour) // so that jobs are due
	tell := func(model string) int {
		t.Helper()
		at = at.Add(time.Second)
		e := &jobs.Event{ID: uuid.New(), Type: "load.done", Time: at, EventData: jobs.EventData{Kind: jobs.KindLoad, Models: map[string]jobs.Counts{model: {}}}}
		n, err := b.Fire(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	begin := func(row storage.Job) storage.Claim {
		t.Helper()
		_, c, err := b.factory.Ledger().Claim(t.Context(), row, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if n := tell("m") + tell("m") + tell("m"); n != 1 {
		t.Fatalf("%d jobs for events that come before the first one begins", n)
	}
	rows, envs := b.submitted(t)
	if !envs[0].NotBefore.Equal(at.Add(time.Minute - 2*time.Second).Truncate(time.Microsecond)) {
		t.Errorf("begins at %s", envs[0].NotBefore)
	}
	first := begin(rows[0])
	if n := tell("m") + tell("m"); n != 1 {
		t.Fatalf("%d jobs for events that come while the first one works", n)
	}
	// A job that failed and is to be tried again has begun: it may go on where it was.
	if err := b.factory.Ledger().Release(t.Context(), first, false, "failed", "no"); err != nil {
		t.Fatal(err)
	}
	if n := tell("m"); n != 0 {
		t.Fatalf("%d jobs while the second one waits", n)
	}
	rows, _ = b.submitted(t)
	second := begin(rows[1])
	if n := tell("m") + tell("m"); n != 1 {
		t.Fatalf("%d jobs while both have begun", n)
	}
	for _, c := range []storage.Claim{begin(rows[0]), second} {
		if err := b.factory.Ledger().Finish(t.Context(), c, storage.Final{State: storage.JobDone}); err != nil {
			t.Fatal(err)
		}
	}
	if n := tell("m"); n != 1 {
		t.Fatalf("%d jobs under the first key, which is free again", n)
	}
	if rows, _ = b.submitted(t); len(rows) != 4 {
		t.Fatalf("%d jobs", len(rows))
	}
}

// TestDebounceByKey: a rule with a job for each model has them wait apart.
func TestDebounceByKey(t *testing.T) {
	r := rule("index", "load.done")
	r.Debounce, r.Job = time.Minute, json.RawMessage(`{"kind":"backfill","args":{"models":["{model}"]}}`)
	b := ruled(t, r)
	cfg := b.Config
	joined := 0
	cfg.RuleActed = func(_ string, _ *jobs.Event, _ string, err error) {
		if errors.Is(err, jobs.ErrDebounced) {
			joined++
		}
	}
	b.Executor = jobs.NewExecutor(cfg)
	e := &jobs.Event{ID: uuid.New(), Type: "load.done", Time: time.Now(), EventData: jobs.EventData{Models: map[string]jobs.Counts{"a": {}, "b": {}, strings.Repeat("c", 300): {}}}}
	for want := 3; want >= 0; want -= 3 {
		if n, err := b.Fire(t.Context(), e); n != want || err != nil || joined != 3-want {
			t.Fatalf("%d jobs and %d joined, %v; want %d", n, joined, err, want)
		}
		e.ID = uuid.New()
	}
}

func TestJobsThatCannotBeAreReported(t *testing.T) {
	b := ruled(t, jobs.Rule{Name: "r", On: jobs.Filter{Types: []string{"load.*"}}, Job: json.RawMessage(`{"kind":"save","model":"{model}","args":{"op":"create","resource_id":"{model}"}}`)})
	cfg := b.Config
	var told []error
	cfg.RuleActed = func(rule string, e *jobs.Event, job string, err error) { told = append(told, err) }
	b.Executor = jobs.NewExecutor(cfg)
	e := &jobs.Event{ID: uuid.New(), Type: "load.done", Time: time.Now(), EventData: jobs.EventData{Models: map[string]jobs.Counts{"a": {}, "b\x00": {}}}}
	if n, err := b.Fire(t.Context(), e); n != 1 || err != nil || len(told) != 2 || told[0] != nil || told[1] == nil {
		t.Fatalf("%d jobs, %v, told %v", n, err, told)
	}
	if _, is := errors.AsType[*jobs.EnvelopeError](told[1]); !is {
		t.Errorf("%v", told[1])
	}
}
