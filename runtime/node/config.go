package node

import (
	"errors"

	"github.com/noisefs/noisefs/actors/cache"
	"github.com/noisefs/noisefs/actors/drive"
	"github.com/noisefs/noisefs/actors/randomizer"
	"github.com/noisefs/noisefs/actors/reader"
	"github.com/noisefs/noisefs/actors/splitter"
	"github.com/noisefs/noisefs/actors/store"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
)

// Config is the configuration of all actors of a node.
type Config struct {
	Params     format.Params
	Store      store.Config
	Cache      cache.Config
	Reader     reader.Config
	Randomizer randomizer.Config
	Splitter   splitter.Config
	Drive      drive.Config
	// AsksMax bounds the commands that clients have in flight; 0 means the
	// shell's default.
	AsksMax int
	// PackBytesMax is the size up to which files of a tree share chunks, in
	// bytes; never more than Params.PackMax.
	PackBytesMax int64
	// Network has the actors of a node that is one of many; nil: it is alone.
	Network *Network
}

// Validate joins what every actor finds wrong with its part.
func (c Config) Validate() error {
	err := errors.Join(
		c.Params.Validate(), c.Store.Validate(), c.Cache.Validate(), c.Reader.Validate(),
		c.Randomizer.Validate(), c.Splitter.Validate(), c.Drive.Validate(),
	)
	if c.Network != nil {
		err = errors.Join(err, c.Network.Validate())
	}
	return err
}

// FromSettings makes the actors' configuration from the user's.
func FromSettings(s *config.Config) Config {
	return Config{
		Params: format.Production(),
		Store: store.Config{
			QuotaBytes: s.Storage.QuotaBytes, ReserveBytes: s.Storage.ReserveBytes,
			RecordOverheadBytes: recordOverheadBytes, RefreshBytes: s.Store.RefreshBytes,
			PutsMax: s.Store.PutsMax, PutBlocksMax: s.Store.PutBlocksMax,
			LoadsMax: s.Store.LoadsMax, CompactDeadShare: s.Storage.CompactDeadShare,
			VerifyBatches: s.Store.VerifyBatches, VerifyBatchBlocks: s.Store.VerifyBatchBlocks,
			VerifyRefs: s.Store.VerifyRefs,
		},
		Cache: cache.Config{
			MemoryBytes: s.Cache.MemoryBytes, LoadsMax: s.Cache.LoadsMax, AsksMax: s.Cache.AsksMax,
		},
		Reader:       readerConfig(s),
		Randomizer:   randomizerConfig(s),
		Splitter:     splitterConfig(s),
		Drive:        driveConfig(s),
		AsksMax:      s.Node.AsksMax,
		PackBytesMax: s.Pack.FileBytesMax,
	}
}

// recordOverheadBytes is more than the block engine writes beside a block.
const recordOverheadBytes = 128

func readerConfig(s *config.Config) reader.Config {
	r := s.Reader
	return reader.Config{
		HandlesMax: r.OpenFilesMax, ReadsMax: r.ReadsMax, UnsealsMax: r.UnsealsMax,
		BatchChunks: r.BatchChunks, BatchesMax: r.BatchesMax, ReadAheadMax: r.ReadAheadMaxChunks,
		ReadAheadBytesMax: int64(r.UnsealedChunksMax) * int64(format.Production().BlockSize),
		UnsealedBlocksMax: max(1, r.UnsealedChunksMax/4),
	}
}

func randomizerConfig(s *config.Config) randomizer.Config {
	r := s.Randomizer
	return randomizer.Config{
		Profile: s.Storage.Profile, UsesMax: r.ReuseMax, SpacingTuples: r.ReuseDistanceChunks,
		ActiveMax: r.ReusePoolBlocks, SparesMax: r.SparesMax, CandidatesMax: r.CandidatesMax,
		CandidatesReady: r.CandidatesReady, ScanRows: r.ScanRows, StreamsMax: r.StreamsMax,
		ReservedMax: r.ReservedMax, WaitingMax: r.WaitingMax,
		TransactionTuples: r.TransactionTuples, TransactionsMax: r.TransactionsMax,
		CollectionBlocksMax: r.CollectionBlocksMax, GenerateBlocks: r.GenerateBlocks,
	}
}

func splitterConfig(s *config.Config) splitter.Config {
	w := s.Splitter
	return splitter.Config{
		WindowChunks: w.WindowChunks, InFlightChunksMax: w.InFlightChunksMax,
		StreamsMax: w.SessionsMax, SealsMax: w.SealsMax, ReservationsMax: w.ReservationsMax,
		ReadBatchBlocks: w.ReadBatchBlocks, ReadsMax: w.ReadsMax,
		PutBatchBlocks: w.PutBatchBlocks, PutsMax: w.PutsMax,
		// What recurs is what the randomizer has in rotation, and a little more.
		KeptBlocksMax: s.Randomizer.ReusePoolBlocks + s.Randomizer.ReusePoolBlocks/5,
		HeldRefsMax:   w.HeldRefsMax,
	}
}

func driveConfig(s *config.Config) drive.Config {
	d := s.Drive
	return drive.Config{
		OperationsMax: d.OperationsMax, PathDepthMax: d.PathDepthMax, RowsMax: d.RowsMax,
		DecodedNodesMax: d.DecodedNodesMax, NodeReadsMax: d.NodeReadsMax,
		WindowMax: d.WindowMax, ScanRows: d.ScanRows, InodeLease: d.InodeLease,
		KeptOpenMax: d.RemovedFilesMax,
		TreesMax:    d.OpenTreesMax, PendingEntriesMax: d.PendingEntriesMax,
		PackJobsMax: d.PackJobsMax, SealsMax: d.SealsMax, SharePage: d.SharePage,
		WalksMax: d.WalksMax, WalkReadsMax: d.WalkReadsMax, WalkStackMax: d.WalkStackMax,
		WalkSeenMax: d.WalkSeenMax, WalkChangesMax: d.WalkChangesMax,
		WalkInodesMax: d.WalkInodesMax, WalkIdle: d.WalkIdle,
		ImportsHeldMax: d.ImportsHeldMax, HoldWait: d.HoldWait,
	}
}
