package node

import (
	"context"
	"errors"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/port"
)

// progressEvery is how often long work is asked how far it is.
const progressEvery = 200 * time.Millisecond

// blocksPage is how many CIDs Blocks lists at once.
const blocksPage = 4096

// Status implements [Client].
func (l *Local) Status(ctx context.Context) (RepoStatus, error) {
	s, err := l.Counters(ctx)
	if err != nil {
		return s, err
	}
	files, bytes, err := l.countFiles(ctx)
	if err != nil {
		return s, err
	}
	s.UserFiles, s.UserBytes = int64(files), int64(bytes)
	if s.UserBytes > 0 {
		s.Overhead = float64(s.BlockBytes+s.IndexBytes) / float64(s.UserBytes)
	}
	return s, nil
}

// Counters implements [Client].
func (l *Local) Counters(ctx context.Context) (RepoStatus, error) {
	var s RepoStatus
	store, err := ask[messages.StoreStatted](ctx, l, roleStore,
		func(call messages.Call) messages.Command { return messages.StatStore{Call: call} })
	if err != nil {
		return s, err
	}
	randomizer, err := ask[messages.RandomizerStatted](ctx, l, roleRandomizer,
		func(call messages.Call) messages.Command { return messages.StatRandomizer{Call: call} })
	if err != nil {
		return s, err
	}
	cache, err := ask[messages.CacheStatted](ctx, l, roleCache,
		func(call messages.Call) messages.Command { return messages.StatCache{Call: call} })
	if err != nil {
		return s, err
	}
	return RepoStatus{
		FormatVersion: format.Version, Profile: randomizer.Profile,
		Blocks: store.Blocks, BlockBytes: store.BlockBytes, IndexBytes: l.index.SizeBytes(),
		FreeBytes: store.FreeBytes, QuotaBytes: store.QuotaBytes,
		RandomizersGenerated: randomizer.Generated, RandomizersReused: randomizer.Reused,
		SlotACandidates:  randomizer.Candidates,
		CacheMemoryBytes: cache.MemoryBytes, CacheMemoryHits: cache.MemoryHits,
		CacheDiskHits: cache.DiskHits, CacheMisses: cache.Misses,
	}, nil
}

// countFiles walks all names and kept links.
func (l *Local) countFiles(ctx context.Context) (files, bytes uint64, err error) {
	begun, err := askToOpen[messages.WalkBegun](ctx, l, roleDrive,
		func(call messages.Call) messages.Command { return messages.BeginWalk{Call: call} })
	if err != nil {
		return 0, 0, err
	}
	defer l.tidy(roleDrive, func(call messages.Call) messages.Command {
		return messages.EndWalk{Call: call, Walk: begun.Walk}
	})
	for {
		walked, err := ask[messages.WalkContinued](ctx, l, roleDrive,
			func(call messages.Call) messages.Command {
				return messages.ContinueWalk{Call: call, Walk: begun.Walk}
			})
		if err != nil {
			return 0, 0, err
		}
		files += walked.Files
		bytes += walked.UserBytes
		if walked.Done {
			return files, bytes, nil
		}
	}
}

// watched runs long work of the store and tells progress meanwhile. When ctx
// ends first, the work is called off.
func watched[R messages.Reply](
	ctx context.Context, l *Local, progress func(Progress),
	make func(messages.Call) messages.Command,
) (R, error) {
	if progress != nil {
		watching, stop := context.WithCancel(ctx)
		stopped := l.watch(watching, progress)
		defer func() {
			stop()
			<-stopped
		}()
	}
	reply, err := ask[R](ctx, l, roleStore, make)
	if ctx.Err() != nil {
		l.tidy(roleStore, func(call messages.Call) messages.Command {
			return messages.CancelJob{Call: call}
		})
	}
	return reply, err
}

func (l *Local) watch(ctx context.Context, progress func(Progress)) (stopped chan struct{}) {
	stopped = make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			job, err := ask[messages.JobStatted](ctx, l, roleStore,
				func(call messages.Call) messages.Command { return messages.StatJob{Call: call} })
			if err == nil && job.Phase != "" {
				progress(Progress{Phase: job.Phase, Done: job.Done, Total: job.Total})
			}
		}
	}()
	return stopped
}

// Verify implements [Client].
func (l *Local) Verify(ctx context.Context, progress func(Progress)) (VerifyReport, error) {
	var report VerifyReport
	rows, err := l.index.Verify(ctx)
	if err != nil {
		switch {
		case ctx.Err() != nil:
			return report, canceled(ctx)
		case !errors.Is(err, port.ErrIndexCorrupt):
			return report, err
		}
		report.ProblemCount = 1
		report.Problems = append(report.Problems, messages.Problem{Reason: err.Error()})
	}
	report.IndexRows = rows
	verified, err := watched[messages.StoreVerified](ctx, l, progress,
		func(call messages.Call) messages.Command { return messages.VerifyStore{Call: call} })
	if err != nil {
		return report, err
	}
	report.Blocks, report.Refs = verified.Blocks, verified.Refs
	report.ProblemCount += verified.Count
	report.Problems = append(report.Problems, verified.Problems...)
	return report, nil
}

// Collect implements [Client].
func (l *Local) Collect(
	ctx context.Context, options CollectOptions, progress func(Progress),
) (CollectReport, error) {
	var report CollectReport
	if options.Without != "" && !options.DryRun {
		return report, messages.Errorf(messages.CodeInvalid, "only a dry run leaves a path out")
	}
	collected, err := watched[messages.Collected](ctx, l, progress,
		func(call messages.Call) messages.Command {
			return messages.Collect{Call: call, DryRun: options.DryRun, Without: options.Without}
		})
	if err != nil {
		return report, l.blame(ctx, err)
	}
	if options.Purge && !options.DryRun {
		if err := l.index.Purge(); err != nil {
			return report, err
		}
	}
	return CollectReport{
		NeededBlocks: collected.Needed, FreedBlocks: collected.FreedBlocks,
		FreedBytes: collected.FreedBytes, DryRun: options.DryRun,
	}, nil
}

// Blocks implements [Client].
func (l *Local) Blocks(ctx context.Context, each func(messages.CID) error) error {
	var after messages.CID
	for {
		listed, err := ask[messages.StoredListed](ctx, l, roleStore,
			func(call messages.Call) messages.Command {
				return messages.ListStored{Call: call, After: after, Limit: blocksPage}
			})
		if err != nil {
			return err
		}
		for _, cid := range listed.CIDs {
			if err := each(cid); err != nil {
				return err
			}
			after = cid
		}
		if !listed.More || len(listed.CIDs) == 0 {
			return nil
		}
	}
}

// Block implements [Client].
func (l *Local) Block(ctx context.Context, cid messages.CID) ([]byte, error) {
	loaded, err := ask[messages.BlocksLoaded](ctx, l, roleStore,
		func(call messages.Call) messages.Command {
			return messages.LoadBlocks{Call: call, CIDs: []messages.CID{cid}}
		})
	if err != nil {
		return nil, err
	}
	if len(loaded.Errs) > 0 && loaded.Errs[0] != nil {
		return nil, loaded.Errs[0]
	}
	data := loaded.Blocks[0].Data
	if data == nil {
		return nil, messages.Errorf(messages.CodeNotFound, "block %s is not stored here", cid)
	}
	if format.Name(data) != cid {
		return nil, messages.Errorf(messages.CodeCorrupt, "block %s is corrupt", cid)
	}
	return data, nil
}
