package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/settings"
)

func (a *app) configCommand() *cobra.Command {
	var l listen
	var kept retention
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the effective settings and where each came from",
		Long: `config shows the settings that a command with the same flags, environment and
file would use, and for each whether it is a default or comes from a flag, an
environment variable or a place in the file. Secrets are masked.`,
		Example: `  worker config
  SPECSTAR_STORE=sqlite:./copy worker config --config worker.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.config(cmd.Flags()) },
	}
	l.register(cmd.Flags())
	kept.register(cmd.Flags())
	return cmd
}

// setting is one effective setting.
type setting struct {
	Name   string          `json:"name"`
	Value  string          `json:"value"`
	Source settings.Origin `json:"source"`
	Env    string          `json:"env"`
}

func (a *app) config(flags *pflag.FlagSet) error {
	list := render.NewList(a.stdout, a.format, "SETTING", "VALUE", "FROM", "ENVIRONMENT")
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if failed != nil || f.Name == "help" {
			return
		}
		value := settings.Mask(f.Value.String())
		if f.Name == "data" && value == "" {
			if d, ok := a.global.defaultData(); ok {
				value = d
			}
		}
		s := setting{Name: f.Name, Value: value, Source: a.origins[f.Name], Env: settings.EnvName(f.Name)}
		failed = list.Add(render.Row{ID: s.Name, Value: s, Cells: []string{s.Name, s.Value, string(s.Source), s.Env}})
	})
	if failed != nil {
		return failed
	}
	return list.Close()
}
