package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// commandWithin bounds a command.
const commandWithin = 5 * time.Minute

// commands runs the worker's command line on the store.
type commands struct {
	program string
	env     []string
	flags   []string
}

// run runs a command and returns what it printed.
func (c commands) run(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, append(args, c.flags...)...)
	cmd.Env, cmd.SysProcAttr = c.env, attributes()
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("worker %s: %w\n%s%s", args[0], err, out, errs.Bytes())
	}
	return out, nil
}

// loader submits archives and backfills by the command line.
type loader struct {
	commands
	dir     string
	every   time.Duration
	sizes   []int
	random  *rand.Rand
	pool    *pgxpool.Pool
	history *Recorder
	tracker *tracker
	archive string // the last one
	job     string // that brings it; empty when nobody knows
}

// run submits until ctx ends.
func (l *loader) run(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		l.turn(ctx, n)
		sleep(ctx, time.Duration(float64(l.every)*(0.5+l.random.Float64())))
	}
}

// turn submits a new archive, the last one again, or a backfill. An archive comes
// again only once its load has ended: one that skips what is there shows its resources
// bit by bit, and the other would be refused then.
func (l *loader) turn(ctx context.Context, n int) {
	switch n % 4 {
	case 3:
		if l.job != "" && !l.tracker.follows(l.job) {
			l.submit(ctx, Event{What: string(jobs.KindLoad), Note: "the same again"}, "load", l.archive, "--on-duplicate", "skip")
			return
		}
		fallthrough
	case 2:
		l.submit(ctx, Event{What: string(jobs.KindBackfill)}, "backfill", loadedModel)
	default:
		size := l.sizes[l.random.IntN(len(l.sizes))]
		name := fmt.Sprint("L", n)
		l.archive = filepath.Join(l.dir, name+".acbak")
		if err := writeArchive(l.archive, name, size, n%4 == 1); err != nil {
			l.history.Add(Event{Kind: Unknown, What: string(jobs.KindLoad), Note: err.Error()})
			return
		}
		l.job = l.submit(ctx, Event{What: string(jobs.KindLoad), Archive: name, Size: size}, "load", l.archive)
	}
}

// submit runs `worker submit` and returns the id of the job, which is not known before
// it tells.
func (l *loader) submit(ctx context.Context, e Event, args ...string) string {
	e.Kind = Invoked
	l.history.Add(e)
	out, err := l.commands.run(context.WithoutCancel(ctx), append([]string{"submit"}, append(args, "-o", "json", "-q")...)...)
	var receipt struct {
		JobID string `json:"job_id"`
	}
	if err == nil {
		err = json.Unmarshal(out, &receipt)
	}
	if err != nil {
		e.Kind, e.Note = Unknown, err.Error()
		l.history.Add(e)
		return ""
	}
	e.Kind, e.Job = Accepted, receipt.JobID
	l.history.Add(e)
	l.tracker.follow(e.Job, false)
	return e.Job
}

// watch counts again and again how many resources of each archive are visible: a
// load that refuses duplicates shows all or none.
func (l *loader) watch(ctx context.Context) {
	seen := map[string]int{}
	for ; ctx.Err() == nil; sleep(ctx, 500*time.Millisecond) {
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		_ = l.count(once, seen) // one that fails is repeated
		cancel()
	}
}

func (l *loader) count(ctx context.Context, seen map[string]int) error {
	rows, err := l.pool.Query(ctx, `SELECT split_part(split_part(resource_id, ':', 2), '-', 1) AS a, count(*) FROM item_meta GROUP BY a`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			return err
		}
		if seen[name] != n {
			seen[name] = n
			l.history.Add(Event{Kind: Loaded, Archive: name, Number: n})
		}
	}
	return rows.Err()
}

// loadedToken is the token of a revision in an archive.
func loadedToken(name string, i, revision int) string {
	return name + "-" + strconv.Itoa(i) + "-" + strconv.Itoa(revision)
}

// loadedRevisions is how many revisions each resource of an archive has.
const loadedRevisions = 2

// writeArchive writes an archive of resources with two revisions each. filled says
// whether metas have their rev_* fields; others are filled by a job that the load
// causes.
func writeArchive(path, name string, size int, filled bool) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := archive.NewWriter(f)
	records := []archive.Record{archive.Header{Version: archive.Version}, archive.ModelStart{Model: loadedModel}}
	for i := range size {
		records = append(records, archived(name, i, filled)...)
	}
	for _, r := range append(records, archive.ModelEnd{Model: loadedModel}, archive.EOF{}) {
		if err := w.Write(r); err != nil {
			return fmt.Errorf("write archive: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write archive: %w", err)
	}
	return f.Close()
}

// archived returns one resource: its meta, then its revisions.
func archived(name string, i int, filled bool) []archive.Record {
	id := resource.ID(fmt.Sprintf("%s:%s-%06d", loadedModel, name, i))
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	var last resource.RevisionInfo
	var revisions []archive.Record
	for k := 1; k <= loadedRevisions; k++ {
		data := fmt.Appendf(nil, `{"token":%q,"n":%d}`, loadedToken(name, i, k), i)
		last = resource.RevisionInfo{
			UID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "%s:%d", id, k)), ResourceID: id, RevisionID: id.Revision(k),
			DataHash: opt.Of(resource.DataHash(data)), Status: resource.Stable,
			CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker",
		}
		if k > 1 {
			last.ParentRevisionID = opt.Of(id.Revision(k - 1))
		}
		revisions = append(revisions, archive.Revision{Revision: resource.Revision{Info: last, Data: data}})
	}
	m := resource.Meta{
		CurrentRevisionID: last.RevisionID, ResourceID: id, TotalRevisionCount: loadedRevisions,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "maker", UpdatedBy: "maker",
	}
	if filled {
		m.Rev = resource.RevMetaOf(last)
	}
	return append([]archive.Record{archive.Meta{Meta: m}}, revisions...)
}
