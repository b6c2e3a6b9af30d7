package s3test

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
)

func TestWhatEachFaultDoes(t *testing.T) {
	for _, tc := range []struct {
		kind Kind
		code string // of S3; empty for broken connections
		done bool   // although the client sees an error
	}{
		{kind: "", code: "SlowDown"},
		{kind: InternalError, code: "InternalError"},
		{kind: AccessDenied, code: "AccessDenied"},
		{kind: Conflict, code: "ConditionalRequestConflict"},
		{kind: DropRequest},
		{kind: DropResponse, done: true},
		{kind: Hang},
	} {
		t.Run(string(tc.kind), func(t *testing.T) {
			s := Start(t)
			s.Bucket(bucket)
			c := client(s)
			s.Fail(Fault{Kind: tc.kind, Operation: PutObject})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			if tc.kind == Hang {
				time.AfterFunc(50*time.Millisecond, cancel)
			}
			defer cancel()
			_, err := c.PutObject(ctx, &s3.PutObjectInput{Bucket: new(string(bucket)), Key: new("k")})
			if err == nil || code(err) != tc.code {
				t.Errorf("put gives %v, want code %q", err, tc.code)
			}
			if done := len(s.Keys(bucket)) == 1; done != tc.done {
				t.Errorf("written: %v, want %v", done, tc.done)
			}
			s.Fail()
			must(t, put(t, c, "k", "v"))
		})
	}
}

func TestAnswersAreCutAndDelayed(t *testing.T) {
	s := Start(t)
	s.Bucket(bucket)
	s.Put(bucket, "k", []byte("0123456789"))
	s.Fail(Fault{Kind: CutResponse, Operation: GetObject, Times: 1}, Fault{Kind: Slow, Delay: 60 * time.Millisecond})
	if got, err := get(t, client(s), "k"); err == nil || got != "01234" {
		t.Errorf("a cut answer gives %q, %v", got, err)
	}
	began := time.Now()
	if got, err := get(t, client(s), "k"); err != nil || got != "0123456789" {
		t.Errorf("a slow answer gives %q, %v", got, err)
	}
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("a slow answer took %s", took)
	}
}

// TestWhichRequestsFail looks at the pattern of 20 requests.
func TestWhichRequestsFail(t *testing.T) {
	pattern := func(seed uint64, f Fault) string {
		s := Start(t)
		s.Bucket(bucket)
		s.Seed(seed)
		s.Fail(f)
		c, got := client(s), ""
		for i := range 20 {
			mark := "."
			if put(t, c, "abcd"[i%4:i%4+1], "v") != nil {
				mark = "x"
			}
			got += mark
		}
		return got
	}
	for _, tc := range []struct {
		name, want string
		fault      Fault
	}{
		{"all", "xxxxxxxxxxxxxxxxxxxx", Fault{}},
		{"some keys", ".x...x...x...x...x..", Fault{Key: "b"}},
		{"another operation", "....................", Fault{Operation: GetObject}},
		{"after, times", ".....xxx............", Fault{After: 5, Times: 3}},
	} {
		if d := cmp.Diff(tc.want, pattern(1, tc.fault)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, d)
		}
	}
	half := Fault{Fraction: 0.5}
	if a, b := pattern(7, half), pattern(7, half); a != b || a == pattern(8, half) {
		t.Errorf("seed 7 gives %s and %s, seed 8 %s", a, b, pattern(8, half))
	}
}

func TestWhatSimilarProductsLack(t *testing.T) {
	s := StartTLS(t)
	s.Bucket(bucket)
	c := client(s)
	must(t, put(t, c, "k", "first", createOnly))
	for _, tc := range []struct {
		name, code, content string
		lacks               Lacks
	}{
		{"nothing", "PreconditionFailed", "first", Lacks{}},
		{"refused conditions", "NotImplemented", "first", Lacks{ConditionsRefused: true}},
		{"trailers", "NotImplemented", "first", Lacks{Trailers: true}},
		{"conditions", "", "second", Lacks{Conditions: true}},
	} {
		s.Lack(tc.lacks)
		if err := put(t, c, "k", "second", createOnly); code(err) != tc.code || (err == nil) != (tc.code == "") {
			t.Errorf("%s: put gives %v, want code %q", tc.name, err, tc.code)
		}
		if got := string(s.Get(bucket, "k")); got != tc.content {
			t.Errorf("%s: the object is %q, want %q", tc.name, got, tc.content)
		}
	}
}

func TestAClosedServerRefusesConnections(t *testing.T) {
	s := Start(t)
	s.Bucket(bucket)
	s.Close()
	if err := put(t, client(s), "k", "v"); err == nil || code(err) != "" {
		t.Errorf("put gives %v", err)
	}
}
