// Package command is what the commands that measure have in common: flags, profiles
// and how results are made and printed.
package command

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
)

// Options are the flags of every command.
type Options struct {
	JSON       bool   // print one JSON document instead of a table
	GCPercent  int    // garbage collection target, as GOGC
	CPUProfile string // the file to keep the CPU profile in, "" for none
}

// Register adds the flags; profiled says what the profile is of.
func (o *Options) Register(profiled string) {
	flag.BoolVar(&o.JSON, "json", false, "print one JSON document instead of the tables")
	flag.IntVar(&o.GCPercent, "gogc", 400, "garbage collection target, as GOGC; the worker's own is 400")
	flag.StringVar(&o.CPUProfile, "cpuprofile", "", "keep the CPU profile "+profiled+" in this file")
}

// Main parses the flags and runs a command until it ends or is interrupted. An error
// ends the process.
func Main(name string, run func(context.Context) error) {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// Profile starts a CPU profile when a path is given; stop ends it.
func Profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// WriteJSON writes results as one document for people and programs.
func WriteJSON(w io.Writer, results any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(results)
}

// Median returns the middle value, the mean of both when there are two, 0 of none.
func Median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n == 0 {
		return 0
	}
	return (s[(n-1)/2] + s[n/2]) / 2
}
