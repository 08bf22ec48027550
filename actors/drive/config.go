package drive

import (
	"errors"
	"fmt"
	"time"

	"github.com/noisefs/noisefs/messages"
)

// Role is the drive's name among its siblings.
const Role = "drive"

// ErrConfig reports a configuration that cannot work.
var ErrConfig = errors.New("drive: bad configuration")

// Config bounds the drive. [DefaultConfig] has values for a home node.
type Config struct {
	// OperationsMax bounds the commands on names that are being worked on or
	// wait for their turn; one more is CodeOverload.
	OperationsMax int

	// PathDepthMax bounds the names of one path, 1 or more. Raising it makes
	// a look-up in a hostile tree longer.
	PathDepthMax int

	// RowsMax bounds the index rows kept in memory, about 300 bytes each.
	// They save a question to the index for every name of a path.
	RowsMax int

	// DecodedNodesMax bounds the decoded nodes of snapshots kept in memory,
	// 1 or more. A full directory node takes about 1 MiB.
	DecodedNodesMax int

	// NodeReadsMax bounds the nodes that the reader is asked for at one time,
	// less than it admits; more wait for their turn.
	NodeReadsMax int

	// WindowMax bounds the changed names of one directory that are kept in
	// memory while it is listed, about 300 bytes each, and after that for its
	// next page: of the last few directories, until a name in it changes. A
	// directory in which more were changed is read once per WindowMax names.
	WindowMax int

	// ScanRows is how many rows of the index are read at a time by what reads
	// many: windows, walks and the cleaning of removed directories.
	ScanRows int

	// InodeLease is how many inode numbers are taken at a time. A restart
	// skips what is left of them.
	InodeLease int

	// KeptOpenMax bounds the files that were removed and are kept since somebody
	// has them open; removing one more is CodeOverload.
	KeptOpenMax int

	// TreesMax bounds the trees being built; one more is CodeOverload.
	TreesMax int

	// PendingEntriesMax bounds the entries of one tree that wait for their
	// pack. At the bound the pack is written as it is, so that a tree of few
	// small files among many large ones does not grow a queue.
	PendingEntriesMax int

	// PackJobsMax bounds the small files of one tree that are being
	// compressed and sealed, each at most half a block.
	PackJobsMax int

	// SealsMax bounds the pack chunks and nodes of one tree that are being
	// sealed, a block of memory each; a few more may wait for their turn. It
	// is at most what the splitter takes of one stream.
	SealsMax int

	// SharePage is how many entries are read at a time while a changed
	// directory is written for a share.
	SharePage int

	// WalksMax bounds the walks that are open; one more is CodeOverload.
	WalksMax int

	// WalkReadsMax bounds the nodes that one walk reads at one time.
	WalkReadsMax int

	// WalkStackMax bounds the refs of one walk that are known and not yet
	// walked, about 250 bytes each. A tree that needs more is reported as
	// broken. It must hold a few nodes' worth for every level of the tree.
	WalkStackMax int

	// WalkSeenMax bounds the roots that one walk remembers, so as not to
	// walk them twice, about 200 bytes each.
	WalkSeenMax int

	// WalkChangesMax bounds the rows that may change during one walk before
	// it starts its scan anew, about 200 bytes each.
	WalkChangesMax int

	// WalkInodesMax bounds the inodes below the path that a walk is limited
	// to or leaves out, about 40 bytes each; more is CodeOverload.
	WalkInodesMax int

	// WalkIdle is how long a walk is kept that nobody continues. The
	// collector that began it is gone then.
	WalkIdle time.Duration

	// ImportsHeldMax bounds the imports that wait for a collection; one more
	// is CodeOverload.
	ImportsHeldMax int

	// HoldWait is how long an import waits for a collection; then it fails
	// with CodeOverload.
	HoldWait time.Duration
}

// DefaultConfig returns the bounds of a home node: some tens of MiB when all
// of it is at work.
func DefaultConfig() Config {
	return Config{
		OperationsMax: 1024, PathDepthMax: 256,
		RowsMax: 1 << 14, DecodedNodesMax: 64, NodeReadsMax: 32,
		WindowMax: 1 << 16, ScanRows: 512, InodeLease: 1024, KeptOpenMax: 1 << 16,
		TreesMax: 16, PendingEntriesMax: 4096, PackJobsMax: 32, SealsMax: 12, SharePage: 256,
		WalksMax: 4, WalkReadsMax: 8, WalkStackMax: 1 << 17, WalkSeenMax: 1 << 14,
		WalkChangesMax: 1 << 16, WalkInodesMax: 1 << 20, WalkIdle: 24 * time.Hour,
		ImportsHeldMax: 256, HoldWait: 10 * time.Minute,
	}
}

// Validate says what is wrong with the configuration, if anything.
func (c Config) Validate() error {
	counts := []struct {
		name       string
		value, min int
	}{
		{"OperationsMax", c.OperationsMax, 1},
		{"PathDepthMax", c.PathDepthMax, 1},
		{"RowsMax", c.RowsMax, 1},
		{"DecodedNodesMax", c.DecodedNodesMax, 1},
		{"NodeReadsMax", c.NodeReadsMax, 1},
		{"WindowMax", c.WindowMax, 1},
		{"ScanRows", c.ScanRows, 1},
		{"InodeLease", c.InodeLease, 1},
		{"KeptOpenMax", c.KeptOpenMax, 1},
		{"TreesMax", c.TreesMax, 1},
		{"PendingEntriesMax", c.PendingEntriesMax, 1},
		{"PackJobsMax", c.PackJobsMax, 1},
		{"SealsMax", c.SealsMax, 1},
		{"SharePage", c.SharePage, 1},
		{"WalksMax", c.WalksMax, 1},
		{"WalkReadsMax", c.WalkReadsMax, 1},
		{"WalkStackMax", c.WalkStackMax, messages.WalkBatch},
		{"WalkSeenMax", c.WalkSeenMax, 1},
		{"WalkChangesMax", c.WalkChangesMax, 1},
		{"WalkInodesMax", c.WalkInodesMax, 1},
		{"ImportsHeldMax", c.ImportsHeldMax, 1},
	}
	for _, count := range counts {
		if count.value < count.min {
			return fmt.Errorf("%w: %s is %d, want %d or more",
				ErrConfig, count.name, count.value, count.min)
		}
	}
	if c.WalkIdle <= 0 || c.HoldWait <= 0 {
		return fmt.Errorf("%w: WalkIdle and HoldWait must be positive", ErrConfig)
	}
	return nil
}
