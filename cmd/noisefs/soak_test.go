package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/noisefs/noisefs/runtime/config"
)

// Sizes of the long suite, which NOISEFS_SOAK=1 asks for.
const (
	soakFileBytes   = 5 << 30
	soakSparseBytes = 1 << 40
	// soakMemoryBytes bounds what put and get may take at most, whatever the
	// size of the file: the promise is 300 MiB, the rest is the test binary.
	soakMemoryBytes = 320 << 20
)

func needSoak(t *testing.T) {
	t.Helper()
	if os.Getenv("NOISEFS_SOAK") == "" {
		t.Skip("a long test: run it with NOISEFS_SOAK=1")
	}
}

// TestSoakLargeFile stores a stream of 5 GiB and reads it back.
func TestSoakLargeFile(t *testing.T) {
	needSoak(t)
	newRepository(t)
	sent := sha256.New()
	stream := io.LimitReader(rand.NewChaCha8([32]byte{1}), soakFileBytes)
	soakCommand(t, io.TeeReader(stream, sent), io.Discard, "put", "-", "--to", "/large")
	got := sha256.New()
	soakCommand(t, nil, got, "cat", "/large")
	if !equalSums(got, sent) {
		t.Error("the file comes back as another")
	}
	soakCommand(t, nil, io.Discard, "repo", "verify")
}

func equalSums(a, b hash.Hash) bool { return bytes.Equal(a.Sum(nil), b.Sum(nil)) }

// TestSoakSparseFile stores 1 TiB of nearly nothing and reads it back.
func TestSoakSparseFile(t *testing.T) {
	needSoak(t)
	dir := newRepository(t)
	base := t.TempDir()
	source, copied := filepath.Join(base, "source"), filepath.Join(base, "copied")
	islands := map[int64]string{
		1 << 20: "an island", 512<<30 - 5: "across a border", soakSparseBytes - 7: "the end",
	}
	file, err := os.Create(source)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for at, text := range islands {
		if _, err := file.WriteAt([]byte(text), at); err != nil {
			t.Skipf("this file system has no files of 1 TiB: %v", err)
		}
	}
	if err := file.Truncate(soakSparseBytes); err != nil {
		t.Skipf("this file system has no files of 1 TiB: %v", err)
	}
	soakCommand(t, nil, io.Discard, "put", source, "--to", "/sparse")
	soakCommand(t, nil, io.Discard, "get", "/sparse", "-o", copied)
	back, err := os.Open(copied)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	info, err := back.Stat()
	if err != nil || info.Size() != soakSparseBytes {
		t.Fatalf("got %d bytes, %v", info.Size(), err)
	}
	if sectors := info.Sys().(*syscall.Stat_t).Blocks; sectors > 4096 {
		t.Errorf("the copy takes %d sectors", sectors)
	}
	for at, text := range islands {
		got := make([]byte, len(text))
		if _, err := back.ReadAt(got, at); err != nil || string(got) != text {
			t.Errorf("at %d: got %q, %v; want %q", at, got, err, text)
		}
	}
	if n := folderBytes(t, dir); n > 16<<20 {
		t.Errorf("the repository takes %d bytes", n)
	}
}

// soakCommand runs a command that has to succeed, within bounded memory.
func soakCommand(t *testing.T, in io.Reader, out io.Writer, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "noisefs", args...)
	var said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended, peak := make(chan struct{}), make(chan int64, 1)
	go func() { peak <- watchMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	memory := <-peak
	if err != nil {
		t.Fatalf("%q: %v: %s", args, err, &said)
	}
	t.Logf("%q: %v of CPU, %d MiB of memory", args[:2],
		cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), memory>>20)
	if memory > soakMemoryBytes && !raced {
		t.Errorf("%q took %d bytes of memory, at most %d are promised", args[:2], memory,
			int64(soakMemoryBytes))
	}
}

// watchMemory follows a process until it has ended, and returns the most
// memory that it was seen to take. The system's own account, rusage, counts
// what the process was before it became another program.
func watchMemory(pid int, ended <-chan struct{}) (peak int64) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // gone at the end
		if _, rest, ok := strings.Cut(string(text), "\nVmHWM:"); ok {
			if kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64); err == nil {
				peak = max(peak, kib<<10)
			}
		}
		select {
		case <-ended:
			return peak
		case <-ticker.C:
		}
	}
}

// A file larger than memory limits would be needed to see the window grow;
// this one is large enough to fill it many times, in every run.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("64 MiB are stored and read without -short")
	}
	newRepository(t)
	size, err := config.ParseSize("64MiB")
	if err != nil {
		t.Fatal(err)
	}
	sent := sha256.New()
	stream := io.LimitReader(rand.NewChaCha8([32]byte{2}), size)
	soakCommand(t, io.TeeReader(stream, sent), io.Discard, "put", "-", "--to", "/a")
	got := sha256.New()
	soakCommand(t, nil, got, "cat", "/a")
	if !equalSums(got, sent) {
		t.Error("the file comes back as another")
	}
}
