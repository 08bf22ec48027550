package vault

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// childVariable makes the test binary play one of the roles below: what they
// do to their process cannot be undone.
const childVariable = "VAULT_TEST_CHILD"

func TestMain(m *testing.M) {
	role := os.Getenv(childVariable)
	roles := map[string]func() error{
		"": nil, "dumps": childWithoutDumps, "unlocked": childWithoutLocks, "change": childThatChanges,
	}
	child, known := roles[role]
	if !known {
		fmt.Fprintln(os.Stderr, "no such role")
		os.Exit(2)
	}
	if child == nil {
		os.Exit(m.Run())
	}
	if err := child(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newChild(t *testing.T, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	cmd.Stderr = os.Stderr
	return cmd
}

func TestDisableCoreDumps(t *testing.T) {
	if err := newChild(t, "dumps").Run(); err != nil {
		t.Error(err)
	}
}

func childWithoutDumps() error {
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 1 {
		return fmt.Errorf("before: dumpable is %d, %v, want 1", dumpable, err)
	}
	if err := DisableCoreDumps(); err != nil {
		return err
	}
	dumpable, err = unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 0 {
		return fmt.Errorf("dumpable is %d, %v, want 0", dumpable, err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit != (unix.Rlimit{}) {
		return fmt.Errorf("the limit is %v, %v, want 0", limit, err)
	}
	return DisableCoreDumps() // a second time is no error
}

func TestUnlockableMemoryIsAnError(t *testing.T) {
	dir := t.TempDir()
	newVaultIn(t, dir, WithNothing())
	if err := newChild(t, "unlocked", t.TempDir(), dir).Run(); err != nil {
		t.Error(err)
	}
}

func childWithoutLocks() error {
	// One thread without the right to lock memory beyond the limit, and a
	// limit of nothing.
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		return err
	}
	_, err := Create(os.Args[1], WithNothing(), Options{})
	if !errors.Is(err, ErrMemoryLock) {
		return fmt.Errorf("Create: got %v, want ErrMemoryLock", err)
	}
	if _, err := ModeOf(os.Args[1]); !errors.Is(err, ErrNoVault) {
		return fmt.Errorf("after Create: got %v, want ErrNoVault", err)
	}
	_, err = Open(os.Args[2], WithNothing())
	if !errors.Is(err, ErrMemoryLock) {
		return fmt.Errorf("Open: got %v, want ErrMemoryLock", err)
	}
	return nil
}

// A process that changes credentials over and over is killed at random
// instants: the vault opens with the ones before or the ones after.
func TestKilledWhileChanging(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "repository")
	first, second := filepath.Join(base, "first"), filepath.Join(base, "second")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	v := newVaultIn(t, dir, WithKeyFile(first))
	if err := generateKeyFile(second); err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	opened := make(map[bool]int)
	for range 25 {
		cmd := newChild(t, "change", dir, first, second)
		changed, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := changed.Read(make([]byte, 1)); err != nil {
			t.Fatalf("seed %d: the child changed nothing: %v", seed, err)
		}
		time.Sleep(time.Duration(random.IntN(20_000)) * time.Microsecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()

		current, isFirst := WithKeyFile(second), false
		if o, err := Open(dir, WithKeyFile(first)); err == nil {
			o.Close()
			current, isFirst = WithKeyFile(first), true
		} else if !errors.Is(err, ErrWrongKeyFile) {
			t.Fatalf("seed %d: %v", seed, err)
		}
		wantSameKeys(t, dir, current, v)
		opened[isFirst]++
	}
	t.Logf("seed %d: %d times the first key file, %d the second", seed, opened[true], opened[false])
}

func childThatChanges() error {
	dir, a, b := os.Args[1], WithKeyFile(os.Args[2]), WithKeyFile(os.Args[3])
	if o, err := Open(dir, a); err == nil {
		o.Close()
	} else {
		a, b = b, a
	}
	for first := true; ; first = false {
		if err := ChangePassphrase(dir, a, b, Options{}); err != nil {
			return err
		}
		if first {
			fmt.Print("x")
		}
		a, b = b, a
	}
}
