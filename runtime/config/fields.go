package config

// fields returns the declaration of every setting, in the order in which
// they are shown. To add one: a struct field in config.go, an entry in its
// group here, and `go test ./runtime/config -update` for the page.
func fields() []field {
	var all []field
	for _, group := range [][]field{
		storageFields(), storeBounds(), cacheFields(), cacheBounds(),
		readerFields(), readerBounds(), splitterFields(), splitterBounds(),
		randomizerFields(), randomizerBounds(), packFields(), driveFields(), driveBounds(),
		indexFields(), workersFields(), networkFields(), networkBounds(), serviceFields(),
		outputFields(),
	} {
		all = append(all, group...)
	}
	return all
}

// groups returns the TOML tables and what each is about, in order.
func groups() [][2]string {
	return [][2]string{
		{"storage", "The block store on disk."},
		{"store", "The actor above the block store: its queues and batches."},
		{"cache", "The memory tier of blocks. The disk tier is the block store itself."},
		{"reader", "Reading files."},
		{"splitter", "Writing files: cutting, sealing, storing."},
		{"randomizer", "The choice of the two blocks that each chunk is XORed with."},
		{"pack", "How small files share chunks."},
		{"drive", "Names and directories."},
		{"index", "The local database of names, refs and history."},
		{"workers", "Threads beside the actors."},
		{"network", "Other nodes. Only a daemon that listens is one of many."},
		{"node", "The edge between clients and actors."},
		{"api", "The daemon's unix socket."},
		{"daemon", "The node as a service."},
		{"log", "What goes to standard error. Never a key, link, name or plaintext."},
		{"metrics", "A page of figures for monitoring, without names or CIDs."},
	}
}

func storageFields() []field {
	return []field{
		{
			key: "storage.profile", flag: "profile", kind: kindChoice, fallback: ProfileBalanced,
			choices: []string{ProfileBalanced, ProfileStrict, ProfileThrifty},
			does: "How often a chunk's first randomizer is an existing block: balanced 9 times " +
				"of 10, thrifty 49 of 50, strict never. It counts for files written from then on.",
			costs: "strict stores about two blocks per chunk, but the stored blocks alone are " +
				"uniformly random whatever becomes of the cipher; thrifty stores least.",
			place: func(c *Config) any { return &c.Storage.Profile },
		},
		{
			key: "storage.quota_bytes", kind: kindBytes, unit: "bytes", fallback: "0",
			low: "16MiB", high: "4EiB", zero: "until the disk is full",
			does: "What the block store may take on disk. Writes beyond it are refused; what is " +
				"stored stays. At least storage.segment_bytes.",
			costs: "disk space",
			place: func(c *Config) any { return &c.Storage.QuotaBytes },
		},
		{
			key: "storage.reserve_bytes", kind: kindBytes, unit: "bytes", fallback: "256MiB",
			low: "1MiB", high: "1PiB",
			does: "Disk space that writes leave free, so that deleting and compacting still work " +
				"on a full disk. At least storage.segment_bytes.",
			costs: "disk space that nothing uses",
			place: func(c *Config) any { return &c.Storage.ReserveBytes },
		},
		{
			key: "storage.segment_bytes", kind: kindBytes, unit: "bytes", fallback: "128MiB",
			low: "1MiB", high: "16GiB",
			does: "The length at which a pack file ends and the next begins.",
			costs: "fewer files, but compaction in larger steps, each needing that much free " +
				"space for a while",
			place: func(c *Config) any { return &c.Storage.SegmentBytes },
		},
		{
			key: "storage.compact_dead_share", kind: kindShare, unit: "part of a segment, 0 to 1",
			fallback: "0.5", low: "0.05", high: "1",
			does: "How much of a segment must be dead before it is rewritten without its dead " +
				"blocks.",
			costs: "more dead space; lowering it costs writing: a segment with share d dead " +
				"writes (1-d)/d bytes for each byte it frees",
			place: func(c *Config) any { return &c.Storage.CompactDeadShare },
		},
	}
}

