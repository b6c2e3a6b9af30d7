package main

import (
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/models"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/resource"
)

// global are the settings of all commands.
type global struct {
	config, store, data, nats, namespace, models, rules string
	tablePrefix, encoding, output, logLevel             string
	strictModels, quiet, noProgress                     bool
	rights                                              rights
}

func (g *global) register(f *pflag.FlagSet) {
	f.StringVar(&g.config, "config", "", "`FILE` with settings, YAML, one key per flag")
	f.StringVar(&g.store, "store", "sqlite:./data", "`URL` of the store: sqlite:DIR or memory:")
	f.StringVar(&g.data, "data", "", "`DIR` for the embedded queue and uploads (default: the DIR of the store)")
	f.StringVar(&g.nats, "nats", "", "`URL` of a NATS server (default: an embedded one)")
	f.StringVar(&g.namespace, "namespace", "", "`NAME` of the job streams (default: follows from the store; \"default\" with --nats)")
	f.StringVar(&g.models, "models", "", "`FILE` that declares models, YAML, see worker models --help")
	f.BoolVar(&g.strictModels, "strict-models", false, "refuse models that were not declared")
	f.StringVar(&g.rules, "rules", "", "event rules: `off` starts no jobs by events")
	g.rights.register(f)
	f.StringVar(&g.tablePrefix, "table-prefix", "", "`PREFIX` of the table names")
	f.StringVar(&g.encoding, "encoding", "", "`NAME` of the encoding of metas and revision infos: json or msgpack")
	f.StringVarP(&g.output, "output", "o", "table", "`FORMAT` of results: table, json, ndjson or ids")
	f.StringVar(&g.logLevel, "log-level", "", "`LEVEL` debug, info, warn or error (default: info for run, else warn)")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no progress and no notes on standard error")
	f.BoolVar(&g.noProgress, "no-progress", false, "no progress on standard error")
}

// check refuses what this version cannot do, before anything is opened.
func (g *global) check() error {
	if _, err := parseStore(g.store); err != nil {
		return err
	}
	if g.rules != "" && g.rules != "off" {
		return usage("--rules %s: rule files are not supported by this version; use --rules off, or leave it out for the built-in rule", g.rules)
	}
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

// storeURL is a parsed --store. dir is empty for memory.
type storeURL struct {
	memory bool
	dir    string
}

// parseStore understands --store, and refuses by name what this version cannot open.
func parseStore(url string) (storeURL, error) {
	scheme, rest, ok := strings.Cut(url, ":")
	switch {
	case ok && scheme == "memory" && rest == "":
		return storeURL{memory: true}, nil
	case ok && scheme == "sqlite" && rest != "":
		return storeURL{dir: filepath.Clean(rest)}, nil
	case ok && scheme == "sqlite":
		return storeURL{}, usage("--store sqlite: names no directory; use sqlite:DIR")
	}
	return storeURL{}, usage("--store %s: this kind of store is not supported by this version; use sqlite:DIR or memory:", settings.Mask(url))
}
