package s3test

import (
	"os"
	"testing"
)

// Each runs a check with an empty bucket of a [Server] and, when
// SPECSTAR_TEST_LONG is set, of a [Gateway].
func Each(t *testing.T, check func(t *testing.T, endpoint, bucket string)) {
	const name = "empty"
	t.Run("server", func(t *testing.T) {
		s := Start(t)
		check(t, s.Endpoint, s.Bucket(name))
	})
	if os.Getenv("SPECSTAR_TEST_LONG") == "" {
		return
	}
	t.Run("gateway", func(t *testing.T) {
		g := StartGateway(t)
		check(t, g.Endpoint, g.Bucket(name))
	})
}
