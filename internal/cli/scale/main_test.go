package scale

import (
	"testing"

	"github.com/specstar-worker/worker/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
