package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// submitBatch is how many saves are published together.
const submitBatch = 1000

// saveFlags are the options of a save.
type saveFlags struct{ from string }

func (f *saveFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.from, "from", "", "`FILE` of operations, one JSON object a line; - is standard input")
}

func (f *saveFlags) check() error {
	if f.from == "" {
		return usage("--from FILE is missing; --from - reads standard input")
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

func (a *app) saveCommand() *cobra.Command {
	var f saveFlags
	cmd := &cobra.Command{
		Use:   "save MODEL --from FILE|-",
		Short: "Submit operations on resources and wait until they are done",
		Long: `save reads one operation a line as JSON:

  {"op":"create|update|upsert|modify|patch|switch|delete|restore","resource_id",
   "data","user","time","status":"stable|draft","expected_revision_id",
   "revision_id","id"}

and submits each as a job. The data of a patch are a JSON Patch (RFC 6902, an
array) or a JSON Merge Patch (RFC 7386, an object). modify changes the current
revision in place: a draft's data, or without data the status. switch makes
revision_id the current revision. id identifies the job: submitted again, it is done
once. Operations on one resource apply in the order of their lines. A bad line
fails alone; the exit code is then 4.`,
		Example: `  echo '{"op":"upsert","resource_id":"note:1","data":{"text":"hello"},"user":"alice"}' |
      worker save note --from -
  worker save person --from changes.ndjson -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return a.save(cmd.Context(), args[0], &f)
		},
	}
	f.register(cmd.Flags())
	return cmd
}

// saveResult is what a save prints.
type saveResult struct {
	Done    int64       `json:"done"`
	Refused int64       `json:"refused"`
	Dead    int64       `json:"dead"`
	Errors  []lineError `json:"errors"`
}

// maxErrors is how many lines a result lists.
const maxErrors = 1000

func (r *saveResult) fail(e lineError) {
	if len(r.Errors) < maxErrors {
		r.Errors = append(r.Errors, e)
	}
}

func (a *app) save(ctx context.Context, model string, f *saveFlags) error {
	list, err := a.readSaves(model, f)
	if err != nil {
		return err
	}
	result := saveResult{Errors: []lineError{}}
	err = a.withSession(ctx, sessionOptions{command: "save", consume: true}, func(ctx context.Context, s *session) error {
		board := a.board()
		defer board.Wait()
		if err := s.submitSaves(ctx, &list, board); err != nil {
			return err
		}
		result, err = s.followSaves(ctx, list, board)
		return err
	})
	if err != nil {
		return err
	}
	return a.printSave(result)
}

// saveList are the operations of one command.
type saveList struct {
	jobs []saveJob
	// bad are the lines that are not submitted.
	bad []lineError
}

// readSaves reads all operations, so that a file that cannot be read submits
// nothing. Of two lines with one id the second is the same job, or is refused.
func (a *app) readSaves(model string, f *saveFlags) (saveList, error) {
	r, err := f.open(a.stdin)
	if err != nil {
		return saveList{}, err
	}
	defer r.Close()
	var list saveList
	seen := map[string]int{}
	for j, err := range saveJobs(r, model, a.global.rights.userName(), a.global.rules == "off") {
		if err != nil {
			return list, err
		}
		if j.err != nil {
			list.bad = append(list.bad, *j.err)
			continue
		}
		first, repeated := seen[j.envelope.ID]
		if repeated && list.jobs[first].hash != j.hash {
			list.bad = append(list.bad, lineError{
				j.line, jobs.CodeDiffers,
				fmt.Sprintf("id %s is that of line %d, which is another operation", j.envelope.ID, list.jobs[first].line),
			})
			continue
		}
		seen[j.envelope.ID] = len(list.jobs)
		list.jobs = append(list.jobs, j)
	}
	return list, nil
}

// submitSaves publishes the operations. Those that a former owner of the queue
// took are published again; their ids make that harmless. What is forbidden is
// not published but counts as a bad line.
func (s *session) submitSaves(ctx context.Context, list *saveList, board *progress.Board) error {
	task := board.Start("submit", "operations", int64(len(list.jobs)))
	taken := make([]saveJob, 0, len(list.jobs))
	for from := 0; from < len(list.jobs); from += submitBatch {
		part := list.jobs[from:min(from+submitBatch, len(list.jobs))]
		batch := make([]jobs.Envelope, len(part))
		for i, j := range part {
			batch[i] = j.envelope
			if s.worker != nil {
				s.worker.executor.await(s.jobID(j), j.hash)
			}
		}
		receipts, err := s.submitter.Submit(ctx, batch...)
		for i := range receipts {
			if refused := receipts[i].Err; isRefused(refused, manager.CodeForbidden) {
				list.bad = append(list.bad, lineError{part[i].line, string(manager.CodeForbidden), refused.Error()})
				continue
			} else if refused != nil {
				task.End("stopped")
				return err
			}
			taken = append(taken, part[i])
		}
		if err != nil && len(receipts) == 0 {
			task.End("stopped")
			return err
		}
		task.Update(int64(from+len(part)), int64(len(list.jobs)))
	}
	list.jobs = taken
	task.End("submitted")
	return nil
}

// followSaves waits until all operations have ended and counts how.
func (s *session) followSaves(ctx context.Context, list saveList, board *progress.Board) (saveResult, error) {
	result := saveResult{Errors: []lineError{}}
	for _, e := range list.bad {
		result.Refused++
		result.fail(e)
	}
	task := board.Start("save", "operations", int64(len(list.jobs)))
	for i, j := range list.jobs {
		row, err := s.followSave(ctx, j)
		if err != nil {
			task.End("stopped waiting")
			return result, err
		}
		result.count(j, row)
		task.Update(int64(i+1), int64(len(list.jobs)))
	}
	task.End("done")
	slices.SortStableFunc(result.Errors, func(a, b lineError) int { return cmp.Compare(a.Line, b.Line) })
	return result, nil
}

// followSave waits until an operation has ended and returns its job's row, of one that
// was done here only what count needs.
func (s *session) followSave(ctx context.Context, j saveJob) (storage.Job, error) {
	id := s.jobID(j)
	if s.worker == nil {
		return s.follow(ctx, id, nil)
	}
	for !s.worker.executor.wasDone(id) {
		row, err := s.store.Ledger().Get(ctx, id)
		switch {
		case err == nil && row.State.Final():
			return row, nil
		case err != nil && !errors.Is(err, storage.ErrNotFound):
			return row, fmt.Errorf("follow job %s: %w", id, err)
		}
		if err := s.pause(ctx); err != nil {
			return storage.Job{}, err
		}
	}
	return storage.Job{State: storage.JobDone}, nil
}

// jobID returns the ledger key of an operation's job.
func (s *session) jobID(j saveJob) uuid.UUID { return jobs.ID(s.store.ID(), j.envelope.ID) }

func (r *saveResult) count(j saveJob, row storage.Job) {
	switch {
	case row.EnvelopeHash != nil && !bytes.Equal(row.EnvelopeHash, j.hash[:]):
		r.Dead++
		r.fail(lineError{j.line, jobs.CodeDiffers, fmt.Sprintf("id %s was used before for another operation", j.envelope.ID)})
	case row.State == storage.JobDone:
		r.Done++
	case row.State == storage.JobRefused:
		r.Refused++
		r.fail(lineError{j.line, row.ErrorCode, row.ErrorMessage})
	default:
		r.Dead++
		r.fail(lineError{j.line, row.ErrorCode, fmt.Sprintf("%s: %s", row.State, row.ErrorMessage)})
	}
}

func (a *app) printSave(r saveResult) error {
	if a.format == render.Table || a.format == render.IDs {
		list := render.NewList(a.stdout, a.format, "DONE", "REFUSED", "DEAD")
		if err := list.Add(render.Row{Cells: []string{number(r.Done), number(r.Refused), number(r.Dead)}}); err != nil {
			return err
		}
		if err := list.Close(); err != nil {
			return err
		}
		for _, e := range r.Errors {
			// Not a note: it is what the command has to say, also when quiet.
			_, _ = fmt.Fprintln(a.stderr, render.Printable("line "+strconv.Itoa(e.Line)+": "+e.Code+": "+e.Message))
		}
	} else if err := render.Document(a.stdout, a.format, r); err != nil {
		return err
	}
	if r.Refused+r.Dead > 0 {
		return exit(exitPartly)
	}
	return nil
}

// submitSave submits the operations without waiting.
func (a *app) submitSave(ctx context.Context, model string, f *saveFlags) error {
	list, err := a.readSaves(model, f)
	if err != nil {
		return err
	}
	err = a.submit(ctx, func(ctx context.Context, s *session) ([]string, error) {
		board := a.board()
		defer board.Wait()
		if err := s.submitSaves(ctx, &list, board); err != nil {
			return nil, err
		}
		var ids []string
		for _, j := range list.jobs {
			ids = append(ids, j.envelope.ID)
		}
		return ids, nil
	}, a.printJobIDs)
	if err != nil {
		return err
	}
	for _, e := range list.bad {
		_, _ = fmt.Fprintln(a.stderr, render.Printable("line "+strconv.Itoa(e.Line)+": "+e.Code+": "+e.Message))
	}
	if len(list.bad) > 0 {
		return exit(exitPartly)
	}
	return nil
}
