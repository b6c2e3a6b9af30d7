// Package settings gives every flag of a command an environment variable and a
// key in the configuration file. A flag on the command line comes before the
// environment, the environment before the file, the file before the default.
package settings

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// prefix begins the environment variable of every flag.
const prefix = "SPECSTAR_"

// EnvName returns the environment variable of a flag: "table-prefix" gives
// SPECSTAR_TABLE_PREFIX.
func EnvName(flag string) string {
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Origin tells where the value of a flag came from.
type Origin string

// The origins that are not a file.
const (
	FromDefault Origin = "default"
	FromFlag    Origin = "flag"
)

// Origins holds the origin of each flag by name.
type Origins map[string]Origin

// Lookup finds an environment variable, as os.LookupEnv does.
type Lookup func(name string) (string, bool)

// Apply sets the flags that were not given on the command line from the
// environment, or else from the file, and returns where each value came from. An
// empty variable counts as not set.
func Apply(flags *pflag.FlagSet, env Lookup, file *File) (Origins, error) {
	origins := Origins{}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if failed != nil || f.Name == "help" {
			return
		}
		origin, err := apply(flags, f, env, file)
		origins[f.Name], failed = origin, err
	})
	return origins, failed
}

func apply(flags *pflag.FlagSet, f *pflag.Flag, env Lookup, file *File) (Origin, error) {
	if f.Changed {
		return FromFlag, nil
	}
	name := EnvName(f.Name)
	if v, ok := env(name); ok && v != "" {
		if err := flags.Set(f.Name, v); err != nil {
			return "", fmt.Errorf("environment variable %s: %w", name, err)
		}
		return Origin("environment " + name), nil
	}
	if e, ok := file.entry(f.Name); ok {
		if err := set(flags, f, e.values); err != nil {
			return "", fmt.Errorf("%s: %w", e.where, err)
		}
		return Origin("file " + e.where), nil
	}
	return FromDefault, nil
}

// set gives a flag its value from a file; only list flags take several.
func set(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		f.Changed = true
		return list.Replace(slices.Clone(values))
	}
	if len(values) != 1 {
		return fmt.Errorf("%s takes one value, not a list", f.Name)
	}
	return flags.Set(f.Name, values[0])
}

// secretParam matches the parameters of a URL that hold secrets.
var secretParam = regexp.MustCompile(`(?i)(pass|secret|token|key)`)

// secretPair matches such a parameter in a connection string of key=value pairs.
var secretPair = regexp.MustCompile(`(?i)\b\w*(?:pass|secret|token)\w*\s*=`)

// hidden stands for what is not shown.
const hidden = "***"

// Mask returns a value with passwords and tokens of a URL replaced by "***", for
// people to see. Where it is not certain what of a value is a password, as when it
// has unencoded special characters, nothing of the value is shown.
func Mask(value string) string {
	u, err := url.Parse(value)
	if err != nil {
		if strings.Contains(value, "@") || secretPair.MatchString(value) {
			return hidden
		}
		return value
	}
	switch {
	case u.Scheme == "":
		if secretPair.MatchString(value) {
			return hidden
		}
		return value
	case u.Opaque != "" && strings.Contains(u.Opaque, "@") && !isLocal(u.Scheme):
		return u.Scheme + ":" + hidden
	case (u.Host != "" || u.User != nil) && strings.Contains(u.Path+u.RawQuery+u.Fragment, "@"):
		return hidden // what stands before may be half a password
	}
	return maskURL(u, value)
}

// isLocal reports whether URLs of the scheme name a place on this machine.
func isLocal(scheme string) bool {
	return slices.Contains([]string{"sqlite", "sqlite+disk", "disk", "file", "memory"}, scheme)
}

func maskURL(u *url.URL, value string) string {
	masked := false
	if u.User != nil {
		masked = true
		if _, hasPassword := u.User.Password(); hasPassword {
			u.User = url.UserPassword(u.User.Username(), hidden)
		} else if u.Scheme == "nats" || u.Scheme == "tls" {
			u.User = url.User(hidden) // a lone user of a NATS URL is a token
		}
	}
	q := u.Query()
	for name, values := range q {
		if secretParam.MatchString(name) || slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, "@") }) {
			q.Set(name, hidden)
			masked = true
		}
	}
	if !masked {
		return value
	}
	u.RawQuery = q.Encode()
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", hidden)
}
