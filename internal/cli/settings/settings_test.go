package settings_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/specstar-worker/worker/internal/cli/settings"
)

func flagSet() *pflag.FlagSet {
	fs := pflag.NewFlagSet("test", pflag.ContinueOnError)
	fs.String("store", "sqlite:./data", "")
	fs.String("table-prefix", "", "")
	fs.Bool("strict-models", false, "")
	fs.StringSlice("model", nil, "")
	fs.Int("limit", 0, "")
	return fs
}

func names(fs *pflag.FlagSet) []string {
	var all []string
	fs.VisitAll(func(f *pflag.Flag) { all = append(all, f.Name) })
	return all
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "worker.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagBeforeEnvironmentBeforeFileBeforeDefault(t *testing.T) {
	path := write(t, "# a comment\nstore: sqlite:./file\ntable_prefix: 'f_'\nstrict-models: true\nmodel: [a, b]\n")
	fs := flagSet()
	file, err := settings.ReadFile(path, names(fs))
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.Parse([]string{"--store", "sqlite:./flag"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"SPECSTAR_STORE": "sqlite:./env", "SPECSTAR_TABLE_PREFIX": "e_", "SPECSTAR_LIMIT": ""}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	origins, err := settings.Apply(fs, lookup, file)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ flag, value, origin string }{
		{"store", "sqlite:./flag", "flag"},
		{"table-prefix", "e_", "environment SPECSTAR_TABLE_PREFIX"},
		{"strict-models", "true", "file " + path + ":4:1"},
		{"model", "[a,b]", "file " + path + ":5:1"},
		{"limit", "0", "default"},
	} {
		if got := fs.Lookup(tc.flag).Value.String(); got != tc.value || string(origins[tc.flag]) != tc.origin {
			t.Errorf("%s = %q from %q; want %q from %q", tc.flag, got, origins[tc.flag], tc.value, tc.origin)
		}
	}
	if list, _ := fs.GetStringSlice("model"); !slices.Equal(list, []string{"a", "b"}) {
		t.Errorf("model = %q", list)
	}
}

func TestBadConfigurationIsRefusedWithItsPlace(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "store: sqlite:x\nstroe: x\n", "worker.yaml:2:1: unknown key \"stroe\""},
		{"key given twice", "store: sqlite:x\nstore: x\n", "store"},
		{"nested value", "store: {a: b}\n", "worker.yaml:1:1: key \"store\": the value must be a scalar"},
		{"not a mapping", "- a\n", "not a mapping"},
		{"not YAML", "store: [\n", "read configuration"},
		{"wrong type", "limit: many\n", "worker.yaml:1:1: "},
		{"list for one", "store: [a, b]\n", "worker.yaml:1:1: store takes one value"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs := flagSet()
			file, err := settings.ReadFile(write(t, tc.text), names(fs))
			if err == nil {
				_, err = settings.Apply(fs, func(string) (string, bool) { return "", false }, file)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v; want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestAnEmptyFileSetsNothing(t *testing.T) {
	fs := flagSet()
	if _, err := settings.ReadFile(write(t, "# nothing\n"), names(fs)); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentErrorNamesTheVariable(t *testing.T) {
	lookup := func(name string) (string, bool) { return "x", name == "SPECSTAR_LIMIT" }
	_, err := settings.Apply(flagSet(), lookup, nil)
	if err == nil || !strings.Contains(err.Error(), "SPECSTAR_LIMIT") {
		t.Fatalf("error = %v", err)
	}
}

func TestMask(t *testing.T) {
	for in, want := range map[string]string{
		"sqlite:./data":                         "sqlite:./data",
		"memory:":                               "memory:",
		"nats://token@host:4222":                "nats://***@host:4222",
		"nats://user:pw@host":                   "nats://user:***@host",
		"postgres://u:secret@h/db?sslmode=off":  "postgres://u:***@h/db?sslmode=off",
		"postgres://h/db?password=x&user=u":     "postgres://h/db?password=***&user=u",
		"nats://127.0.0.1:4222":                 "nats://127.0.0.1:4222",
		"postgres://u:p%zz@h/db":                "***",
		"":                                      "",
		"a value that is no URL at all: 100% x": "a value that is no URL at all: 100% x",

		"postgres://u:secret@/db?host=/run/pg":              "postgres://u:***@/db?host=%2Frun%2Fpg",
		"postgres://u:secret@h1:5432,h2:5432/db":            "postgres://u:***@h1:5432,h2:5432/db",
		"postgres://u:sec@ret@h/db":                         "postgres://u:***@h/db",
		"postgres://u:sec/ret@h/db":                         "***",
		"postgres://u:12/secret@h/db":                       "***",
		"postgres://u:12?secret@h/db":                       "***",
		"postgres://u:12#secret@h/db":                       "***",
		"postgres:u:secret@h/db":                            "postgres:***",
		"postgres://h/db?sslpassword=secret":                "postgres://h/db?sslpassword=***",
		"postgres://h:p/db?password=secret":                 "***",
		"host=h password=secret dbname=d":                   "***",
		"host=h password = 'secret'":                        "***",
		"s3://bucket/prefix?endpoint=http://u:secret@h":     "***",
		"s3://b?endpoint=http%3A%2F%2Fu%3Asecret%40h":       "s3://b?endpoint=***",
		"s3://bucket/prefix?endpoint=http://127.0.0.1:9000": "s3://bucket/prefix?endpoint=http://127.0.0.1:9000",
		"sqlite:/home/me@work/data":                         "sqlite:/home/me@work/data",
		"sqlite:me@work":                                    "sqlite:me@work",
	} {
		if got := settings.Mask(in); got != want {
			t.Errorf("Mask(%q) = %q; want %q", in, got, want)
		}
	}
}
