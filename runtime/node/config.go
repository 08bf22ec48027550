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
}

// Validate joins what every actor finds wrong with its part.
func (c Config) Validate() error {
	return errors.Join(
		c.Params.Validate(), c.Store.Validate(), c.Cache.Validate(), c.Reader.Validate(),
		c.Randomizer.Validate(), c.Splitter.Validate(), c.Drive.Validate(),
	)
}

// FromSettings makes the actors' configuration from what the user may set.
// The figures that stand here are no settings: they trade memory for speed
// within what the settings allow, and were chosen by measurement.
func FromSettings(s *config.Config) Config {
	return Config{
		Params: format.Production(),
		Store: store.Config{
			QuotaBytes:          s.Storage.QuotaBytes,
			ReserveBytes:        s.Storage.ReserveBytes,
			RecordOverheadBytes: 128,
			RefreshBytes:        64 << 20,
			PutsMax:             256,
			PutBlocksMax:        512,
			LoadsMax:            4096,
			CompactDeadShare:    s.Storage.CompactDeadShare,
			VerifyBatches:       4,
			VerifyBatchBlocks:   16,
			VerifyRefs:          32,
		},
		Cache: cache.Config{
			MemoryBytes: s.Cache.MemoryBytes, LoadsMax: 1024, AsksMax: 4096,
		},
		Reader:     readerConfig(s),
		Randomizer: randomizerConfig(s),
		Splitter:   splitterConfig(s),
		Drive:      driveConfig(s),
		AsksMax:    s.Node.AsksMax,
	}
}

func readerConfig(s *config.Config) reader.Config {
	return reader.Config{
		HandlesMax:        s.Reader.OpenFilesMax,
		ReadsMax:          1024,
		UnsealsMax:        1024,
		BatchChunks:       4,
		BatchesMax:        16,
		ReadAheadMax:      s.Reader.ReadAheadMaxChunks,
		ReadAheadBytesMax: int64(s.Reader.UnsealedChunksMax) * int64(format.Production().BlockSize),
		UnsealedBlocksMax: max(8, s.Reader.UnsealedChunksMax/4),
	}
}

func randomizerConfig(s *config.Config) randomizer.Config {
	c := randomizer.DefaultConfig()
	c.Profile = s.Storage.Profile
	c.UsesMax = s.Randomizer.ReuseMax
	c.SpacingTuples = s.Randomizer.ReuseDistanceChunks
	c.ActiveMax = s.Randomizer.ReusePoolBlocks
	c.CandidatesMax = s.Randomizer.CandidatesMax
	c.CandidatesReady = min(c.CandidatesReady, c.CandidatesMax)
	return c
}

func splitterConfig(s *config.Config) splitter.Config {
	c := splitter.DefaultConfig()
	c.WindowChunks = s.Splitter.WindowChunks
	c.StreamsMax = s.Splitter.SessionsMax
	c.InFlightChunksMax = max(c.InFlightChunksMax, 4*c.StreamsMax)
	c.KeptBlocksMax = max(c.KeptBlocksMax, s.Randomizer.ReusePoolBlocks)
	return c
}

func driveConfig(s *config.Config) drive.Config {
	c := drive.DefaultConfig()
	c.DecodedNodesMax = s.Drive.DecodedNodesMax
	c.TreesMax = s.Drive.OpenTreesMax
	c.PendingEntriesMax = s.Drive.PendingEntriesMax
	return c
}
