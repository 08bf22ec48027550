package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Process is a run of a program of its own.
type Process struct {
	Name    string  `json:"name"`
	MBps    float64 `json:"mbPerSecond"` // user bytes
	PeakMiB float64 `json:"peakRSSMiB"`
}

// peakEvery is how often a process is asked for its peak memory.
const peakEvery = 20 * time.Millisecond

// timed runs a program to its end and measures it.
func timed(
	ctx context.Context, name string, userBytes int64, env []string, out io.Writer, args ...string,
) (Process, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout = out
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return Process{}, fmt.Errorf("bench: %s: %w", name, err)
	}
	ended := make(chan struct{})
	peak := watchPeak(cmd.Process.Pid, ended)
	err := cmd.Wait()
	took := time.Since(begin)
	close(ended)
	p := Process{Name: name, MBps: perSecond(userBytes, took), PeakMiB: <-peak}
	if err != nil {
		return p, fmt.Errorf("bench: %s: %w: %s", name, err, strings.TrimSpace(stderr.String()))
	}
	return p, nil
}

// watchPeak follows a process's peak resident memory (VmHWM of
// /proc/PID/status) and gives the last reading, in MiB, when it has ended.
// The rusage of wait4 will not do: it counts what the parent had when it
// forked.
func watchPeak(pid int, ended <-chan struct{}) <-chan float64 {
	peak := make(chan float64, 1)
	go func() {
		var last float64
		ticker := time.NewTicker(peakEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ended:
				peak <- last
				return
			case <-ticker.C:
				last = max(last, peakMemory(pid))
			}
		}
	}()
	return peak
}

func peakMemory(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
			return kib / 1024
		}
	}
	return 0
}

// memory runs our own binary, as a user does, to see its peak RSS.
func (r *storeRun) memory(ctx context.Context) error {
	if r.Executable == "" {
		return nil
	}
	r.Say("memory of put and get")
	dir := filepath.Join(r.work, "repo-memory")
	defer os.RemoveAll(dir)
	if _, err := timed(ctx, "noisefs init", 0, nil, nil,
		r.Executable, "init", "--quiet", "--no-passphrase", "--repo", dir); err != nil {
		return err
	}
	var link strings.Builder
	put, err := timed(ctx, "noisefs put", r.SizeBytes, nil, &link,
		r.Executable, "put", "--quiet", "--repo", dir, r.source)
	if err != nil {
		return err
	}
	linkFile := filepath.Join(r.work, "link")
	if err := os.WriteFile(linkFile, []byte(link.String()), 0o600); err != nil {
		return err
	}
	get, err := timed(ctx, "noisefs get", r.SizeBytes, nil, io.Discard,
		r.Executable, "cat", "--quiet", "--repo", dir, "@"+linkFile)
	r.report.Processes = append(r.report.Processes, put, get)
	return err
}

// peers measures other programs that are on the PATH, on the same file.
func (r *storeRun) peers(ctx context.Context) error {
	if _, err := exec.LookPath("ipfs"); err == nil {
		if err := r.ipfs(ctx); err != nil {
			return err
		}
	}
	if _, err := exec.LookPath("restic"); err == nil {
		return r.restic(ctx)
	}
	return nil
}

func (r *storeRun) ipfs(ctx context.Context) error {
	r.Say("ipfs")
	env := []string{"IPFS_PATH=" + filepath.Join(r.work, "ipfs")}
	if _, err := timed(ctx, "ipfs init", 0, env, nil, "ipfs", "init", "--profile=test"); err != nil {
		return err
	}
	// The same promise as ours: durable when the command returns.
	if _, err := timed(ctx, "ipfs config", 0, env, nil,
		"ipfs", "config", "--json", "Datastore.NoSync", "false"); err != nil {
		return err
	}
	var cid strings.Builder
	put, err := timed(ctx, "ipfs add --raw-leaves", r.SizeBytes, env, &cid,
		"ipfs", "add", "--quieter", "--raw-leaves", r.source)
	if err != nil {
		return err
	}
	get, err := timed(ctx, "ipfs cat", r.SizeBytes, env, io.Discard,
		"ipfs", "cat", strings.TrimSpace(cid.String()))
	r.report.Processes = append(r.report.Processes, put, get)
	return err
}

func (r *storeRun) restic(ctx context.Context) error {
	r.Say("restic")
	env := []string{
		"RESTIC_REPOSITORY=" + filepath.Join(r.work, "restic"), "RESTIC_PASSWORD=bench",
		"RESTIC_CACHE_DIR=" + filepath.Join(r.work, "restic-cache"),
	}
	if _, err := timed(ctx, "restic init", 0, env, nil, "restic", "init"); err != nil {
		return err
	}
	put, err := timed(ctx, "restic backup", r.SizeBytes, env, nil,
		"restic", "backup", "--quiet", r.source)
	if err != nil {
		return err
	}
	get, err := timed(ctx, "restic dump", r.SizeBytes, env, io.Discard,
		"restic", "dump", "latest", r.source)
	r.report.Processes = append(r.report.Processes, put, get)
	return err
}
