package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/permission"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// only allows some actions to some users.
type only map[string]manager.Action

func (o only) Check(_ context.Context, c *permission.Context) (permission.Result, error) {
	if o[c.User].Has(c.Action) {
		return permission.Allow, nil
	}
	return permission.Deny, nil
}

func (only) NeedsMeta() bool { return false }

// archived is an archive that every load finds.
type archived []byte

func (a archived) Open(context.Context, jobs.Load) (jobs.Source, error) {
	return closable{bytes.NewReader(a), io.NopCloser(nil)}, nil
}

func (a archived) Pins(_ context.Context, l jobs.Load) (jobs.Load, error) { return l, nil }

type closable struct {
	*bytes.Reader
	io.Closer
}

// guardedBench is an executor whose catalog is guarded.
func guardedBench(c permission.Checker, arc []byte) *bench {
	f := memory.New()
	b := &bench{factory: f, catalog: manager.NewCatalog(f, nil, manager.Options{Handlers: []manager.EventHandler{permission.Handler(c)}})}
	work := &jobs.CatalogWork{Catalog: b.catalog, Sources: archived(arc)}
	b.Executor = jobs.NewExecutor(jobs.Config{
		Store: f.ID(), Ledger: f.Ledger(), Queue: uuid.New(), Saver: work, Loader: work, Backfiller: work, Migrator: work, Lease: time.Minute,
	})
	return b
}

// deliver encodes a job as the queue hands it over.
func deliver(t *testing.T, e jobs.Envelope) jobs.Delivery {
	t.Helper()
	body, err := e.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return jobs.Delivery{MessageID: e.ID, Number: 1, Published: time.Unix(1700000000, 0).UTC(), Body: body}
}

func create(id string) manager.Operation {
	return manager.Operation{Op: manager.OpCreate, ResourceID: resource.ID(id), Data: []byte(`{}`)}
}

func migrate(user string, models ...string) jobs.Envelope {
	return jobs.NewMigrate(user, jobs.Migrate{Models: models})
}

func TestJobsAreDoneWithTheRightsOfTheirUser(t *testing.T) {
	b := guardedBench(only{"ann": manager.ActionFull, "bob": manager.ActionRead}, unfilled(t))
	load := func(user string) jobs.Envelope { return jobs.NewLoad(user, jobs.Load{Source: "upload:x"}) }
	dir := t.TempDir()
	b.dumpsTo(dir)
	target := "file:" + filepath.Join(dir, "a.acbak")
	for _, c := range []struct {
		name string
		job  jobs.Envelope
		want storage.JobState
	}{
		{"a save that may not make its model", jobs.NewSave("m", "bob", create("m:1")), storage.JobRefused},
		{"a save", jobs.NewSave("m", "ann", create("m:1")), storage.JobDone},
		{"a save of another user", jobs.NewSave("m", "bob", create("m:2")), storage.JobRefused},
		{"a save of nobody", jobs.NewSave("m", "", create("m:2")), storage.JobRefused},
		{"a load of another user", load("bob"), storage.JobRefused},
		{"a backfill of all by another user, with nothing to fill", jobs.NewBackfill("bob"), storage.JobDone},
		{"a load", load("ann"), storage.JobDone},
		{"a backfill of all by another user", jobs.NewBackfill("bob"), storage.JobRefused},
		{"a backfill by another user", jobs.NewBackfill("bob", "doc"), storage.JobRefused},
		{"a backfill", jobs.NewBackfill("ann", "doc"), storage.JobDone},
		{"a migration by another user", migrate("bob", "doc"), storage.JobRefused},
		{"a dump by another user", jobs.NewDump("bob", jobs.Dump{Target: target}), storage.JobRefused},
		{"a dump of a model by another user", jobs.NewDump("bob", jobs.Dump{Target: target, Models: []string{"doc"}}), storage.JobRefused},
		{"a dump", jobs.NewDump("ann", jobs.Dump{Target: target}), storage.JobDone},
		{"a verification by another user", jobs.NewVerify("bob"), storage.JobRefused},
		{"a verification by who may not see all", jobs.NewVerify("ann", "doc"), storage.JobRefused},
		{"a migration of a model that is not there by another user", migrate("bob", "nobody"), storage.JobRefused},
	} {
		v := b.Execute(t.Context(), []jobs.Delivery{deliver(t, c.job)})[0]
		row := b.row(t, c.job.ID)
		if v.Action != jobs.ActionAck || row.State != c.want {
			t.Errorf("%s: %+v, row %s %s", c.name, v, row.State, row.ErrorMessage)
		}
		if c.want == storage.JobRefused && row.ErrorCode != string(manager.CodeForbidden) {
			t.Errorf("%s: refused with %q", c.name, row.ErrorCode)
		}
		if infos, err := b.catalog.Models(t.Context()); err != nil || c.name == "a save that may not make its model" && len(infos) > 0 {
			t.Errorf("%s made %v, %v", c.name, infos, err)
		}
	}
}

