package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// release is one release of Go and the api file that came with it.
type release struct {
	Version string
	Date    string
}

// time returns the start of the release's day in UTC.
func (r release) time() (time.Time, error) { return time.Parse(time.DateOnly, r.Date) }

// releases are the releases that the data set covers, in order, with the dates
// of Go's public release history. Newer ones that a Go distribution may know are
// left out, so that every distribution gives the same archive.
var releases = []release{
	{"go1", "2012-03-28"},
	{"go1.1", "2013-05-13"},
	{"go1.2", "2013-12-01"},
	{"go1.3", "2014-06-18"},
	{"go1.4", "2014-12-10"},
	{"go1.5", "2015-08-19"},
	{"go1.6", "2016-02-17"},
	{"go1.7", "2016-08-15"},
	{"go1.8", "2017-02-16"},
	{"go1.9", "2017-08-24"},
	{"go1.10", "2018-02-16"},
	{"go1.11", "2018-08-24"},
	{"go1.12", "2019-02-25"},
	{"go1.13", "2019-09-03"},
	{"go1.14", "2020-02-25"},
	{"go1.15", "2020-08-11"},
	{"go1.16", "2021-02-16"},
	{"go1.17", "2021-08-16"},
	{"go1.18", "2022-03-15"},
	{"go1.19", "2022-08-02"},
	{"go1.20", "2023-02-01"},
	{"go1.21", "2023-08-08"},
	{"go1.22", "2024-02-06"},
	{"go1.23", "2024-08-13"},
	{"go1.24", "2025-02-11"},
	{"go1.25", "2025-08-12"},
	{"go1.26", "2026-02-10"},
}

// readEntries reads the release's api file in dir, leaving out packages that
// keep refuses.
func readEntries(dir string, r release, keep func(pkg string) bool) (es []entry, err error) {
	path := filepath.Join(dir, r.Version+".txt")
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the api of %s: %w", r.Version, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		e, ok, err := parseLine(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, n, err)
		}
		if ok && keep(e.Package) {
			es = append(es, e)
		}
	}
	return es, lines.Err()
}
