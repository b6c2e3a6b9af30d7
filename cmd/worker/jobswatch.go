package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsWatchCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "watch ID",
		Short: "Show the progress of a job until it and those it caused end",
		Long: `watch waits for a job that workers do, and for the jobs that it caused. On a terminal
it shows bars: of the job, of its stages, of what it caused; elsewhere lines. With
-o ndjson it prints the job each time that something has changed. The exit code is 0
only when the job is done.`,
		Example: `  worker jobs watch "$(worker submit load dump.acbak)"
  worker jobs watch ID -o ndjson`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.watchJob(cmd.Context(), args[0]) },
	}
}

func (a *app) watchJob(ctx context.Context, id string) (err error) {
	st, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	j, err := a.findJob(ctx, st, id)
	if err != nil {
		return err
	}
	board := a.board()
	// Watching needs no queue: a session that only has the store follows the ledger.
	w := &jobWatch{session: &session{app: a, store: st}, board: board, root: newLiveJob(board.Start(j.Kind, units(j.Kind), 0))}
	tree, err := w.follow(ctx, j)
	board.Wait()
	if err != nil {
		return err
	}
	if err := a.printTree(tree); err != nil {
		return err
	}
	if tree.State != storage.JobDone {
		return exit(exitError)
	}
	return nil
}

// jobWatch shows a job and those that it caused until they have ended.
type jobWatch struct {
	*session
	board *progress.Board
	root  *liveJob
	// last is what was printed last.
	last []byte
	// seen: the job had not ended when it was first seen; awaited: it has ended, and those
	// that it was about to cause are there.
	seen, awaited bool
}

// follow returns the job as it ended.
func (w *jobWatch) follow(ctx context.Context, j storage.Job) (jobs.Tree, error) {
	for {
		begun := time.Now()
		tree, err := w.look(ctx, j)
		if err == nil {
			err = w.print(tree)
		}
		if err != nil {
			w.root.end("stopped waiting")
			return tree, err
		}
		w.seen = w.seen || !tree.State.Final()
		if tree.State.Final() && !w.awaited {
			if err := w.awaitCaused(ctx, tree.Job()); err != nil {
				w.root.end("stopped waiting")
				return tree, err
			}
			w.awaited = true
			continue
		}
		w.root.showTree(tree)
		if over(tree) {
			w.root.end(string(tree.State))
			return tree, nil
		}
		for next := lookAgain(begun); time.Now().Before(next); {
			if err := w.pause(ctx); err != nil {
				w.root.end("stopped waiting")
				return tree, err
			}
		}
	}
}

func (w *jobWatch) look(ctx context.Context, j storage.Job) (jobs.Tree, error) {
	row, err := w.store.Ledger().Get(ctx, j.ID)
	if err != nil {
		return jobs.Tree{}, fmt.Errorf("follow job %s: %w", j.Text, err)
	}
	return jobs.TreeOf(ctx, w.store.Ledger(), row, time.Now())
}

// print prints the job as one line of JSON when it has changed and those are asked for.
func (w *jobWatch) print(t jobs.Tree) error {
	if w.app.format != render.NDJSON {
		return nil
	}
	var b bytes.Buffer
	if err := render.Document(&b, w.app.format, t); err != nil {
		return err
	}
	if bytes.Equal(b.Bytes(), w.last) {
		return nil
	}
	w.last = b.Bytes()
	if _, err := w.app.stdout.Write(w.last); err != nil {
		return fmt.Errorf("write result: %w", err)
	}
	return nil
}

// rulesWait is how long a job that was seen to end is given to cause others. Only who
// took its message knows when rules have acted on its end: that is at once.
const rulesWait = time.Second

// awaitCaused waits for the first of the jobs that one may cause that has ended.
func (w *jobWatch) awaitCaused(ctx context.Context, j storage.Job) error {
	if rulesOff(j) {
		return nil
	}
	deadline := time.Now()
	if w.seen {
		deadline = deadline.Add(rulesWait)
	}
	if j.Kind == string(jobs.KindLoad) && j.State == storage.JobDone {
		unset, err := w.unset(ctx, j)
		if err != nil {
			return err
		}
		if unset {
			deadline = time.Now().Add(causedWait)
		}
	}
	for time.Now().Before(deadline) {
		tree, err := jobs.TreeOf(ctx, w.store.Ledger(), j, time.Now())
		if err != nil || len(tree.Caused) > 0 {
			return err
		}
		if err := w.pause(ctx); err != nil {
			return err
		}
	}
	return nil
}

// over reports whether a job and those that it caused have ended, but for those that wait
// for a time that is far off.
func over(t jobs.Tree) bool {
	if !t.State.Final() {
		return t.NotBefore.After(time.Now().Add(causedWait))
	}
	for _, c := range t.Caused {
		if !over(c) {
			return false
		}
	}
	return true
}

// rulesOff reports whether a job was submitted to cause no others.
func rulesOff(j storage.Job) bool {
	e, err := jobs.Decode(j.Envelope)
	return err != nil || e.RulesOff
}

// printTree prints a job that was watched. As lines of JSON it has been printed.
func (a *app) printTree(t jobs.Tree) error {
	switch a.format {
	case render.NDJSON:
		return nil
	case render.JSON:
		return render.Document(a.stdout, a.format, t)
	}
	return a.printJob(t)
}
