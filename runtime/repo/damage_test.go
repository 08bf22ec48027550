package repo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
)

// What a verification found is known until one finds nothing, also to the next
// process: the damage does not go away with the one that saw it.
func TestDamageIsRemembered(t *testing.T) {
	dir := newRepository(t)
	opened := mustReopen(t, dir)
	place := messages.Place{Path: "/a"}
	noise := strings.NewReader(strings.Repeat("noise", 1<<16))
	if _, err := opened.PutFile(t.Context(), noise, node.PutOptions{Place: place}); err != nil {
		t.Fatal(err)
	}
	mustClose(t, opened)
	segments, err := filepath.Glob(filepath.Join(dir, "blocks", "*.pack"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%d segments: %v", len(segments), err)
	}
	sound, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]byte(nil), sound...)
	broken[len(broken)/2] ^= 1

	expect := func(when string, opened *repo.Repo, want int64) {
		t.Helper()
		status, err := opened.Status(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		counters, err := opened.Counters(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		for _, got := range []*node.Damage{status.Damage, counters.Damage} {
			switch {
			case want == 0 && got != nil:
				t.Errorf("%s: %+v is told", when, *got)
			case want > 0 && (got == nil || got.Problems != want || got.Found.IsZero()):
				t.Errorf("%s: got %+v, want %d problems", when, got, want)
			}
		}
	}
	var problems int64
	for _, step := range []struct {
		name  string
		bytes []byte
		sound bool
	}{{"Sound", sound, true}, {"Broken", broken, false}, {"SoundAgain", sound, true}} {
		if err := os.WriteFile(segments[0], step.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		opened, err := reopen(dir)
		if err != nil {
			t.Fatal(err)
		}
		expect(step.name+", before it is verified", opened, problems)
		report, err := opened.Verify(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if problems = report.ProblemCount; (problems == 0) != step.sound {
			t.Fatalf("%s: %d problems", step.name, problems)
		}
		expect(step.name+", verified", opened, problems)
		mustClose(t, opened)
	}
}
