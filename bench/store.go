package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/port"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// StoreOptions say how [Store] measures.
type StoreOptions struct {
	Dir       string // a folder that exists; everything made in it is removed
	SizeBytes int64  // of the file
	Rounds    int    // medians are taken over them
	TreeFiles int    // of TreeFileBytes each
	TreeBytes int    // of one file of the tree
	// Executable is the noisefs binary, run as a process of its own to see
	// its memory. Empty: RSS is not measured.
	Executable string
	// Say is told what is being done. It may be nil.
	Say func(what string)
}

// noiseBytes is the random buffer that the bare loop writes from, in bytes.
const noiseBytes = 64 << 20

// storeRun is a run of [Store].
type storeRun struct {
	StoreOptions
	work   string // folder for everything
	source string // file to store
	noise  []byte
	report StoreReport
	bare   bareFigures
}

type bareFigures struct{ write, put, putUser, read, get, getCold []float64 }

// Store measures put and get of a file beside bare loops, interleaved, and
// what storing costs in space.
func Store(ctx context.Context, options StoreOptions) (report StoreReport, err error) {
	work, err := os.MkdirTemp(options.Dir, "noisefs-bench-")
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if options.Say == nil {
		options.Say = func(string) {}
	}
	r := &storeRun{StoreOptions: options, work: work, source: filepath.Join(work, "source")}
	r.report = StoreReport{
		Machine: ThisMachine(work), SizeBytes: options.SizeBytes, Rounds: options.Rounds,
	}
	r.Say("making the file")
	noise := newNoise()
	r.noise = make([]byte, noiseBytes)
	if _, err := io.ReadFull(noise, r.noise); err != nil {
		return report, err
	}
	if err := writeNoise(r.source, options.SizeBytes, noise); err != nil {
		return report, err
	}
	for round := range options.Rounds {
		if err := r.round(ctx, round); err != nil {
			return report, err
		}
	}
	r.summarise()
	for _, step := range []func(context.Context) error{r.space, r.tree, r.memory, r.peers} {
		if err := step(ctx); err != nil {
			return report, err
		}
	}
	return r.report, nil
}

// round measures put and get once, and the bare loops right beside them.
func (r *storeRun) round(ctx context.Context, round int) error {
	r.Say(fmt.Sprintf("round %d of %d: put", round+1, r.Rounds))
	dir := filepath.Join(r.work, fmt.Sprintf("repo-%d", round))
	var syncs atomic.Int64
	opened, err := openRepo(ctx, dir, &syncs)
	if err != nil {
		return err
	}
	defer func() {
		_ = opened.Close()
		_ = os.RemoveAll(dir)
	}()
	before := syncs.Load()
	took, link, err := timedPut(ctx, opened, r.source)
	if err != nil {
		return err
	}
	status, err := opened.Status(ctx)
	if err != nil {
		return err
	}
	r.bare.put = append(r.bare.put, perSecond(status.Blocks*blockSize, took))
	r.bare.putUser = append(r.bare.putUser, perSecond(r.SizeBytes, took))
	r.report.BlocksStored, r.report.Syncs = status.Blocks, syncs.Load()-before
	if round == 0 {
		r.report.SpaceCold = float64(status.BlockBytes+status.IndexBytes) / float64(r.SizeBytes)
	}

	r.Say(fmt.Sprintf("round %d of %d: bare loop, writing", round+1, r.Rounds))
	bareFile := filepath.Join(r.work, "bare")
	syncEvery := max(1, int(status.Blocks/max(1, r.report.Syncs)))
	took, err = bareWrite(bareFile, int(status.Blocks), syncEvery, r.noise)
	if err != nil {
		return err
	}
	defer os.Remove(bareFile)
	r.bare.write = append(r.bare.write, perSecond(status.Blocks*blockSize, took))
	return r.reads(ctx, round, opened, link, bareFile, dir)
}

