package s3test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

const bucket = "things"

// client returns one that tries each request once.
func client(s *Server, o ...func(*s3.Options)) *s3.Client {
	return clientOf(s.Endpoint, s.Client(), o...)
}

func clientOf(endpoint string, over *http.Client, o ...func(*s3.Options)) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Region: Region, HTTPClient: over,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""), Retryer: aws.NopRetryer{},
		DisableLogOutputChecksumValidationSkipped: true, RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
	}, o...)
}

func put(t *testing.T, c *s3.Client, key, content string, o ...func(*s3.PutObjectInput)) error {
	t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader([]byte(content))}
	for _, f := range o {
		f(in)
	}
	_, err := c.PutObject(t.Context(), in)
	return err
}

func createOnly(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }

func get(t *testing.T, c *s3.Client, key string) (string, error) {
	t.Helper()
	out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	if err != nil {
		return "", err
	}
	defer out.Body.Close()
	b, err := io.ReadAll(out.Body)
	return string(b), err
}

// code returns the error code of S3; empty for none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
