package pgtest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// victim in the environment makes the test binary a process that starts a server
// and waits to be killed.
const victim = "PGTEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		Main(m)
		return
	}
	s, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println(s.Dir(), s.PID(), s.process.shell.Process.Pid)
	time.Sleep(time.Minute)
}
