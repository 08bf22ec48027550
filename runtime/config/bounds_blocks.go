package config

// The bounds of the actors that move blocks: queues, windows and batches. The
// defaults suit a home node; what each actor does at a bound is in its doc.go.

func storeBounds() []field {
	return []field{
		{
			key: "store.refresh_bytes", kind: kindBytes, unit: "bytes",
			fallback: "64MiB", low: "1MiB", high: "1TiB",
			does:  "How much is put before the disk is asked again what is used and free.",
			costs: "a disk that somebody else fills is noticed later; lowering it asks more often",
			place: func(c *Config) any { return &c.Store.RefreshBytes },
		},
		{
			key: "store.puts_max", kind: kindCount, unit: "batches",
			fallback: "256", low: "1", high: "65536",
			does:  "Batches of blocks on their way to disk at one time.",
			costs: "with store.put_blocks_max: the memory that may wait for the disk",
			place: func(c *Config) any { return &c.Store.PutsMax },
		},
		{
			key: "store.put_blocks_max", kind: kindCount, unit: "blocks",
			fallback: "512", low: "34", high: "65536",
			does:  "Blocks in one batch to the disk.",
			costs: "memory of that many blocks for each batch",
			place: func(c *Config) any { return &c.Store.PutBlocksMax },
		},
		{
			key: "store.loads_max", kind: kindCount, unit: "requests",
			fallback: "4096", low: "64", high: "1048576",
			does:  "Requests to read or list blocks under way at one time.",
			costs: "up to 64 blocks of memory each while the disk works",
			place: func(c *Config) any { return &c.Store.LoadsMax },
		},
		{
			key: "store.verify_batches", kind: kindCount, unit: "batches",
			fallback: "4", low: "1", high: "1024",
			does:  "Batches of blocks that verify has in memory at one time.",
			costs: "with store.verify_batch_blocks: memory while verify runs",
			place: func(c *Config) any { return &c.Store.VerifyBatches },
		},
		{
			key: "store.verify_batch_blocks", kind: kindCount, unit: "blocks",
			fallback: "16", low: "1", high: "64",
			does:  "Blocks in one batch of verify.",
			costs: "memory of that many blocks for each batch",
			place: func(c *Config) any { return &c.Store.VerifyBatchBlocks },
		},
		{
			key: "store.verify_refs", kind: kindCount, unit: "refs",
			fallback: "32", low: "1", high: "1024",
			does:  "Refs that verify has opened at one time.",
			costs: "about four blocks of memory each",
			place: func(c *Config) any { return &c.Store.VerifyRefs },
		},
	}
}

func cacheBounds() []field {
	return []field{
		{
			key: "cache.loads_max", kind: kindCount, unit: "blocks",
			fallback: "1024", low: "64", high: "1048576",
			does:  "Blocks being loaded into the cache at one time.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Cache.LoadsMax },
		},
		{
			key: "cache.asks_max", kind: kindCount, unit: "requests",
			fallback: "4096", low: "64", high: "1048576",
			does:  "Requests that wait for blocks at one time.",
			costs: "about 1 KiB of memory each",
			place: func(c *Config) any { return &c.Cache.AsksMax },
		},
	}
}

func readerBounds() []field {
	return []field{
		{
			key: "reader.reads_max", kind: kindCount, unit: "reads",
			fallback: "1024", low: "16", high: "1048576",
			does:  "Reads of files under way at one time.",
			costs: "up to 1 MiB of memory each",
			place: func(c *Config) any { return &c.Reader.ReadsMax },
		},
		{
			key: "reader.unseals_max", kind: kindCount, unit: "blocks",
			fallback: "1024", low: "64", high: "1048576",
			does:  "Single blocks (nodes, packs) being opened at one time.",
			costs: "up to four blocks of memory each",
			place: func(c *Config) any { return &c.Reader.UnsealsMax },
		},
		{
			key: "reader.batch_chunks", kind: kindCount, unit: "chunks of 128 KiB",
			fallback: "4", low: "1", high: "21",
			does:  "Chunks that are fetched and opened together.",
			costs: "fewer messages, but the first chunk waits for the last",
			place: func(c *Config) any { return &c.Reader.BatchChunks },
		},
		{
			key: "reader.batches_max", kind: kindCount, unit: "batches",
			fallback: "16", low: "2", high: "4096",
			does:  "Batches of chunks being fetched and opened at one time.",
			costs: "with reader.batch_chunks: up to four blocks of memory per chunk",
			place: func(c *Config) any { return &c.Reader.BatchesMax },
		},
	}
}

func splitterBounds() []field {
	return []field{
		{
			key: "splitter.in_flight_chunks_max", kind: kindCount, unit: "chunks of 128 KiB",
			fallback: "1024", low: "256", high: "1048576",
			does: "Chunks between read and durable, over all files being written. At least four " +
				"per file.",
			costs: "up to two blocks of memory each",
			place: func(c *Config) any { return &c.Splitter.InFlightChunksMax },
		},
		{
			key: "splitter.seals_max", kind: kindCount, unit: "blocks",
			fallback: "16", low: "1", high: "1024",
			does:  "Nodes and pack chunks of one tree being sealed at one time.",
			costs: "a block of memory each",
			place: func(c *Config) any { return &c.Splitter.SealsMax },
		},
		{
			key: "splitter.reservations_max", kind: kindCount, unit: "transactions",
			fallback: "2", low: "1", high: "64",
			does:  "Reservations of randomizers under way for one file.",
			costs: "with two, one gathers while the other goes to disk; more make them smaller",
			place: func(c *Config) any { return &c.Splitter.ReservationsMax },
		},
		{
			key: "splitter.read_batch_blocks", kind: kindCount, unit: "blocks",
			fallback: "16", low: "1", high: "64",
			does:  "Randomizers that are read together.",
			costs: "fewer messages, but less reading side by side",
			place: func(c *Config) any { return &c.Splitter.ReadBatchBlocks },
		},
		{
			key: "splitter.reads_max", kind: kindCount, unit: "batches",
			fallback: "32", low: "1", high: "1024",
			does:  "Batches of randomizers being read at one time.",
			costs: "with splitter.read_batch_blocks: that many blocks of memory",
			place: func(c *Config) any { return &c.Splitter.ReadsMax },
		},
		{
			key: "splitter.put_batch_blocks", kind: kindCount, unit: "blocks",
			fallback: "32", low: "1", high: "510",
			does: "Blocks that go to the store together.",
			costs: "fewer messages, but blocks wait for each other; at most store.put_blocks_max " +
				"less 2",
			place: func(c *Config) any { return &c.Splitter.PutBatchBlocks },
		},
		{
			key: "splitter.puts_max", kind: kindCount, unit: "batches",
			fallback: "32", low: "1", high: "1024",
			does: "Batches of blocks on their way to the store. They share a sync.",
			costs: "with splitter.put_batch_blocks: that many blocks of memory; at most " +
				"store.puts_max",
			place: func(c *Config) any { return &c.Splitter.PutsMax },
		},
		{
			key: "splitter.held_refs_max", kind: kindCount, unit: "refs",
			fallback: "65536", low: "4096", high: "16777216",
			does:  "Refs of one file that are in no durable node yet.",
			costs: "about 250 bytes of memory each",
			place: func(c *Config) any { return &c.Splitter.HeldRefsMax },
		},
	}
}
