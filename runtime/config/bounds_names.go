package config

// The bounds of the randomizer and the drive.

func randomizerBounds() []field {
	return []field{
		{
			key: "randomizer.spares_max", kind: kindCount, unit: "blocks",
			fallback: "64", low: "1", high: "65536",
			does:  "Blocks that wait to serve as second randomizers.",
			costs: "about 100 bytes of memory each",
			place: func(c *Config) any { return &c.Randomizer.SparesMax },
		},
		{
			key: "randomizer.candidates_ready", kind: kindCount, unit: "blocks",
			fallback: "4096", low: "1", high: "16777216",
			does: "Candidates that are scanned after a start before the first is chosen. At most " +
				"randomizer.candidates_max.",
			costs: "the first write after a start waits longer",
			place: func(c *Config) any { return &c.Randomizer.CandidatesReady },
		},
		{
			key: "randomizer.scan_rows", kind: kindCount, unit: "rows",
			fallback: "1024", low: "16", high: "16384",
			does:  "Rows of the index that are read together.",
			costs: "fewer reads of the index, with more memory each",
			place: func(c *Config) any { return &c.Randomizer.ScanRows },
		},
		{
			key: "randomizer.streams_max", kind: kindCount, unit: "files",
			fallback: "256", low: "1", high: "65536",
			does:  "Files being written whose recent randomizers are remembered.",
			costs: "about 10 KiB of memory each",
			place: func(c *Config) any { return &c.Randomizer.StreamsMax },
		},
		{
			key: "randomizer.reserved_max", kind: kindCount, unit: "tuples",
			fallback: "16384", low: "256", high: "1048576",
			does:  "Tuples that are reserved and not yet written.",
			costs: "about 300 bytes of memory each",
			place: func(c *Config) any { return &c.Randomizer.ReservedMax },
		},
		{
			key: "randomizer.waiting_max", kind: kindCount, unit: "requests",
			fallback: "1024", low: "16", high: "65536",
			does:  "Requests to the randomizer that wait at one time.",
			costs: "up to 256 tuples of memory each",
			place: func(c *Config) any { return &c.Randomizer.WaitingMax },
		},
		{
			key: "randomizer.transaction_tuples", kind: kindCount, unit: "tuples",
			fallback: "512", low: "256", high: "16384",
			does:  "Tuples that are reserved in one transaction of the index.",
			costs: "fewer syncs, but they wait for each other",
			place: func(c *Config) any { return &c.Randomizer.TransactionTuples },
		},
		{
			key: "randomizer.transactions_max", kind: kindCount, unit: "transactions",
			fallback: "2", low: "1", high: "64",
			does:  "Reservations on their way to disk at one time.",
			costs: "smaller transactions, and more syncs",
			place: func(c *Config) any { return &c.Randomizer.TransactionsMax },
		},
		{
			key: "randomizer.collection_blocks_max", kind: kindCount, unit: "blocks",
			fallback: "1048576", low: "4096", high: "1073741824",
			does: "Blocks reserved while a collection runs that are remembered for it. Over it " +
				"the collection ends early.",
			costs: "about 20 bytes of memory each while a collection runs",
			place: func(c *Config) any { return &c.Randomizer.CollectionBlocksMax },
		},
		{
			key: "randomizer.generate_blocks", kind: kindCount, unit: "blocks",
			fallback: "4", low: "1", high: "256",
			does:  "Blocks that are generated together on one core.",
			costs: "fewer messages, but less side by side",
			place: func(c *Config) any { return &c.Randomizer.GenerateBlocks },
		},
	}
}

