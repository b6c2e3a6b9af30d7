package main

import (
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage/check"
)

// TestCheckOnRemoteStoresLeavesNothing checks a few promises on each kind of store, all
// of them when SPECSTAR_TEST_LONG is set.
func TestCheckOnRemoteStoresLeavesNothing(t *testing.T) {
	args := []string{"check", "-o", "json"}
	guarantees := len(check.Guarantees())
	if os.Getenv("SPECSTAR_TEST_LONG") == "" {
		args, guarantees = append(args, "--only", "G1,G2"), 2
	}
	for layout := range layouts {
		t.Run(layout, func(t *testing.T) {
			s := newRemote(t, layout)
			var report checkReport
			// By the binary: it kills a writer too.
			r := start(t, nil, append(slices.Clone(args), s.flags...)...).waitFor(15 * time.Minute)
			r.into(t, &report)
			if r.code != exitOK || !report.OK || report.Skipped != 0 || len(report.Guarantees) != guarantees {
				t.Errorf("check = %+v", r)
			}
			t.Logf("%d checks of %d guarantees passed in %.1f s", report.Passed, len(report.Guarantees), report.Seconds)
			if s.service != nil && len(s.service.Keys("bucket")) != 0 {
				t.Errorf("objects are left: %v", s.service.Keys("bucket"))
			}
			if left := s.tables(t); len(left) != 0 {
				t.Errorf("tables are left: %v", left)
			}
			if left := filesOf(t, s.flags); len(left) != 0 {
				t.Errorf("files are left: %v", left)
			}
		})
	}
}

// TestCheckOnAnS3Gateway checks every promise with revisions and blobs in a real S3 over a
// directory; it is one of the long tests.
func TestCheckOnAnS3Gateway(t *testing.T) {
	if os.Getenv("SPECSTAR_TEST_LONG") == "" {
		return
	}
	g := s3test.StartGateway(t)
	t.Setenv("AWS_ACCESS_KEY_ID", s3test.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", s3test.SecretKey)
	objects := "s3://" + g.Bucket("bucket") + "/app?path_style=true&region=" + s3test.Region + "&endpoint=" + url.QueryEscape(g.Endpoint)
	var report checkReport
	r := start(t, nil, "check", "-o", "json", "--timeout", "8m", "--store", pgtest.Database(t), "--objects", objects).waitFor(30 * time.Minute)
	r.into(t, &report)
	if r.code != exitOK || !report.OK || report.Skipped != 0 || len(report.Guarantees) != len(check.Guarantees()) {
		t.Errorf("check = %+v", r)
	}
	t.Logf("%d checks of %d guarantees passed in %.1f s", report.Passed, len(report.Guarantees), report.Seconds)
}