func cacheFields() []field {
	return []field{{
		key: "cache.memory_bytes", kind: kindBytes, unit: "bytes", fallback: "64MiB",
		low: "1MiB", high: "1PiB", zero: "no blocks are kept in memory",
		does:  "Blocks kept in memory. Randomizers that many files share are read from here.",
		costs: "memory of that size",
		place: func(c *Config) any { return &c.Cache.MemoryBytes },
	}}
}

func readerFields() []field {
	return []field{
		{
			key: "reader.read_ahead_max_chunks", kind: kindCount, unit: "chunks of 128 KiB",
			fallback: "32", low: "1", high: "4096", zero: "no read-ahead",
			does: "How far an open file that is read in order is read ahead at most.",
			costs: "4 x 128 KiB of memory for each chunk being read, and work thrown away when " +
				"the reader stops early",
			place: func(c *Config) any { return &c.Reader.ReadAheadMaxChunks },
		},
		{
			key: "reader.open_files_max", kind: kindCount, unit: "open files",
			fallback: "1024", low: "1", high: "1048576",
			does:  "Files open for reading at one time. One more is refused.",
			costs: "a few KiB of memory each",
			place: func(c *Config) any { return &c.Reader.OpenFilesMax },
		},
		{
			key: "reader.unsealed_chunks_max", kind: kindCount, unit: "chunks of 128 KiB",
			fallback: "256", low: "8", high: "1048576",
			does:  "Decoded chunks kept for all open files together, read ahead or just read.",
			costs: "128 KiB of memory each, holding plaintext",
			place: func(c *Config) any { return &c.Reader.UnsealedChunksMax },
		},
	}
}

func splitterFields() []field {
	return []field{
		{
			key: "splitter.window_chunks", kind: kindCount, unit: "chunks of 128 KiB",
			fallback: "128", low: "4", high: "1024",
			does:  "Chunks of one file that are being sealed and stored at one time.",
			costs: "up to three blocks of memory each, for each file being written",
			place: func(c *Config) any { return &c.Splitter.WindowChunks },
		},
		{
			key: "splitter.sessions_max", kind: kindCount, unit: "files being written",
			fallback: "32", low: "2", high: "4096",
			lowSince: "a tree that is stored takes one, and a large file in it another",
			does: "Files written at one time; a tree that is stored counts as one more. " +
				"Another is refused.",
			costs: "a window of splitter.window_chunks each",
			place: func(c *Config) any { return &c.Splitter.SessionsMax },
		},
	}
}

func randomizerFields() []field {
	return []field{
		{
			key: "randomizer.candidates_max", kind: kindCount, unit: "blocks",
			fallback: "65536", low: "64", high: "16777216",
			does: "Blocks known in memory that may still serve as a first randomizer; more are " +
				"fetched from the index.",
			costs: "about 100 bytes of memory each",
			place: func(c *Config) any { return &c.Randomizer.CandidatesMax },
		},
		{
			key: "randomizer.reuse_max", kind: kindCount, unit: "uses",
			fallback: "64", low: "1", high: "64",
			does: "How often a block serves as a second randomizer.",
			costs: "saves space (each use costs 1/n of a block), but one lost block then harms " +
				"up to that many chunks",
			place: func(c *Config) any { return &c.Randomizer.ReuseMax },
		},
		{
			key: "randomizer.reuse_distance_chunks", kind: kindCount, unit: "chunks",
			fallback: "72", low: "65", high: "4096",
			does: "Blocks of a file, its nodes counted, that must lie between two uses of one block.",
			costs: "more randomizers per file, and so a colder cache; lowering it lets one lost " +
				"block harm chunks that lie close together",
			place: func(c *Config) any { return &c.Randomizer.ReuseDistanceChunks },
		},
		{
			key: "randomizer.reuse_pool_blocks", kind: kindCount, unit: "blocks",
			fallback: "160", low: "66", high: "65536",
			does: "Blocks in rotation as second randomizers. More than " +
				"randomizer.reuse_distance_chunks.",
			costs: "128 KiB each to fetch for a cold reader, and to keep in the memory cache for " +
				"a writer",
			place: func(c *Config) any { return &c.Randomizer.ReusePoolBlocks },
		},
	}
}

