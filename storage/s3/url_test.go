package s3

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseURL(t *testing.T) {
	ignored := cmpopts.IgnoreFields(Config{}, "Now", "Credentials", "HTTP")
	for text, want := range map[string]Config{
		"s3://bucket":               {Bucket: "bucket"},
		"s3://bucket/":              {Bucket: "bucket"},
		"S3://my.bucket-1/a/b/":     {Bucket: "my.bucket-1", Prefix: "a/b"},
		"s3://b/p?region=eu-west-1": {Bucket: "b", Prefix: "p", Region: "eu-west-1"},
		"s3://b?endpoint=http://127.0.0.1:9000&region=x&path_style=true": {
			Bucket: "b", Endpoint: "http://127.0.0.1:9000", Region: "x", PathStyle: true,
		},
		"s3://b?endpoint=https%3A%2F%2Fs3.example.org%2Fbase&path_style=0": {Bucket: "b", Endpoint: "https://s3.example.org/base"},
	} {
		got, err := ParseURL(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, ignored); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	const canary = "CANARY"
	for text, want := range map[string]string{
		"":                                   "s3://BUCKET",
		"http://bucket":                      "s3://BUCKET",
		"s3:bucket":                          "name of a bucket",
		"s3:///prefix":                       "name of a bucket",
		"s3://bucket:80/":                    "name of a bucket",
		"s3://b#x":                           "#",
		"s3://b/a/../c":                      `".."`,
		"s3://b/a//c":                        "empty",
		"s3://b?endpiont=x":                  `"endpiont" is unknown`,
		"s3://b?region=a&region=b":           "region is given 2 times",
		"s3://b?path_style=maybe":            "path_style",
		"s3://b?endpoint=minio:9000":         "https://HOST:PORT",
		"s3://b?a=%zz":                       "parameters",
		"s3://id:" + canary + "@b":           "credentials do not belong",
		"s3://b?secret_access_key=" + canary: "credentials do not belong",
		"s3://b?endpoint=http://id:" + canary + "@h:9000": "credentials do not belong",
		"s3://b?endpoint=http://h/?token=" + canary:       "more than a host",
		"s3://b/%zz" + canary:                             "s3://BUCKET",
	} {
		_, err := ParseURL(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v, want an error that says %q", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: the error repeats a secret: %v", text, err)
		}
	}
}
