package scenario_test

import (
	"runtime/debug"
	"testing"

	"go.uber.org/goleak"
)

// TestMain trades memory for speed: a world is small and makes much garbage.
// No goroutine may be left, not even a session's.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	goleak.VerifyTestMain(m)
}