func (r *storeRun) reads(
	ctx context.Context, round int, opened node.Client, link messages.Link, bareFile, dir string,
) error {
	chunks := (r.SizeBytes + blockSize - 1) / blockSize
	r.Say(fmt.Sprintf("round %d of %d: get and bare loop, reading", round+1, r.Rounds))
	if _, err := timedGet(ctx, opened, link); err != nil { // warms what the kernel keeps
		return err
	}
	if _, err := bareRead(bareFile, int(chunks)); err != nil {
		return err
	}
	took, err := timedGet(ctx, opened, link)
	if err != nil {
		return err
	}
	r.bare.get = append(r.bare.get, perSecond(r.SizeBytes, took))
	if took, err = bareRead(bareFile, int(chunks)); err != nil {
		return err
	}
	r.bare.read = append(r.bare.read, perSecond(chunks*blockSize, took))
	if err := forget(dir); err != nil {
		return err
	}
	if took, err = timedGet(ctx, opened, link); err != nil {
		return err
	}
	r.bare.getCold = append(r.bare.getCold, perSecond(r.SizeBytes, took))
	return nil
}

func (r *storeRun) summarise() {
	s := &r.report
	s.PutStored, s.PutUser = median(r.bare.put), median(r.bare.putUser)
	s.BareWrite, s.BareRead = median(r.bare.write), median(r.bare.read)
	s.GetWarm, s.GetCold = median(r.bare.get), median(r.bare.getCold)
	s.PutRatio, s.GetRatio = s.PutStored/s.BareWrite, s.GetWarm/s.BareRead
}

// space stores two files of the size, one after the other, and sees what the
// second costs.
func (r *storeRun) space(ctx context.Context) error {
	r.Say("space of a second file")
	dir := filepath.Join(r.work, "repo-space")
	opened, err := openRepo(ctx, dir, nil)
	if err != nil {
		return err
	}
	defer func() {
		_ = opened.Close()
		_ = os.RemoveAll(dir)
	}()
	if _, _, err := timedPut(ctx, opened, r.source); err != nil {
		return err
	}
	before, err := opened.Status(ctx)
	if err != nil {
		return err
	}
	if _, _, err := timedPut(ctx, opened, r.source); err != nil {
		return err
	}
	after, err := opened.Status(ctx)
	if err != nil {
		return err
	}
	r.report.SpaceWarm = spent(before, after, r.SizeBytes)
	if r.TreeFiles == 0 {
		return nil
	}
	r.Say("space of a tree, warm")
	if r.report.TreeWarm, err = r.treeSpace(ctx, opened); err != nil {
		return err
	}
	return nil
}

// spent is the bytes stored per byte of files between two looks.
func spent(before, after node.RepoStatus, userBytes int64) float64 {
	grown := after.BlockBytes + after.IndexBytes - before.BlockBytes - before.IndexBytes
	return float64(grown) / float64(userBytes)
}

func perSecond(bytes int64, took time.Duration) float64 {
	return float64(bytes) / 1e6 / took.Seconds()
}

// openRepo makes and opens a repository without a passphrase. syncs, if set,
// counts the syncs of its block files.
func openRepo(ctx context.Context, dir string, syncs *atomic.Int64) (*repo.Repo, error) {
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		return nil, err
	}
	options := repo.Options{
		Who: "noisefs bench",
		Credentials: func(context.Context, vault.Mode) (vault.Credentials, error) {
			return vault.WithNothing(), nil
		},
	}
	if syncs != nil {
		options.WrapDisk = func(disk port.Disk) port.Disk { return countingDisk{disk, syncs} }
	}
	return repo.Open(ctx, dir, options)
}

func timedPut(
	ctx context.Context, client node.Client, source string,
) (time.Duration, messages.Link, error) {
	file, err := os.Open(source)
	if err != nil {
		return 0, messages.Link{}, err
	}
	defer file.Close()
	begin := time.Now()
	link, err := client.PutFile(ctx, file, node.PutOptions{
		Attributes: messages.Attributes{Mode: 0o644, ModTime: begin.UTC()},
	})
	return time.Since(begin), link, err
}

func timedGet(ctx context.Context, client node.Client, link messages.Link) (time.Duration, error) {
	begin := time.Now()
	file, err := client.Open(ctx, messages.Target{Link: &link})
	if err != nil {
		return 0, err
	}
	defer file.Close()
	_, err = file.CopyTo(ctx, io.Discard, 0, -1)
	return time.Since(begin), err
}
