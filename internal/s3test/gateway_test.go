package s3test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// TestMain lets the test binary stand in for the gateway, which is started with
// its arguments.
func TestMain(m *testing.M) {
	if i := slices.Index(os.Args, "--port"); i > 0 {
		fmt.Println("stand-in", strings.Join(os.Args[1:], " "))
		fmt.Println(http.ListenAndServe(os.Args[i+1], http.NotFoundHandler()))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestAGatewayEndsWithItsTest starts the stand-in, in place of the gateway.
func TestAGatewayEndsWithItsTest(t *testing.T) {
	var endpoint string
	t.Run("inner", func(t *testing.T) {
		g := startGateway(t, os.Args[0])
		endpoint = g.Endpoint
		if err := ask(t.Context(), endpoint); err != nil {
			t.Error(err)
		}
		if name := g.Bucket("b"); name != "b" {
			t.Errorf("Bucket = %q", name)
		}
	})
	if err := ask(t.Context(), endpoint); err == nil {
		t.Error("it still answers")
	}
}

// TestAGatewayEndsWhenItsTestIsKilled closes the input as the system does.
func TestAGatewayEndsWhenItsTestIsKilled(t *testing.T) {
	address, err := freeAddress(t.Context())
	must(t, err)
	cmd := exec.Command("/bin/sh", "-c", watched, "watched", os.Args[0], "--port", address)
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	must(t, answers(t.Context(), "http://"+address))
	must(t, in.Close())
	_ = cmd.Wait()
	var d net.Dialer
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if conn, err := d.DialContext(ctx, "tcp", address); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

func TestAMissingGatewaySaysHowToGetIt(t *testing.T) {
	root := t.TempDir()
	must(t, os.MkdirAll(root+"/internal/cachedir", 0o755))
	must(t, os.WriteFile(root+"/internal/cachedir/cachedir.go", nil, 0o600))
	t.Chdir(root)
	if _, err := findGateway(); err == nil || !strings.Contains(err.Error(), "make services-long") {
		t.Errorf("findGateway gave %v", err)
	}
}

// TestEachIsAnS3 does the same with all of them.
func TestEachIsAnS3(t *testing.T) {
	Each(t, func(t *testing.T, endpoint, bucket string) {
		c := clientOf(endpoint, http.DefaultClient)
		key := aws.String("a/b")
		for i, want := range []string{"", "PreconditionFailed"} {
			_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
				Bucket: &bucket, Key: key, Body: bytes.NewReader([]byte("content")), IfNoneMatch: aws.String("*"),
			})
			if code(err) != want || (err == nil) != (want == "") {
				t.Errorf("create-only put %d gives %v, want %q", i, err, want)
			}
		}
		out, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: key})
		must(t, err)
		if b, err := io.ReadAll(out.Body); err != nil || string(b) != "content" {
			t.Errorf("the object is %q, %v", b, err)
		}
		_ = out.Body.Close()
		if _, err := c.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("missing")}); code(err) != "NoSuchKey" {
			t.Errorf("a missing object gives %v", err)
		}
	})
}
