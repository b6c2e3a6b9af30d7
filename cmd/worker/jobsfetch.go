package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (a *app) jobsFetchCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "fetch ID --out FILE|-",
		Short: "Get the archive that a dump has made",
		Long: `fetch gets the archive of a dump that was submitted without --to, or with
--to download:, and compares it with the hash that the job has. The file appears when
it is complete. The archive stays beside the queue until the row of the job goes:
worker jobs drop, or after a week, see --keep-jobs of worker run.`,
		Example: `  id=$(worker submit dump) && worker jobs watch $id && worker jobs fetch $id --out monday.acbak
  worker jobs fetch ID --out - | zstd > monday.acbak.zst`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out FILE is missing; --out - writes to standard output")
			}
			return a.fetchDump(cmd.Context(), args[0], out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "`FILE` to write; - is standard output")
	return cmd
}

func (a *app) fetchDump(ctx context.Context, id, out string) error {
	var dumped jobs.DumpOutcome
	err := a.withSession(ctx, sessionOptions{command: "jobs fetch"}, func(ctx context.Context, s *session) error {
		j, err := a.findJob(ctx, s.store, id)
		if err != nil {
			return err
		}
		if dumped, err = fetchable(id, j); err != nil {
			return err
		}
		write := func(w io.Writer) error { return s.fetch(ctx, id, dumped, w) }
		if out == "-" {
			return write(a.stdout)
		}
		if err := writeWhole(out, write); err != nil {
			return fmt.Errorf("write %s: %w", out, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.printFetched(id, out, dumped)
}

// fetchable returns where the archive of a job is, or says why it cannot be fetched.
func fetchable(id string, j storage.Job) (jobs.DumpOutcome, error) {
	no := func(code, format string, args ...any) (jobs.DumpOutcome, error) {
		return jobs.DumpOutcome{}, &failure{Exit: exitError, Code: code, JobID: id, Message: fmt.Sprintf("job %s ", id) + fmt.Sprintf(format, args...)}
	}
	dumped := jobs.DumpedTo(j)
	switch {
	case j.Kind != string(jobs.KindDump):
		return no("not_a_dump", "is a %s and no dump", j.Kind)
	case !j.State.Final():
		return no("not_ended", "is %s; wait for it: worker jobs watch %s", j.State, id)
	case j.State != storage.JobDone:
		return no("not_done", "is %s: it left no archive", j.State)
	case dumped.Object == "":
		return no("elsewhere", "has put its archive into %s", dumped.Target)
	}
	return dumped, nil
}

// fetch writes an archive that is beside the queue.
func (s *session) fetch(ctx context.Context, id string, dumped jobs.DumpOutcome, w io.Writer) (err error) {
	r, _, err := s.downloads.Open(ctx, dumped.Object)
	if errors.Is(err, storage.ErrNotFound) {
		return &failure{Exit: exitError, Code: codeNotFound, JobID: id, Message: fmt.Sprintf("the archive of job %s is no longer beside the queue", id)}
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), r)
	if err != nil {
		return fmt.Errorf("fetch the archive of job %s: %w", id, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != dumped.Bytes || got != dumped.SHA256 {
		return fmt.Errorf("the archive of job %s has %d bytes with hash %s, not %d with %s", id, n, got, dumped.Bytes, dumped.SHA256)
	}
	return nil
}

// printFetched prints the summary where it does not mix with the archive.
func (a *app) printFetched(id, out string, dumped jobs.DumpOutcome) error {
	w := a.stdout
	if out == "-" {
		w = a.stderr
	}
	if a.format != render.Table && a.format != render.IDs {
		return render.Document(w, a.format, struct {
			JobID string `json:"job_id"`
			jobs.DumpOutcome
		}{id, dumped})
	}
	if out == "-" && a.global.quiet {
		return nil
	}
	_, err := fmt.Fprintf(w, "%d bytes to %s\n", dumped.Bytes, out)
	return err
}
