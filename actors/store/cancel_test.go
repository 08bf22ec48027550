package store

import (
	"testing"

	"github.com/noisefs/noisefs/messages"
)

// last returns the one effect that a job asks for.
func last[E effect](t *testing.T, effects []effect) E {
	t.Helper()
	if len(effects) != 1 {
		t.Fatalf("got %d effects, want 1", len(effects))
	}
	e, ok := effects[0].(E)
	if !ok {
		t.Fatalf("got %T", effects[0])
	}
	return e
}

func wantCanceled(t *testing.T, effects []effect) {
	t.Helper()
	if e := last[finish](t, effects); e.err == nil || e.err.Code != messages.CodeCanceled {
		t.Errorf("got %v, want CodeCanceled", e.err)
	}
}

func TestVerifierIsCanceled(t *testing.T) {
	v := newVerifier(Config{VerifyBatches: 1, VerifyBatchBlocks: 1, VerifyRefs: 1})
	last[look](t, v.step(nil, nil))
	v.cancel()
	wantCanceled(t, v.step(messages.BlocksUsage{Blocks: 5}, nil))
}

// A canceled collection undoes what it began, and deletes nothing.
func TestCollectorIsCanceled(t *testing.T) {
	c := newCollector(messages.Collect{}, 1024, 0, func(messages.CID, uint64) bool { return false })
	last[look](t, c.step(nil, nil))
	last[ask](t, c.step(messages.BlocksUsage{}, nil))
	last[ask](t, c.step(messages.CollectionBegun{}, nil))
	last[ask](t, c.step(messages.InFlightListed{}, nil))
	last[ask](t, c.step(messages.WalkBegun{Walk: 7}, nil))
	c.cancel()
	end := last[ask](t, c.step(messages.WalkContinued{Done: true}, nil))
	if got, want := end.command(messages.Call{}), (messages.EndWalk{Walk: 7}); got != want {
		t.Fatalf("got %T, want %T", got, want)
	}
	end = last[ask](t, c.step(messages.WalkEnded{}, nil))
	if got := end.command(messages.Call{}); got != (messages.EndCollection{}) {
		t.Fatalf("got %T, want EndCollection", got)
	}
	wantCanceled(t, c.step(messages.CollectionEnded{}, nil))
}
