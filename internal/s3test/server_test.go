package s3test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// TestObjectsOverBothProtocols: over HTTPS the client sends chunks with the
// checksum behind them.
func TestObjectsOverBothProtocols(t *testing.T) {
	for name, begin := range map[string]func(testing.TB) *Server{"http": Start, "https": StartTLS} {
		t.Run(name, func(t *testing.T) {
			s := begin(t)
			s.Bucket(bucket)
			c := client(s)
			large := strings.Repeat("0123456789", 100_000)
			must(t, put(t, c, "a/b", large))
			must(t, put(t, c, "empty", ""))
			s.Put(bucket, "direct", []byte("x"))
			s.Put(bucket, "gone", nil)
			s.Delete(bucket, "gone")
			for key, want := range map[string]string{"a/b": large, "empty": "", "direct": "x"} {
				if got, err := get(t, c, key); err != nil || got != want || string(s.Get(bucket, key)) != want {
					t.Errorf("%s has %d bytes there, %d here (%v), want %d", key, len(got), len(s.Get(bucket, key)), err, len(want))
				}
			}
			if d := cmp.Diff([]string{"a/b", "direct", "empty"}, s.Keys(bucket)); d != "" {
				t.Errorf("keys (-want +got):\n%s", d)
			}
			if _, err := get(t, c, "gone"); code(err) != "NoSuchKey" {
				t.Errorf("a missing key gives %v", err)
			}
			if _, err := c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); code(err) != "BucketAlreadyExists" {
				t.Errorf("a bucket that is there gives %v", err)
			}
		})
	}
}

func TestRequestsAreCountedByOperation(t *testing.T) {
	s := Start(t)
	s.Bucket(bucket)
	c, b := client(s), aws.String(bucket)
	must(t, put(t, c, "k", "v"))
	must(t, put(t, c, "k2", "v"))
	_, _ = get(t, c, "k")
	_, _ = get(t, c, "missing")
	_, _ = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: aws.String("k")})
	_, _ = c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: aws.String("k3"), CopySource: aws.String(bucket + "/k")})
	_, _ = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("k3")})
	_, err := c.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k2")}}}})
	must(t, err)
	_, _ = c.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: b})
	_, _ = c.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: b})
	_, _ = c.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: b})
	_, _ = c.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	_, _ = c.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: b})
	multipart(t, c, "big")
	want := map[Operation]int{
		PutObject: 2, GetObject: 2, HeadObject: 1, CopyObject: 1, DeleteObject: 1, DeleteObjects: 1, ListObjectsV2: 1, ListObjects: 1,
		HeadBucket: 1, Other: 2, CreateMultipartUpload: 2, UploadPart: 2, ListParts: 1, CompleteMultipartUpload: 1,
		ListMultipartUploads: 1, AbortMultipartUpload: 1,
	}
	if d := cmp.Diff(want, s.Counts()); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"big", "k"}, s.Keys(bucket)); d != "" {
		t.Errorf("keys (-want +got):\n%s", d)
	}
	s.ResetCounts()
	if n := s.Counts(); len(n) != 0 {
		t.Errorf("after a reset: %v", n)
	}
}

// multipart uploads an object in two parts, looks at it in between, and gives
// another upload up.
func multipart(t *testing.T, c *s3.Client, key string) {
	t.Helper()
	b, k := aws.String(bucket), &key
	up, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: k})
	must(t, err)
	var parts []types.CompletedPart
	for i := int32(1); i <= 2; i++ {
		out, err := c.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: b, Key: k, UploadId: up.UploadId, PartNumber: &i, Body: bytes.NewReader(make([]byte, 5<<20)),
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(i)})
	}
	_, err = c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: b, Key: k, UploadId: up.UploadId})
	must(t, err)
	_, err = c.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: b, Key: k, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	other, err := c.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: k})
	must(t, err)
	_, err = c.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: b})
	must(t, err)
	_, err = c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: b, Key: k, UploadId: other.UploadId})
	must(t, err)
}

func TestOnlyTheAccountIsServed(t *testing.T) {
	s := Start(t)
	s.Bucket(bucket)
	s.Put(bucket, "k", []byte("v"))
	stranger := client(s, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider("somebody", SecretKey, "")
	})
	if _, err := get(t, stranger, "k"); code(err) != "InvalidAccessKeyId" {
		t.Errorf("a stranger gets %v", err)
	}
	signed, err := s3.NewPresignClient(client(s)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	must(t, err)
	for url, want := range map[string]int{signed.URL: http.StatusOK, s.Endpoint + "/" + bucket + "/k": http.StatusForbidden} {
		resp, err := s.Client().Get(url)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s gives %d, want %d", url, resp.StatusCode, want)
		}
	}
}

func TestADamagedUploadIsRefused(t *testing.T) {
	s := Start(t)
	s.Bucket(bucket)
	c := client(s)
	right := func(in *s3.PutObjectInput) {
		in.ChecksumSHA256 = aws.String("S8hfZiqw7mLrdWJCKpPuiKhpWPFqBL2YHWLcm4bdR7s=")
	}
	if err := put(t, c, "k", "other than that", right); code(err) != "BadDigest" {
		t.Errorf("a wrong checksum gives %v", err)
	}
	if keys := s.Keys(bucket); keys != nil {
		t.Errorf("something was written: %v", keys)
	}
	for i, text := range []string{"zz\r\n", "5\r\nab", "-1\r\n", "3\r\nabc\r\n", fmt.Sprintf("%x\r\n", maxUpload+1)} {
		if body, _, err := unchunk([]byte(text)); err == nil {
			t.Errorf("%d: unchunk(%q) = %q, want an error", i, text, body)
		}
	}
}
