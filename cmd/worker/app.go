package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"golang.org/x/sys/unix"

	"github.com/specstar-worker/worker/internal/cli/progress"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/manager"
)

// app is what the commands share: the streams, the settings and the log.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	global         global
	origins        settings.Origins
	format         render.Format
	log            *zap.Logger
	// current is the store of the running session: a store in memory is nowhere else.
	current *store
	// started is set when the command line was understood and the command runs;
	// an error before that is a usage error.
	started bool
}

// Run executes one command line and returns the exit code: 0 ok, 1 error, 2
// usage, 3 verify, check or gc found problems, 4 partly done, 5 a service is
// unavailable. It ends early, in order, when ctx does.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, log: zap.NewNop(), format: render.Table}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	f := explain(err)
	if !a.started && f.Code == codeError {
		f.Code, f.Exit = codeUsage, exitUsage
	}
	if f.Code == string(manager.CodeForbidden) && a.global.rights.on() {
		f.Message += a.global.rights.advice()
	}
	if !f.silent {
		a.report(f, wantsJSON(args))
	}
	return f.Exit
}

// root builds the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "worker",
		Short: "Queue-driven bulk writes of versioned resources",
		Long: `worker takes saves, loads, backfills and migrations of versioned resources from a
queue and does them in bulk, exactly once in effect.

Every flag has an environment variable (--table-prefix is SPECSTAR_TABLE_PREFIX)
and a key in the file given with --config; flags come first, then the
environment, then the file.`,
		Example: `  worker demo                                  take the tour
  worker load dump.acbak                       load an archive, all or nothing
  worker search person --limit 3 -o json       look
  worker run                                   consume jobs until SIGTERM`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		Args:              cobra.NoArgs,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: a.prepare,
	}
	a.global.register(root.PersistentFlags())
	root.AddCommand(
		a.runCommand(), a.demoCommand(),
		a.loadCommand(), a.dumpCommand(), a.saveCommand(), a.backfillCommand(), a.migrateCommand(), a.submitCommand(), a.jobsCommand(), a.eventsCommand(),
		a.searchCommand(), a.countCommand(), a.getCommand(), a.revisionsCommand(), a.modelsCommand(), a.indexesCommand(),
		a.verifyCommand(), a.checkCommand(), a.provisionCommand(), a.planCommand(), a.gcCommand(), a.benchCommand(), a.configCommand(), a.versionCommand(),
	)
	return root
}

// prepare completes the settings before any command runs.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	path := a.global.config
	if path == "" {
		path = os.Getenv(settings.EnvName("config"))
	}
	var file *settings.File
	if path != "" {
		f, err := settings.ReadFile(path, flagNames(cmd.Root()))
		if err != nil {
			return explainFile(err)
		}
		file = f
	}
	origins, err := settings.Apply(cmd.Flags(), os.LookupEnv, file)
	if err != nil {
		return usage("%w", err)
	}
	a.origins = origins
	if a.format, err = render.Parse(a.global.output); err != nil {
		return usage("%w", err)
	}
	if a.log, err = a.newLog(cmd.Name()); err != nil {
		return usage("%w", err)
	}
	if err := a.global.check(); err != nil {
		return err
	}
	if err := a.global.rights.check(origins); err != nil {
		return err
	}
	a.started = true
	return nil
}

// flagNames returns the names of the flags of all commands, sorted.
func flagNames(root *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		c.Flags().VisitAll(add)
		c.PersistentFlags().VisitAll(add)
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(n string) bool { return n == "help" || n == "config" })
}

// newLog returns the log: lines for people on a terminal, JSON elsewhere.
func (a *app) newLog(command string) (*zap.Logger, error) {
	name := a.global.logLevel
	if name == "" {
		name = "warn"
		if command == "run" {
			name = "info"
		}
	}
	level, err := zapcore.ParseLevel(name)
	if err != nil || level > zapcore.ErrorLevel {
		return nil, fmt.Errorf("log level %q is not known; use debug, info, warn or error", name)
	}
	var encoder zapcore.Encoder
	if isTerminal(a.stderr) {
		c := zap.NewDevelopmentEncoderConfig()
		c.EncodeLevel = zapcore.CapitalColorLevelEncoder
		encoder = zapcore.NewConsoleEncoder(c)
	} else {
		c := zap.NewProductionEncoderConfig()
		c.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		c.TimeKey = "time"
		encoder = zapcore.NewJSONEncoder(c)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(a.stderr)), level)), nil
}

// board returns how progress is shown.
func (a *app) board() *progress.Board {
	switch {
	case a.global.quiet || a.global.noProgress:
		return progress.New(a.stderr, progress.None)
	case hasWidth(a.stderr):
		return progress.New(a.stderr, progress.Bars)
	default:
		return progress.New(a.stderr, progress.Lines)
	}
}

// note tells people something on standard error, unless they asked for quiet.
func (a *app) note(format string, args ...any) {
	if !a.global.quiet {
		// A note that cannot be shown is no reason to fail.
		_, _ = fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}

// isTerminal reports whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// hasWidth reports whether w is a terminal that bars fit on: some pretend to be
// one and have no columns.
func hasWidth(w any) bool {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return false
	}
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	return err == nil && size.Col > 0
}

// wantsJSON reports whether errors go to standard output as JSON. It looks at
// the raw command line, since the error may be that it was not understood.
func wantsJSON(args []string) bool {
	format := os.Getenv(settings.EnvName("output"))
	for i, arg := range args {
		switch {
		case arg == "-o" || arg == "--output":
			if i+1 < len(args) {
				format = args[i+1]
			}
		case strings.HasPrefix(arg, "--output="):
			format = strings.TrimPrefix(arg, "--output=")
		case strings.HasPrefix(arg, "-o") && !strings.HasPrefix(arg, "--"):
			format = strings.TrimPrefix(strings.TrimPrefix(arg, "-o"), "=")
		}
	}
	return format == string(render.JSON) || format == string(render.NDJSON)
}

// report tells why the command failed: one JSON document on standard output when
// results are JSON and none was begun, else one line on standard error, and the place
// in a flag's text.
func (a *app) report(f failure, asJSON bool) {
	if !f.open && (asJSON || a.started && a.format == render.JSON) {
		if err := render.Document(a.stdout, render.NDJSON, struct {
			Error failure `json:"error"`
		}{f}); err == nil {
			return
		}
	}
	_, _ = fmt.Fprintf(a.stderr, "error: %s\n", render.Printable(f.Message))
	if f.place != "" {
		_, _ = fmt.Fprintf(a.stderr, "%s\n", f.place)
	}
}

// errInterrupted is the cause when a signal ended a command that should have
// completed.
var errInterrupted = errors.New("interrupted")
