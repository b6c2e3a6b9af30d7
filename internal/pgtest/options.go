package pgtest

import (
	"maps"
	"slices"
)

// Options say how a cluster is made. The zero value is what most tests want:
// the newest PostgreSQL of the machine, C locale, UTC, no durability.
type Options struct {
	// Bin is the directory with initdb and postgres; empty means the machine's own,
	// as [Binaries] finds it.
	Bin string
	// Locale is that of the cluster's databases; empty means C. The encoding is
	// UTF8 whatever it is.
	Locale string
	// ICULocale makes ICU the provider of collations, with this locale: "en-US".
	ICULocale string
	// TimeZone is that of new sessions; empty means UTC.
	TimeZone string
	// Durable has every commit wait for the disk, as outside of tests. Otherwise
	// the server may end at any moment, but the machine may not.
	Durable bool
	// Settings are further settings of the server, by name: "max_connections": "20".
	Settings map[string]string
}

// arguments returns those of the server process.
func (o Options) arguments(data, sockets string) []string {
	settings := map[string]string{
		"listen_addresses": "", "unix_socket_directories": sockets, "port": port, "max_connections": "200",
		"timezone": "UTC", "log_timezone": "UTC", "lc_messages": "C",
	}
	if o.TimeZone != "" {
		settings["timezone"] = o.TimeZone
	}
	if !o.Durable {
		settings["fsync"], settings["synchronous_commit"], settings["full_page_writes"] = "off", "off", "off"
	}
	maps.Copy(settings, o.Settings)
	args := []string{"-D", data}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// initArguments returns those of initdb.
func (o Options) initArguments(data string) []string {
	// What initdb made is not worth waiting for, even when commits are.
	args := []string{"-D", data, "-U", superuser, "-A", "trust", "-E", "UTF8", "--no-instructions", "--no-sync"}
	if o.ICULocale != "" {
		args = append(args, "--locale-provider=icu", "--icu-locale="+o.ICULocale)
	}
	if o.Locale == "" {
		return append(args, "--locale=C")
	}
	return append(args, "--locale="+o.Locale)
}
