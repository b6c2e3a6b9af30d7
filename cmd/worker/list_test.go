package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// stopper is an output that interrupts the command at its first write.
type stopper struct {
	bytes.Buffer
	stop context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	s.stop()
	return s.Buffer.Write(p)
}

// TestAnInterruptedSearchHasWholeResults interrupts searches in the middle.
func TestAnInterruptedSearchHasWholeResults(t *testing.T) {
	store := "sqlite:" + t.TempDir()
	const rows = 5000
	var lines strings.Builder
	for i := range rows {
		fmt.Fprintf(&lines, `{"op":"create","resource_id":"item:%06d","data":{},"user":"u"}`+"\n", i)
	}
	cliIn(t, lines.String(), "save", "item", "--from", "-", "--store", store, "-q").ok(t)
	for format, end := range map[string]string{
		"ids": "\n", "table": "  u\n", "ndjson": `{"error":{"code":"interrupted","message":"interrupted; the list is not complete"}}` + "\n", "json": "}",
	} {
		ctx, cancel := context.WithCancel(t.Context())
		out := stopper{stop: cancel}
		var errs bytes.Buffer
		code := Run(ctx, []string{"search", "item", "--store", store, "-o", format}, strings.NewReader(""), &out, &errs)
		text := out.String()
		if code != exitError || !strings.HasSuffix(text, end) {
			t.Errorf("%s: exit code %d, %d bytes that end with %q", format, code, len(text), text[max(0, len(text)-80):])
		}
		if n := strings.Count(text, "item:"); n == 0 || n >= 2*rows {
			t.Errorf("%s: %d ids although the search was interrupted", format, n)
		}
		if told := strings.Contains(errs.String(), "error: interrupted; the list is not complete"); told == (format == "ndjson") {
			t.Errorf("%s: standard error says %q", format, errs.String())
		}
		cancel()
	}
}
