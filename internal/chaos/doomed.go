package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// fate is how a job ends that cannot be done.
type fate struct {
	name  string
	state storage.JobState
	// codes are those with one of which it ends; none: any.
	codes []string
	// message makes the body of the job's message, and what it would write.
	message func(id string) ([]byte, []Op, error)
}

// The tokens and resources of doomed jobs begin so. The database refuses the resources.
const doomedPrefix = "doomed-"

// fates returns all of them. A row that the database refuses leaves revisions behind where
// these are beside it, which nobody collects since they have no meta: not there.
func fates(l Layout) []fate {
	all := []fate{
		{"undecodable", storage.JobDead, []string{jobs.CodeEnvelope}, undecodable},
		{"without content", storage.JobDead, []string{jobs.CodeContentMissing}, withoutContent},
		{"expired", storage.JobDead, []string{jobs.CodeExpired}, expired},
		{"refused", storage.JobRefused, nil, refusedWhole},
	}
	if l.exact() {
		all = append(all, fate{"failing", storage.JobDead, nil, failing})
	}
	return all
}

func fateNamed(name string) fate {
	all := fates(Postgres)
	return all[slices.IndexFunc(all, func(f fate) bool { return f.name == name })]
}

// refuseDoomed has the database refuse rows, for no reason that it would name.
func refuseDoomed(ctx context.Context, pool *pgxpool.Pool) error {
	_, err := pool.Exec(ctx, fmt.Sprintf(`
		CREATE FUNCTION chaos_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'this row is doomed'; END $$;
		CREATE TRIGGER chaos_doomed BEFORE INSERT ON %s_meta FOR EACH ROW
		WHEN (starts_with(NEW.resource_id, '%[1]s:%s')) EXECUTE FUNCTION chaos_refuse()`, savedModel, doomedPrefix))
	return err
}

// doomed submits jobs that cannot be done, by turns, until ctx ends.
type doomed struct {
	client
	fates []fate
	every time.Duration
}

func (c *clients) doom(ctx context.Context, l Layout, every time.Duration) {
	d := &doomed{client{clients: c, random: rand.New(rand.NewPCG(c.seed, 1<<34))}, fates(l), every}
	for ctx.Err() == nil {
		d.submit(ctx)
		sleep(ctx, time.Duration(float64(d.every)*(0.5+d.random.Float64())))
	}
}

func (d *doomed) submit(ctx context.Context) {
	f := d.fates[d.sent%len(d.fates)]
	d.sent++
	id := uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%d/doomed/%d", d.seed, d.sent)).String()
	body, ops, err := f.message(id)
	e := Event{Kind: Invoked, Job: id, What: string(jobs.KindSave), Ops: ops, Fate: f.name}
	d.history.Add(e)
	if err == nil {
		e.Sequence, err = d.send(ctx, id, jobs.KindSave, body)
	}
	if e.Kind = Accepted; err != nil {
		e.Kind, e.Note = Unknown, err.Error()
	}
	d.history.Add(e)
	if err == nil {
		d.tracker.follow(id, true)
	}
}

func undecodable(id string) ([]byte, []Op, error) {
	return fmt.Appendf(nil, `{"schema":1,"id":%q,"kind":"save","model":%q,"args":{"op":"dance"`, id, savedModel), nil, nil
}

// withoutContent refers to a blob that nobody put.
func withoutContent(id string) ([]byte, []Op, error) {
	b, err := json.Marshal(map[string]any{
		"schema": 1, "id": id, "kind": jobs.KindSave, "model": savedModel,
		"content": map[string]any{"blob": resource.ContentHash([]byte(id)), "sha256": fmt.Sprintf("%x", sha256.Sum256([]byte(id))), "size": len(id)},
	})
	return b, nil, err
}

// doomedSave is a save of one new resource.
func doomedSave(id string, op manager.Op) (jobs.Envelope, []Op) {
	told := Op{Op: string(op), Resource: resource.ID(savedModel + ":" + doomedPrefix + id), Token: doomedPrefix + id}
	data, _ := json.Marshal(map[string]any{"token": told.Token})
	e := jobs.NewSave(savedModel, "doomed", manager.Operation{Op: op, ResourceID: told.Resource, Data: data})
	e.ID = id
	return e, []Op{told}
}

func expired(id string) ([]byte, []Op, error) {
	e, ops := doomedSave(id, manager.OpCreate)
	e.Expires = e.Time.Add(-time.Hour)
	b, err := e.Encode()
	return b, ops, err
}

// refusedWhole updates what is not there.
func refusedWhole(id string) ([]byte, []Op, error) {
	e, ops := doomedSave(id, manager.OpUpdate)
	e.Args = jobs.Save{Operations: e.Args.(jobs.Save).Operations, OnError: jobs.OnErrorFail}
	b, err := e.Encode()
	return b, ops, err
}

// failing creates what the database refuses; it has two attempts.
func failing(id string) ([]byte, []Op, error) {
	e, ops := doomedSave(id, manager.OpCreate)
	e.Attempts = 2
	b, err := e.Encode()
	return b, ops, err
}
