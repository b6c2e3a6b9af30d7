package main

import (
	"errors"
	"io"
	"strings"
	"time"
	_ "time/tzdata" // zones by name where the system has none

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/qb"
)

// condition are the flags that say which resources.
type condition struct {
	query, where, zone string
}

func (c *condition) register(flags *pflag.FlagSet) {
	flags.StringVar(&c.query, "query", "", "`JSON` of the original's ResourceMetaSearchQuery, @FILE, or - for standard input")
	flags.StringVar(&c.where, "where", "", "`EXPR` that selects, as \"rev_status = 'draft' and data.price > 10\", @FILE, or - for standard input; with --query both must hold")
	flags.StringVar(&c.zone, "zone", "local", "`ZONE` of days and of times without one in --where: local, Europe/Berlin or +8")
}

// given reports whether the flags select at all.
func (c *condition) given() bool { return c.query != "" || c.where != "" }

// parse returns the query that the flags describe.
func (c *condition) parse(stdin io.Reader) (qb.Query, error) {
	var q qb.Query
	if c.query == "-" && c.where == "-" {
		return q, usage("--query and --where cannot both be read from standard input")
	}
	text, err := argument(c.query, stdin)
	if err != nil {
		return q, err
	}
	if strings.TrimSpace(text) != "" {
		if q, err = qb.ParseQuery([]byte(text)); err != nil {
			return q, usage("--query: %w", err)
		}
	}
	where, err := c.parseWhere(stdin)
	if err != nil || where == nil {
		return q, err
	}
	return q.Filter(where), nil
}

// parseWhere returns what --where says, nil when it is not given.
func (c *condition) parseWhere(stdin io.Reader) (qb.Cond, error) {
	if c.where == "" {
		return nil, nil
	}
	text, err := argument(c.where, stdin)
	if err != nil {
		return nil, err
	}
	zone := time.Local
	if c.zone != "" && !strings.EqualFold(c.zone, "local") {
		if zone, err = qb.Zone(c.zone); err != nil {
			return nil, usage("--zone: %w", err)
		}
	}
	where, err := qb.ParseWhere(strings.TrimRight(text, "\r\n"), qb.WhereOptions{Now: time.Now(), Zone: zone})
	if err != nil {
		return nil, misread("--where", err)
	}
	return where, nil
}

// parseOrder reads the flags --sort, each of which may hold several keys.
func parseOrder(flags []string) ([]qb.Sort, error) {
	var sorts []qb.Sort
	for _, text := range flags {
		if strings.TrimSpace(text) == "" {
			continue
		}
		more, err := qb.ParseOrder(text)
		if err != nil {
			return nil, misread("--sort", err)
		}
		sorts = append(sorts, more...)
	}
	return sorts, nil
}

// misread is the usage error for a flag's text in the language of queries.
func misread(flag string, err error) error {
	e, ok := errors.AsType[*qb.WhereError](err)
	if !ok {
		return usage("%s: %w", flag, err)
	}
	f := &failure{Exit: exitUsage, Code: codeUsage, Message: flag + ": " + e.Explain(), Column: e.Column, place: e.Caret()}
	if e.Line > 1 {
		f.Line = e.Line
	}
	return f
}

// whereHelp tells the language of --where to those who ask for help.
const whereHelp = `--where compares attributes (rev_status, created_by, created_time, …) and indexed
data (data.price, data["any key"], length(data.tags)):

  = != < <= > >=   in (…)   between … and …   like   matches (a regular expression)
  contains   starts with   ends with   icontains, … (upper and lower case alike)
  is null   is unset   exists   is empty   is blank   is true   has flags 65
  and   or   not   (…)      not before a comparison: not in, does not contain

'text' and "text" are in quotes, dates are not: created_time >= 2024-03-01. Times
compare with today, yesterday, this week|month|year, last 7 days, too. A value that
is null or missing compares with nothing, not even with != and not. The whole
language is in docs/queries.md.`

// completed returns the command with completion of the names of attributes in its
// flags --where, --sort and --by.
func completed(cmd *cobra.Command) *cobra.Command {
	attributes := make([]string, 0, len(qb.Attributes()))
	for _, a := range qb.Attributes() {
		attributes = append(attributes, string(a))
	}
	for _, flag := range []string{"where", "sort", "by"} {
		if cmd.Flags().Lookup(flag) == nil {
			continue
		}
		if err := cmd.RegisterFlagCompletionFunc(flag, completeNames(attributes)); err != nil {
			panic(err) // the flag is there, and has no completion yet
		}
	}
	return cmd
}

// completeNames completes the last word of a text from names.
func completeNames(names []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		start := strings.LastIndexFunc(text, func(r rune) bool { return r != '_' && (r < 'a' || r > 'z') }) + 1
		var found []string
		for _, name := range append([]string{"data."}, names...) {
			if strings.HasPrefix(name, text[start:]) {
				found = append(found, text[:start]+name)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
