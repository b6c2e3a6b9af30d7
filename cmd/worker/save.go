package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/jobs"
)

// saveFlags are the options of a save.
type saveFlags struct {
	from string
	// batch is how many lines become one job at most.
	batch int
	// onError is what a refused line does to the others.
	onError string
	// durability says what holds a save before it is done.
	durability string
}

// The values of --durability.
const (
	durabilityQueue  = "queue"
	durabilityLedger = "ledger"
)

// whole reports whether all lines take effect or none.
func (f *saveFlags) whole() bool { return f.onError == jobs.OnErrorFail }

// inLedger reports whether rows come before messages.
func (f *saveFlags) inLedger() bool { return f.durability == durabilityLedger }

func (f *saveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "`FILE` of operations, one JSON object a line; - is standard input")
	flags.StringVar(&f.durability, "durability", durabilityQueue, "`WHAT` holds saves until they are done: queue, or ledger (a row first: the loss of the queue's disk loses none)")
	flags.IntVar(&f.batch, "batch", defaultPack, "`N` lines without an id become one job at most; 1: each line a job")
	flags.StringVar(&f.onError, "on-error", jobs.OnErrorRefuse, "`WHAT` a refused line does: refuse leaves the others alone, fail lets none of them take effect")
}

func (f *saveFlags) check() error {
	if f.from == "" {
		return usage("--from FILE is missing; --from - reads standard input")
	}
	if f.batch < 1 || f.batch > jobs.MaxOperations {
		return usage("--batch %d: a job has 1 to %d operations", f.batch, jobs.MaxOperations)
	}
	if f.onError != jobs.OnErrorRefuse && f.onError != jobs.OnErrorFail {
		return usage("--on-error %q is not known; use refuse or fail", f.onError)
	}
	if f.durability != durabilityQueue && f.durability != durabilityLedger {
		return usage("--durability %q is not known; use queue or ledger", f.durability)
	}
	return nil
}

// open opens the operations.
func (f *saveFlags) open(stdin io.Reader) (io.ReadCloser, error) {
	if f.from == "-" {
		return io.NopCloser(stdin), nil
	}
	file, err := os.Open(f.from)
	if err != nil {
		return nil, fmt.Errorf("read operations: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("read operations %s: it is a directory, not a file", f.from), file.Close())
	}
	return file, nil
}

// smallFile is how long a file of operations may be to be read while the session is
// opened. What is read of a longer one takes longer than that.
const smallFile = 64 << 20

// small reports whether r is such a file. From other sources operations may come slowly,
// and the session is to be nobody's meanwhile.
func (f *saveFlags) small(r io.Reader) bool {
	file, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() <= smallFile
}

func (a *app) saveCommand() *cobra.Command {
	var f saveFlags
	var o jobOptions
	cmd := &cobra.Command{
		Use:   "save MODEL --from FILE|-",
		Short: "Submit operations on resources and wait until they are done",
		Long: `save reads one operation a line as JSON:

  {"op":"create|update|upsert|modify|patch|switch|delete|restore","resource_id",
   "data","user","time","status":"stable|draft","expected_revision_id",
   "revision_id","order":number|"none","id"}

and submits them as jobs. The data of a patch are a JSON Patch (RFC 6902, an
array) or a JSON Merge Patch (RFC 7386, an object). modify changes the current
revision in place: a draft's data, or without data the status. switch makes
revision_id the current revision. Operations on one resource apply in the order
of their lines. A bad line fails alone; the exit code is then 4.

A create, update, upsert or modify with data that is older than the last one
applied to its resource does nothing and counts as superseded, which is no error:
another worker was quicker with the newer one. order says what is older: a number
of yours, higher is newer, instead of the place in the queue; "none" applies the
line as it comes.

A line with an id is a job of that id: submitted again, it is done once. Of those
without, up to --batch that follow each other become one job, as long as they fit
into 256 KiB: thousands a second instead of hundreds. A line may have 64 MiB: what is
longer than 256 KiB goes through the store's blobs.

With --on-error fail all lines are one job, of 10,000 at most, and take effect
together or not at all; only the first line may have an id then.`,
		Example: `  echo '{"op":"upsert","resource_id":"note:1","data":{"text":"hello"},"user":"alice"}' |
      worker save note --from -
  worker save person --from changes.ndjson -o json
  worker save person --from changes.ndjson --batch 1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(f.check(), o.check()); err != nil {
				return err
			}
			return a.save(cmd.Context(), args[0], &f, &o)
		},
	}
	f.register(cmd.Flags())
	o.registerLane(cmd.Flags())
	return cmd
}

func (a *app) save(ctx context.Context, model string, f *saveFlags, o *jobOptions) error {
	read, err := a.startSaves(model, f, o)
	if err != nil {
		return err
	}
	result := saveResult{Errors: []lineError{}}
	err = a.withSession(ctx, sessionOptions{command: "save", consume: true, inLedger: f.inLedger()}, func(ctx context.Context, s *session) error {
		list, err := read()
		if err != nil {
			return err
		}
		board := a.board()
		defer board.Wait()
		if err := s.submitSaves(ctx, list, board); err != nil {
			return err
		}
		result, err = s.followSaves(ctx, *list, board)
		return err
	})
	if err != nil {
		return err
	}
	return a.printSave(result)
}

// saveList are the operations of one command.
type saveList struct {
	jobs []*saveJob
	// bad are the lines that are not submitted.
	bad []lineError
}

// lines counts the operations.
func (l saveList) lines() (n int64) {
	for _, j := range l.jobs {
		n += int64(len(j.lines))
	}
	return n
}

// startSaves reads the operations, a file's while the session is opened. The function
// returns them once they are there, the same list each time.
func (a *app) startSaves(model string, f *saveFlags, o *jobOptions) (func() (*saveList, error), error) {
	r, err := f.open(a.stdin)
	if err != nil {
		return nil, err
	}
	read := sync.OnceValues(func() (*saveList, error) {
		defer r.Close() // was only read
		list, err := a.readSaves(r, model, f, o)
		return &list, err
	})
	if f.small(r) {
		go func() { _, _ = read() }() // whoever calls it gets the error
		return read, nil
	}
	_, err = read()
	return read, err
}

// readSaves reads all operations, so that a file that cannot be read submits
// nothing. Of two lines with one id the second is the same job, or is refused.
func (a *app) readSaves(r io.Reader, model string, f *saveFlags, o *jobOptions) (saveList, error) {
	p := packer{model: model, user: a.global.rights.userName(), rulesOff: a.global.rulesOff(), most: f.batch, whole: f.whole(), options: o}
	for l, err := range readLines(r) {
		if err != nil {
			return saveList{}, err
		}
		p.add(l)
	}
	if err := p.end(); err != nil {
		return saveList{}, err
	}
	if len(p.jobs) > 1 && o.uniqueKey != "" {
		return saveList{}, usage("--unique-key: the lines are %d jobs, which cannot have one key; use --unique, or --on-error fail to make them one", len(p.jobs))
	}
	list := saveList{bad: p.bad, jobs: p.jobs[:0]}
	first := map[string]*saveJob{}
	for _, j := range p.jobs {
		id := j.envelope.ID
		if !j.named {
			list.jobs = append(list.jobs, j)
			continue
		}
		if before, repeated := first[id]; repeated && before.hash != j.hash {
			list.bad = append(list.bad, lineError{
				j.lines[0], jobs.CodeDiffers,
				fmt.Sprintf("id %s is that of line %d, which is another operation", id, before.lines[0]),
			})
			continue
		}
		first[id] = j
		list.jobs = append(list.jobs, j)
	}
	return list, nil
}