func packFields() []field {
	return []field{{
		key: "pack.file_bytes_max", kind: kindBytes, unit: "bytes", fallback: "64KiB",
		low: "1", high: "64KiB", zero: "nothing is packed",
		does:  "Files up to this size that are stored together share chunks.",
		costs: "less space; reading one small file fetches the one or two chunks it is in",
		place: func(c *Config) any { return &c.Pack.FileBytesMax },
	}}
}

func driveFields() []field {
	return []field{
		{
			key: "drive.decoded_nodes_max", kind: kindCount, unit: "nodes",
			fallback: "64", low: "1", high: "65536",
			does:  "Decoded directory nodes of stored trees kept in memory.",
			costs: "up to 1 MiB of memory each, holding names",
			place: func(c *Config) any { return &c.Drive.DecodedNodesMax },
		},
		{
			key: "drive.removed_files_max", kind: kindCount, unit: "files",
			fallback: "65536", low: "1", high: "1048576",
			does:  "Files on a mount that were removed while they are open. One more cannot be removed.",
			costs: "about 50 bytes of memory each, and what they contain on disk",
			place: func(c *Config) any { return &c.Drive.RemovedFilesMax },
		},
		{
			key: "drive.open_trees_max", kind: kindCount, unit: "trees",
			fallback: "16", low: "1", high: "1024",
			does:  "Trees being stored at one time (put -r). One more is refused.",
			costs: "the waiting entries of drive.pending_entries_max and a few blocks each",
			place: func(c *Config) any { return &c.Drive.OpenTreesMax },
		},
		{
			key: "drive.pending_entries_max", kind: kindCount, unit: "entries",
			fallback: "4096", low: "16", high: "1048576",
			does: "Entries of one tree that wait for their pack to fill. At the bound the pack " +
				"is written as it is.",
			costs: "about 500 bytes of memory each",
			place: func(c *Config) any { return &c.Drive.PendingEntriesMax },
		},
	}
}

func indexFields() []field {
	return []field{
		{
			key: "index.cache_bytes", kind: kindBytes, unit: "bytes", fallback: "32MiB",
			low: "1MiB", high: "1TiB",
			does:  "Memory for index pages read lately, still sealed.",
			costs: "memory of that size",
			place: func(c *Config) any { return &c.Index.CacheBytes },
		},
		{
			key: "index.memtable_bytes", kind: kindBytes, unit: "bytes", fallback: "8MiB",
			low: "1MiB", high: "1GiB",
			does: "Memory for rows not yet written to a table file.",
			costs: "one to four times that memory, the same on disk for the log, and a slower " +
				"start after a crash; lowering it costs merging",
			place: func(c *Config) any { return &c.Index.MemtableBytes },
		},
	}
}

func workersFields() []field {
	return []field{
		{
			key: "workers.cpu", kind: kindCount, unit: "threads", fallback: "0",
			low: "1", high: "1024", zero: "one per core",
			does:  "Threads that hash, seal, XOR and compress.",
			costs: "beyond the number of cores: nothing gained; lowering it leaves cores to others",
			place: func(c *Config) any { return &c.Workers.CPU },
		},
		{
			key: "workers.block_writes", kind: kindCount, unit: "threads", fallback: "16",
			low: "1", high: "1024",
			does: "Batches of blocks that are being written at one time. They share the sync " +
				"that makes them durable.",
			costs: "a thread each while the disk works; lowering it syncs more often",
			place: func(c *Config) any { return &c.Workers.BlockWrites },
		},
		{
			key: "workers.block_reads", kind: kindCount, unit: "threads", fallback: "8",
			low: "1", high: "1024",
			does:  "Reads of blocks under way at one time: about what the disk serves in parallel.",
			costs: "a thread each while the disk works; beyond what the disk does, nothing gained",
			place: func(c *Config) any { return &c.Workers.BlockReads },
		},
	}
}

