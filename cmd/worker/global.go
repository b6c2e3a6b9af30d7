package main

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/models"
	"github.com/specstar-worker/worker/internal/cli/rules"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/internal/cli/sources"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/preset"
)

// global are the settings of all commands.
type global struct {
	config, store, objects, revisions, data, nats, namespace, models, rules string
	tablePrefix, encoding, output, logLevel                                 string
	sources, targets                                                        []string
	strictModels, noMigrate, quiet, noProgress                              bool
	rights                                                                  rights
	mayWrite                                                                sources.Allowed // by targets
	limits                                                                  limits
}

func (g *global) register(f *pflag.FlagSet) {
	f.StringVar(&g.config, "config", "", "`FILE` with settings, YAML, one key per flag")
	f.StringVar(&g.store, "store", "sqlite:./data", "`URL` of the store: sqlite:DIR, sqlite+disk:DIR, disk:DIR, postgres://… or memory:")
	f.StringVar(&g.objects, "objects", "", "`URL` of blobs, and of revisions unless --revisions is given: s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true] (default: in the database)")
	f.StringVar(&g.revisions, "revisions", "", "`URL` of revisions: disk:DIR (default: with the objects, else in the database)")
	f.StringVar(&g.data, "data", "", "`DIR` for the embedded queue and uploads (default: the DIR of the store, ./data for postgres)")
	f.StringVar(&g.nats, "nats", "", "`URL` of a NATS server (default: an embedded one)")
	f.StringVar(&g.namespace, "namespace", "", "`NAME` of the job streams (default: follows from the store; \"default\" with --nats)")
	f.StringSliceVar(&g.sources, "sources", nil, "`PLACES` besides uploads that loads may read: directories and s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true]")
	f.StringSliceVar(&g.targets, "targets", nil, "`PLACES` that dumps may write: directories and s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true]")
	f.StringVar(&g.models, "models", "", "`FILE` that declares models, YAML, see worker models --help")
	f.BoolVar(&g.strictModels, "strict-models", false, "refuse models that were not declared")
	f.StringVar(&g.rules, "rules", "", "`FILE` of rules that start jobs by events, YAML, see docs/events.md, beside the built-in ones; off: no rule starts any")
	g.rights.register(f)
	g.limits.register(f)
	f.StringVar(&g.tablePrefix, "table-prefix", "", "`PREFIX` of the table names")
	f.BoolVar(&g.noMigrate, "no-migrate", false, "make no tables and columns in PostgreSQL, for a role that may not")
	f.StringVar(&g.encoding, "encoding", "", "`NAME` of the encoding of metas and revision infos: json or msgpack")
	f.StringVarP(&g.output, "output", "o", "table", "`FORMAT` of results: table, json, ndjson or ids")
	f.StringVar(&g.logLevel, "log-level", "", "`LEVEL` debug, info, warn or error (default: info for run, else warn)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no notes on standard error")
	f.BoolVar(&g.noProgress, "no-progress", false, "no progress on standard error")
}

// check refuses what this version cannot do, before anything is opened.
func (g *global) check() error {
	place, err := g.place()
	if err != nil {
		return err
	}
	if g.noMigrate && place.Kind != preset.InPostgres {
		return usage("--no-migrate: it is about the tables of --store postgres://…; leave it out")
	}
	if _, err := g.userRules(); err != nil {
		return usage("--rules: %w", err)
	}
	if err := g.limits.check(); err != nil {
		return err
	}
	if _, err := g.allowed(); err != nil {
		return err
	}
	mayWrite, err := sources.Parse(g.targets)
	if err != nil {
		return usage("--targets %w", err)
	}
	g.mayWrite = mayWrite
	if g.encoding != "" {
		if _, err := resource.ParseEncoding(g.encoding); err != nil {
			return usage("--encoding: %w", err)
		}
	}
	if g.models != "" {
		if _, err := models.ReadFile(g.models); err != nil {
			return err
		}
	}
	return nil
}

// rulesOff reports whether jobs are to start no others.
func (g *global) rulesOff() bool { return g.rules == rules.Off }

// userRules returns the rules of the file that --rules names, none without one.
func (g *global) userRules() ([]jobs.Rule, error) {
	if g.rules == "" || g.rulesOff() {
		return nil, nil
	}
	return rules.ReadFile(g.rules)
}

// place returns where the store is, or what is wrong with the settings that say so.
func (g *global) place() (preset.Place, error) {
	p, err := preset.Parse(g.store, g.objects, g.revisions)
	if err != nil {
		return p, usage("%w", err)
	}
	return p, nil
}

// explainFile says what is wrong with a configuration file, also to those who wrote
// the name of one of the original's storage factories into it.
func explainFile(err error) error {
	if key, ok := errors.AsType[*settings.UnknownKeyError](err); ok {
		if said := preset.Explain(key.Key + " " + key.Value); said != "" {
			return usage("%s: key %q: %s", key.Where, key.Key, said)
		}
	}
	return usage("%w", err)
}

// storeName names the store for people, without its password.
func (g *global) storeName() string { return settings.Mask(g.store) }

// options are the settings with which the store is opened.
func (g *global) options() preset.Options {
	return preset.Options{TablePrefix: g.tablePrefix, Encoding: resource.Encoding(g.encoding), NoMigrate: g.noMigrate}
}
