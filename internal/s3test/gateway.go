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
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/cachedir"
)

// gatewayTimeout is how long a gateway may take to answer its first request.
const gatewayTimeout = 30 * time.Second

// watched runs a command until its standard input is closed, which it is when we
// are gone, however we ended.
const watched = `exec 3<&0; "$@" 3<&- </dev/null & read -r line <&3; kill -KILL $!; wait $!`

// Gateway is a versitygw in a process of its own: a real S3 over a directory, with
// signatures that are verified, and slower than [Server].
//
// A key of it cannot be a directory of another one ("a" and "a/b").
type Gateway struct {
	// Endpoint is the base of all addresses. [AccessKey], [SecretKey] and [Region]
	// are what it takes.
	Endpoint string

	t       testing.TB
	objects string
}

// Bucket makes an empty bucket and returns its name.
func (g *Gateway) Bucket(name string) string {
	g.t.Helper()
	if err := os.Mkdir(filepath.Join(g.objects, name), 0o700); err != nil {
		g.t.Fatal(err)
	}
	return name
}

// StartGateway starts one that ends with the test. A missing program fails the test.
func StartGateway(t testing.TB) *Gateway {
	t.Helper()
	program, err := findGateway()
	if err != nil {
		t.Fatal(err)
	}
	return startGateway(t, program)
}

func findGateway() (string, error) {
	program, err := cachedir.Here("bin", "versitygw")
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath(program); err != nil {
		return "", fmt.Errorf("the S3 gateway is missing: run `make services-long` (`make test-long` does it first): %w", err)
	}
	return program, nil
}

func startGateway(t testing.TB, program string) *Gateway {
	t.Helper()
	address, err := freeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	objects := filepath.Join(t.TempDir(), "objects")
	if err := os.Mkdir(objects, 0o700); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", watched, "watched", program,
		"--port", address, "--access", AccessKey, "--secret", SecretKey, "--region", Region, "--quiet", "posix", objects)
	cmd.Dir = filepath.Dir(objects)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = &output, &output
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("output of the S3 gateway:\n%s", output.String())
		}
	})
	g := &Gateway{Endpoint: "http://" + address, t: t, objects: objects}
	if err := answers(t.Context(), g.Endpoint); err != nil {
		t.Fatalf("the S3 gateway does not answer: %v", err)
	}
	return g
}

// freeAddress returns a loopback address that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// answers waits until a server answers, whatever it says.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	for {
		err := ask(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("in %s: %w", gatewayTimeout, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ask(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return err
}