func serviceFields() []field {
	return []field{
		{
			key: "node.asks_max", kind: kindCount, unit: "requests",
			fallback: "1024", low: "16", high: "1048576",
			does:  "Requests of clients (commands, API, mount) under way at one time.",
			costs: "about 1 KiB of memory each; lowering it refuses bursts",
			place: func(c *Config) any { return &c.Node.AsksMax },
		},
		{
			key: "api.socket", kind: kindText, unit: "path", fallback: "",
			zero: "a path of at most 103 bytes; empty: in the repository", valid: validSocket,
			does:  "Where the daemon listens.",
			costs: "nothing; whoever may open the socket may use the drive",
			place: func(c *Config) any { return &c.API.Socket },
		},
		{
			key: "api.connections_max", kind: kindCount, unit: "connections",
			fallback: "256", low: "1", high: "65536",
			does:  "Connections to the socket at one time. More wait.",
			costs: "about 64 KiB of memory each",
			place: func(c *Config) any { return &c.API.ConnectionsMax },
		},
		{
			key: "api.handles_max", kind: kindCount, unit: "files",
			fallback: "1024", low: "1", high: "65536",
			does: "Files that are open over the socket at one time. One more is refused. " +
				"reader.open_files_max counts them too.",
			costs: "about 1 KiB of memory each",
			place: func(c *Config) any { return &c.API.HandlesMax },
		},
		{
			key: "api.handle_idle_max", kind: kindDuration, unit: "duration",
			fallback: "10m", low: "1s", high: "24h",
			does:  "How long a file that is open over the socket may lie unused; then it is closed.",
			costs: "clients that went away without closing keep their places longer",
			place: func(c *Config) any { return &c.API.HandleIdleMax },
		},
		{
			key: "api.request_bytes_max", kind: kindBytes, unit: "bytes", fallback: "1MiB",
			low: "64KiB", high: "1GiB",
			does:  "The largest request, not counting the bytes of files, which are streamed.",
			costs: "that much memory for each connection",
			place: func(c *Config) any { return &c.API.RequestBytesMax },
		},
		{
			key: "daemon.lock_wait", kind: kindDuration, unit: "duration", fallback: "10s",
			low: "1ms", high: "1h", zero: "does not wait",
			does:  "How long a starting daemon waits for the repository while a command has it.",
			costs: "a daemon that cannot start says so later",
			place: func(c *Config) any { return &c.Daemon.LockWait },
		},
	}
}

func outputFields() []field {
	return []field{
		{
			key: "log.level", kind: kindChoice, fallback: "info",
			choices: []string{"debug", "info", "warn", "error"},
			does:    "The least important kind of message that is written.",
			costs:   "debug writes several lines for each file",
			place:   func(c *Config) any { return &c.Log.Level },
		},
		{
			key: "log.format", kind: kindChoice, fallback: "text", choices: []string{"text", "json"},
			does:  "Lines for people, or one JSON object per line.",
			costs: "nothing",
			place: func(c *Config) any { return &c.Log.Format },
		},
		{
			key: "metrics.listen", flag: "metrics", kind: kindText, unit: "host:port", fallback: "",
			zero: "host:port; empty: off", valid: validListen,
			does: "Where the daemon serves /metrics and /healthz over HTTP.",
			costs: "whoever can reach the address sees how much is stored and read; keep it on " +
				"127.0.0.1",
			place: func(c *Config) any { return &c.Metrics.Listen },
		},
	}
}
