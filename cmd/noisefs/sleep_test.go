package main

import (
	"path/filepath"
	"syscall"
	"testing"
)

// wantServedBy reads a link through a new node that holds nothing, and that can
// have it from one member alone.
func wantServedBy(m *member, link string, want []byte) {
	m.t.Helper()
	dir := filepath.Join(fastTempDir(m.t), "reader")
	reader := startMember(m.t, dir, "--bootstrap", m.address(), "--storage", "0")
	reader.wantFile(link, want)
}

// wantAllHeldBy waits until another member holds all that a node has stored.
func (m *member) wantAllHeldBy(other *member) {
	m.t.Helper()
	blocks := m.blocks()
	eventually(m.t, "it holds every block", func() bool { return other.status().Replicas >= blocks })
}

// A machine that slept, for so long that the others have given it up, is one of
// them again when it wakes: it reads what was stored meanwhile, and serves.
func TestDaemonSleeps(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 3)
	first, second, sleeper := members[0], members[1], members[2]
	before, beforeLink := first.put(1<<20, 5)
	first.wantAllHeldBy(sleeper)
	sleeper.signal(syscall.SIGSTOP)
	eventually(t, "the others have given it up", func() bool {
		return first.status().Members == 2 && second.status().Members == 2
	})
	first.wantFile(beforeLink, before)
	meanwhile, meanwhileLink := first.put(1<<20, 6)
	first.wantAllHeldBy(second)
	sleeper.signal(syscall.SIGCONT)
	for _, m := range members {
		eventually(t, "everybody is there again", func() bool { return m.status().Members == 3 })
	}
	sleeper.wantFile(meanwhileLink, meanwhile)
	first.kill()
	second.kill()
	wantServedBy(sleeper, beforeLink, before)
}

// A node that died and comes back at another address, through a member that is
// not the one it knew, is found again: it reads what was stored meanwhile, and
// serves what it held.
func TestDaemonComesBack(t *testing.T) {
	skipNetworks(t)
	members := startNetwork(t, 3)
	first, second, away := members[0], members[1], members[2]
	before, beforeLink := first.put(1<<20, 7)
	first.wantAllHeldBy(away)
	id, address := away.status().ID, away.address()
	away.kill()
	eventually(t, "the others have given it up", func() bool {
		return first.status().Members == 2 && second.status().Members == 2
	})
	meanwhile, meanwhileLink := first.put(1<<20, 3)
	first.wantAllHeldBy(second)
	back := startMember(t, away.dir, "--bootstrap", second.address())
	for _, m := range []*member{first, second, back} {
		eventually(t, "it is known again", func() bool { return m.status().Members == 3 })
	}
	if again := back.status().ID; again != id || back.address() == address {
		t.Errorf("it is %s at %s, and was %s at %s", again, back.address(), id, address)
	}
	back.wantFile(meanwhileLink, meanwhile)
	first.kill()
	second.kill()
	wantServedBy(back, beforeLink, before)
}
