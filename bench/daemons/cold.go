package daemons

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/noisefs/noisefs/runtime/format"
)

// ColdOptions say what [Get] measures.
type ColdOptions struct {
	Dir        string // a folder that exists; everything made in it is removed
	Executable string // the noisefs binary
	SizeBytes  int64  // of the file, 1 or more
	Peers      int    // that have its blocks, 1 or more
	// Profile is where the CPU profile of the daemon that reads is left, in the
	// format of pprof; empty: nowhere.
	Profile string
	Say     func(what string)
}

// Cold is what reading a file came to of which nothing was here.
type Cold struct {
	Peers     int     `json:"peers"`
	SizeBytes int64   `json:"sizeBytes"`
	Seconds   float64 `json:"seconds"`
	MBps      float64 `json:"MBps"` // 10^6 bytes of the file
	// CPUPerGiB is CPU seconds of all daemons and of the command that reads, for
	// each GiB of the file; ReaderCPUPerGiB is those of the daemon that reads.
	CPUPerGiB       float64 `json:"cpuSecondsPerGiB"`
	ReaderCPUPerGiB float64 `json:"readerCPUSecondsPerGiB"`
	// BlocksPerChunk is how many blocks were moved for each chunk of the file.
	BlocksPerChunk float64 `json:"blocksPerChunk"`
	PeakMiB        float64 `json:"readerPeakRSSMiB"`
	// Top is where the daemon that reads spent its CPU time, most first.
	Top []Share `json:"top"`
}

// topShown is how many functions of a profile are shown.
const topShown = 12

// holders is how many nodes hold a block, where there are so many.
const holders = 3

// Get stores a file in a network of daemons, takes the one away that stored it,
// and reads it through one that is new and holds nothing for others.
func Get(ctx context.Context, o ColdOptions) (cold Cold, err error) {
	work, err := os.MkdirTemp(o.Dir, "noisefs-bench-")
	if err != nil {
		return cold, err
	}
	f := &fleet{dir: work, executable: o.Executable, args: quickly}
	defer func() { err = errors.Join(err, f.close(), os.RemoveAll(work)) }()
	link, sum, err := spreadFile(ctx, f, o)
	if err != nil {
		return cold, err
	}
	profile := o.Profile
	if profile == "" {
		profile = filepath.Join(work, "cpu.pprof")
	}
	reader, err := f.add(ctx, "reader", "--storage", "0", "--cpu-profile", profile)
	if err != nil {
		return cold, err
	}
	if err := errors.Join(reader.knows(ctx, o.Peers+1), reader.finds(ctx, link)); err != nil {
		return cold, err
	}
	o.Say(fmt.Sprintf("%d peers: reading", o.Peers))
	if cold, err = readFile(ctx, f, reader, o, sum); err != nil {
		return cold, err
	}
	if err := f.close(); err != nil { // the profile is whole when the daemon has ended
		return cold, err
	}
	cold.Top, err = topShares(profile, topShown)
	return cold, err
}

// spreadFile stores random bytes through a daemon of their own, waits until the
// others hold all blocks, and stops it. It returns their link and CRC.
func spreadFile(
	ctx context.Context, f *fleet, o ColdOptions,
) (link string, sum uint32, err error) {
	storage := fmt.Sprint(4*o.SizeBytes + 64<<20)
	// Those that stay come first: others join through the first.
	for i := range o.Peers {
		if _, err := f.add(ctx, fmt.Sprint(i), "--storage", storage); err != nil {
			return "", 0, err
		}
	}
	writer, err := f.add(ctx, "writer", "--storage", storage)
	if err != nil {
		return "", 0, err
	}
	for _, d := range f.daemons {
		if err := d.knows(ctx, o.Peers+1); err != nil {
			return "", 0, err
		}
	}
	o.Say(fmt.Sprintf("%d peers: storing", o.Peers))
	link, sum, err = f.put(ctx, writer, o.SizeBytes)
	if err != nil {
		return "", 0, err
	}
	err = errors.Join(writer.stop(), os.RemoveAll(writer.dir),
		os.WriteFile(f.link(), []byte(link), 0o600))
	f.daemons = f.daemons[:o.Peers]
	return link, sum, err
}

// link is the file with the link that is read.
func (f *fleet) link() string { return filepath.Join(f.dir, "link") }

// put stores random bytes through a daemon, waits until they have spread, and
// returns their link and CRC.
func (f *fleet) put(
	ctx context.Context, through *daemon, size int64,
) (link string, sum uint32, err error) {
	check := newCheck()
	put := exec.CommandContext(ctx, f.executable, "put", "-", "--quiet", "--repo", through.dir,
		"--wait-replicas", fmt.Sprint(min(holders, len(f.daemons)-1)))
	put.Stdin = io.TeeReader(io.LimitReader(rand.Reader, size), check)
	printed, err := output(put)
	link, _, _ = strings.Cut(printed, "\t")
	return strings.TrimSpace(link), check.Sum32(), err
}

// newCheck makes a check of content that costs next to nothing, and is enough:
// the daemons prove each block on their own.
func newCheck() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// output runs a command and returns what it printed.
func output(cmd *exec.Cmd) (string, error) {
	text, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrDaemon, cmd.Args[1], withReason(err))
	}
	return string(text), nil
}

// withReason adds what a command said to how it ended.
func withReason(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}

// readFile reads the file once, and measures.
func readFile(
	ctx context.Context, f *fleet, reader *daemon, o ColdOptions, sum uint32,
) (Cold, error) {
	cold := Cold{Peers: o.Peers, SizeBytes: o.SizeBytes}
	all, own, err := f.used(reader)
	if err != nil {
		return cold, err
	}
	check := newCheck()
	cat := exec.CommandContext(ctx, f.executable, "cat", "--quiet", "--repo", reader.dir, "@"+f.link())
	var reason strings.Builder
	cat.Stdout, cat.Stderr = check, &reason
	begun := time.Now()
	if err := cat.Run(); err != nil {
		return cold, fmt.Errorf("%w: cat: %w: %s", ErrDaemon, err, strings.TrimSpace(reason.String()))
	}
	took := time.Since(begun)
	if check.Sum32() != sum {
		return cold, ErrWrong
	}
	allAfter, ownAfter, err := f.used(reader)
	if err != nil {
		return cold, err
	}
	status, err := reader.network(ctx)
	if err != nil {
		return cold, err
	}
	if cold.PeakMiB, err = memoryMiB(reader.cmd.Process.Pid, "VmHWM"); err != nil {
		return cold, err
	}
	gib := float64(o.SizeBytes) / (1 << 30)
	command := cat.ProcessState.UserTime() + cat.ProcessState.SystemTime()
	chunk := int64(format.Production().BlockSize)
	cold.Seconds = took.Seconds()
	cold.MBps = float64(o.SizeBytes) / 1e6 / cold.Seconds
	cold.CPUPerGiB = (allAfter - all + command.Seconds()) / gib
	cold.ReaderCPUPerGiB = (ownAfter - own) / gib
	cold.BlocksPerChunk = float64(status.FetchedBlocks) / float64((o.SizeBytes+chunk-1)/chunk)
	return cold, nil
}

// used is the CPU time that all daemons have used, and that one of them has.
func (f *fleet) used(one *daemon) (all, own float64, err error) {
	for _, d := range f.daemons {
		seconds, err := cpuSeconds(d.cmd.Process.Pid)
		if err != nil {
			return 0, 0, err
		}
		all += seconds
		if d == one {
			own = seconds
		}
	}
	return all, own, nil
}