func TestJobsOnANewModelAreRefusedForTheirOwnReasons(t *testing.T) {
	b := guardedBench(only{}, nil)
	var ds []jobs.Delivery
	var users []string
	for i := range 5 {
		e := jobs.NewSave("m", fmt.Sprint("user", i), create(fmt.Sprint("m:", i)))
		ds, users = append(ds, deliver(t, e)), append(users, e.User)
	}
	for i, v := range b.Execute(t.Context(), ds) {
		want := fmt.Sprintf("Permission denied for user '%s' to perform 'create' on 'm'", users[i])
		if v.State != storage.JobRefused || v.Err == nil || v.Err.Error() != want {
			t.Errorf("%+v, want %s", v, want)
		}
	}
}

// unfilled is an archive of a resource without rev_* fields.
func unfilled(t *testing.T) []byte {
	t.Helper()
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	info := resource.RevisionInfo{
		UID: uuid.New(), ResourceID: "doc:1", RevisionID: "doc:1:1", Status: resource.Stable,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
	}
	meta := resource.Meta{
		CurrentRevisionID: "doc:1:1", ResourceID: "doc:1", TotalRevisionCount: 1,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
	}
	var buf bytes.Buffer
	w := archive.NewWriter(&buf)
	for _, r := range []archive.Record{
		archive.Header{},
		archive.ModelStart{Model: "doc"},
		archive.Meta{Meta: meta},
		archive.Revision{Revision: resource.Revision{Info: info, Data: []byte(`{}`)}},
		archive.ModelEnd{Model: "doc"},
		archive.EOF{},
	} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// The backfill that a load causes needs no right of its own, but nobody can
// claim that another one was caused.
func TestWhatALoadCausesIsPartOfIt(t *testing.T) {
	b := guardedBench(only{"ann": manager.ActionLoad}, unfilled(t))
	load := jobs.NewLoad("ann", jobs.Load{Source: "upload:x"})
	b.Execute(t.Context(), []jobs.Delivery{deliver(t, load)})
	row := b.row(t, load.ID)
	if row.State != storage.JobDone {
		t.Fatal(row.ErrorMessage)
	}
	caused := func(parent uuid.UUID, models ...string) storage.JobState {
		e := jobs.NewBackfill("ann", models...)
		e.Parent = parent
		b.Execute(t.Context(), []jobs.Delivery{deliver(t, e)})
		return b.row(t, e.ID).State
	}
	if got := caused(uuid.New(), "doc"); got != storage.JobRefused {
		t.Errorf("of a load that never was: %s", got)
	}
	if got := caused(row.ID, "doc", "other"); got != storage.JobRefused {
		t.Errorf("of a model that was not loaded: %s", got)
	}
	if got := caused(row.ID, "doc"); got != storage.JobDone {
		t.Errorf("of what was loaded: %s", got)
	}
}

// taker takes every job.
type taker struct{ jobs []jobs.Envelope }

func (k *taker) Submit(_ context.Context, js ...jobs.Envelope) ([]jobs.Receipt, error) {
	k.jobs = append(k.jobs, js...)
	receipts := make([]jobs.Receipt, len(js))
	for i, j := range js {
		receipts[i].Text = j.ID
	}
	return receipts, nil
}

func TestTheGuardAsksBeforeAJobIsSubmitted(t *testing.T) {
	b := guardedBench(only{"ann": manager.ActionFull, "bob": manager.ActionCreate}, nil)
	queue := &taker{}
	g := &jobs.Guard{Submitter: queue, Catalog: b.catalog}
	for _, c := range []struct {
		name  string
		job   jobs.Envelope
		taken bool
	}{
		{"a save", jobs.NewSave("m", "ann", create("m:1")), true},
		{"one of two operations", jobs.NewSave("m", "bob", create("m:1"), manager.Operation{Op: manager.OpDelete, ResourceID: "m:1"}), true},
		{"no operation", jobs.NewSave("m", "bob", manager.Operation{Op: manager.OpDelete, ResourceID: "m:1"}), false},
		{"a load of whatever there is", jobs.NewLoad("bob", jobs.Load{Source: "upload:x"}), true},
		{"a load of a model", jobs.NewLoad("bob", jobs.Load{Source: "upload:x", Models: []string{"m"}}), false},
		{"a load by who may", jobs.NewLoad("ann", jobs.Load{Source: "upload:x", Models: []string{"m"}}), true},
		{"a backfill", jobs.NewBackfill("bob", "m"), false},
		{"a migration", migrate("bob", "m"), false},
		{"a migration by who may", migrate("ann", "m"), true},
		{"a dump of a model", jobs.NewDump("bob", jobs.Dump{Models: []string{"m"}}), false},
		{"a dump by who may", jobs.NewDump("ann", jobs.Dump{Models: []string{"m"}}), true},
		{"a verification of a model", jobs.NewVerify("bob", "m"), false},
	} {
		queue.jobs = nil
		receipts, err := g.Submit(t.Context(), c.job, jobs.NewSave("m", "ann", create("m:9")))
		if receipts[1].Err != nil || receipts[0].Text != c.job.ID || (receipts[0].Err == nil) != c.taken || (err == nil) != c.taken {
			t.Errorf("%s: %+v, %v", c.name, receipts, err)
		}
		if !c.taken {
			if code, _ := manager.CodeOf(err); code != manager.CodeForbidden || !errors.Is(err, receipts[0].Err) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if n := len(queue.jobs); (n == 2) != c.taken {
			t.Errorf("%s: %d jobs were submitted", c.name, n)
		}
	}
}
