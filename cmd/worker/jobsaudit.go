package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// auditView is an entry of the audit trail as users see it.
type auditView struct {
	At    time.Time        `json:"at"`
	Verb  string           `json:"verb"`
	JobID string           `json:"job_id"`
	Key   string           `json:"key"`
	Kind  string           `json:"kind"`
	Model string           `json:"model"`
	By    string           `json:"by"`
	Via   string           `json:"via"`
	Was   storage.JobState `json:"was"`
	// Is is the state after; empty when the job was dropped.
	Is storage.JobState `json:"is"`
	// Error is the code with which the job had ended, Code why it refused.
	Error string `json:"error,omitzero"`
	Code  string `json:"code,omitzero"`
}

func viewOfAudit(e storage.Audit) auditView {
	return auditView{
		At: e.At, Verb: string(e.Verb), JobID: e.Text, Key: e.Job.String(), Kind: e.Kind, Model: e.Model,
		By: e.By, Via: e.Via, Was: e.Was, Is: e.Is, Error: e.ErrorCode, Code: e.Code,
	}
}

// trailFilter are the flags that select entries.
type trailFilter struct {
	job, verb, by, since, until string
	limit                       int
}

func (a *app) jobsAuditCommand() *cobra.Command {
	var f trailFilter
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "List who retried, cancelled and dropped jobs, newest first",
		Long: `audit lists what people did to jobs: when, who, by which command and from where, on
what, and what became of it. What a job refused is listed with a code. Entries are
written in the transaction of what they tell, are never changed and stay for 90 days,
see worker run --keep-audit, also when the job is gone.`,
		Example: `  worker jobs audit --since 24h
  worker jobs audit --job ID -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listAudits(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.job, "job", "", "only what was done to job `ID`")
	flags.StringVar(&f.verb, "verb", "", "only `VERB`: retry, cancel, drop")
	flags.StringVar(&f.by, "by", "", "only what `NAME` did")
	flags.StringVar(&f.since, "since", "", "only what was done at `TIME` or later: RFC 3339, or a duration before now as 24h")
	flags.StringVar(&f.until, "until", "", "only what was done before `TIME`")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` entries (0: all)")
	return cmd
}

func (f trailFilter) parse() (out storage.AuditFilter, err error) {
	out = storage.AuditFilter{Verb: storage.Verb(f.verb), By: f.by, Limit: f.limit}
	switch out.Verb {
	case "", storage.VerbRetry, storage.VerbCancel, storage.VerbDrop:
	default:
		return out, usage("--verb %q is not known; use retry, cancel or drop", f.verb)
	}
	if f.limit < 0 {
		return out, usage("--limit must not be negative")
	}
	if out.Since, err = jobfilter.Moment(jobfilter.Since, f.since); err != nil {
		return out, wrongFlag(err)
	}
	out.Until, err = jobfilter.Moment(jobfilter.Until, f.until)
	return out, wrongFlag(err)
}

func (a *app) listAudits(ctx context.Context, f trailFilter) (err error) {
	filter, err := f.parse()
	if err != nil {
		return err
	}
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if f.job != "" {
		filter.Job = jobs.ID(s.ID(), f.job) // it may have been dropped
		if j, err := jobfilter.Find(ctx, s.Ledger(), f.job); err == nil {
			filter.Job = j.ID
		}
	}
	list := render.NewList(a.stdout, a.format, "AT", "WHO", "DID", "JOB", "KIND", "MODEL", "WAS", "IS", "CODE", "VIA")
	for e, err := range s.Ledger().Audits(ctx, filter) {
		if err != nil {
			return fmt.Errorf("read the audit trail: %w", err)
		}
		v := viewOfAudit(e)
		row := render.Row{ID: v.JobID, Value: v, Cells: []string{
			stamp(v.At), v.By, v.Verb, v.JobID, v.Kind, v.Model, string(v.Was), string(v.Is), v.Code, v.Via,
		}}
		if err := list.Add(row); err != nil {
			return err
		}
	}
	return list.Close()
}

// operator is who uses the command, for the audit trail: the user on whose behalf it
// acts, and the account and machine that it runs on.
func (a *app) operator(command string) (by, via string) {
	account := "uid " + fmt.Sprint(os.Getuid())
	if u, err := user.Current(); err == nil {
		account = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "?"
	}
	return a.global.rights.userName(), "worker " + command + ", " + account + "@" + host
}