func driveBounds() []field {
	return []field{
		{
			key: "drive.operations_max", kind: kindCount, unit: "requests",
			fallback: "1024", low: "16", high: "1048576",
			does:  "Requests on names under way or waiting at one time.",
			costs: "about 1 KiB of memory each",
			place: func(c *Config) any { return &c.Drive.OperationsMax },
		},
		{
			key: "drive.path_depth_max", kind: kindCount, unit: "names",
			fallback: "256", low: "8", high: "4096",
			does:  "The most names in one path.",
			costs: "a look-up in a hostile tree takes longer",
			place: func(c *Config) any { return &c.Drive.PathDepthMax },
		},
		{
			key: "drive.rows_max", kind: kindCount, unit: "rows",
			fallback: "16384", low: "64", high: "16777216",
			does:  "Names and inodes kept in memory.",
			costs: "about 300 bytes each",
			place: func(c *Config) any { return &c.Drive.RowsMax },
		},
		{
			key: "drive.node_reads_max", kind: kindCount, unit: "nodes",
			fallback: "32", low: "1", high: "1024",
			does:  "Directory nodes being read at one time.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Drive.NodeReadsMax },
		},
		{
			key: "drive.window_max", kind: kindCount, unit: "names",
			fallback: "65536", low: "16", high: "16777216",
			does: "Changed names of one directory kept in memory while it is listed.",
			costs: "about 300 bytes each; lowering it reads large changed directories several " +
				"times",
			place: func(c *Config) any { return &c.Drive.WindowMax },
		},
		{
			key: "drive.scan_rows", kind: kindCount, unit: "rows",
			fallback: "512", low: "16", high: "16384",
			does:  "Rows of the index that are read together.",
			costs: "fewer reads of the index, with more memory each",
			place: func(c *Config) any { return &c.Drive.ScanRows },
		},
		{
			key: "drive.inode_lease", kind: kindCount, unit: "numbers",
			fallback: "1024", low: "1", high: "1048576",
			does:  "Inode numbers that are taken together. A restart skips what is left of them.",
			costs: "fewer writes, but more numbers skipped",
			place: func(c *Config) any { return &c.Drive.InodeLease },
		},
		{
			key: "drive.pack_jobs_max", kind: kindCount, unit: "files",
			fallback: "32", low: "1", high: "1024",
			does:  "Small files of one tree being compressed and sealed at one time.",
			costs: "up to 64 KiB of memory each",
			place: func(c *Config) any { return &c.Drive.PackJobsMax },
		},
		{
			key: "drive.seals_max", kind: kindCount, unit: "blocks",
			fallback: "12", low: "1", high: "1024",
			does:  "Blocks of one tree being sealed at one time. At most splitter.seals_max.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Drive.SealsMax },
		},
		{
			key: "drive.share_page", kind: kindCount, unit: "names",
			fallback: "256", low: "1", high: "1024",
			does:  "Names that are read together while a changed directory is written for a share.",
			costs: "about 1 KiB of memory each",
			place: func(c *Config) any { return &c.Drive.SharePage },
		},
		{
			key: "drive.walks_max", kind: kindCount, unit: "walks",
			fallback: "4", low: "1", high: "64",
			does:  "Walks over all names (stat, verify, gc) open at one time.",
			costs: "about 32 MiB of memory each in very large drives",
			place: func(c *Config) any { return &c.Drive.WalksMax },
		},
		{
			key: "drive.walk_reads_max", kind: kindCount, unit: "nodes",
			fallback: "8", low: "1", high: "1024",
			does:  "Nodes that one walk reads at one time.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Drive.WalkReadsMax },
		},
		{
			key: "drive.walk_stack_max", kind: kindCount, unit: "refs",
			fallback: "131072", low: "8192", high: "16777216",
			does:  "Refs that one walk knows and has not followed yet.",
			costs: "about 250 bytes of memory each; too few and a large tree cannot be walked",
			place: func(c *Config) any { return &c.Drive.WalkStackMax },
		},
		{
			key: "drive.walk_seen_max", kind: kindCount, unit: "roots",
			fallback: "16384", low: "1", high: "16777216",
			does:  "Roots that one walk remembers so as not to follow them twice.",
			costs: "about 200 bytes of memory each",
			place: func(c *Config) any { return &c.Drive.WalkSeenMax },
		},
		{
			key: "drive.walk_changes_max", kind: kindCount, unit: "rows",
			fallback: "65536", low: "1", high: "16777216",
			does:  "Names that may change during one walk before it starts again.",
			costs: "about 200 bytes of memory each",
			place: func(c *Config) any { return &c.Drive.WalkChangesMax },
		},
		{
			key: "drive.walk_inodes_max", kind: kindCount, unit: "inodes",
			fallback: "1048576", low: "1024", high: "1073741824",
			does:  "Changed names below one path that a dry run of rm can leave out.",
			costs: "about 40 bytes of memory each",
			place: func(c *Config) any { return &c.Drive.WalkInodesMax },
		},
		{
			key: "drive.walk_idle", kind: kindDuration, unit: "duration",
			fallback: "1h", low: "1m", high: "8760h",
			does:  "How long a walk is kept that nobody continues.",
			costs: "an abandoned walk holds its memory longer",
			place: func(c *Config) any { return &c.Drive.WalkIdle },
		},
		{
			key: "drive.imports_held_max", kind: kindCount, unit: "requests",
			fallback: "256", low: "1", high: "65536",
			does:  "Imports that wait for a collection to end its sweep.",
			costs: "about 1 KiB of memory each",
			place: func(c *Config) any { return &c.Drive.ImportsHeldMax },
		},
		{
			key: "drive.hold_wait", kind: kindDuration, unit: "duration",
			fallback: "10m", low: "1s", high: "24h",
			does:  "How long an import waits for a collection before it fails.",
			costs: "an import may take that long",
			place: func(c *Config) any { return &c.Drive.HoldWait },
		},
	}
}
