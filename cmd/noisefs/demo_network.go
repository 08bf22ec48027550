package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

const (
	// demoBytes is how much of this program a demo of several nodes stores.
	demoBytes = 4 << 20
	// demoHolders is how many nodes hold a block, where there are so many.
	demoHolders = 3
	// demoPatience is how long a step may take that depends on other nodes.
	demoPatience = 2 * time.Minute
	// demoPoll is how often it is looked whether such a step is done.
	demoPoll = 100 * time.Millisecond
)

// demoNetwork is a network of real nodes in one process.
type demoNetwork struct {
	g     *globals
	found *demoResult
	dirs  []string
	nodes []*repo.Repo // nil: stopped
}

func runDemoNetwork(
	ctx context.Context, g *globals, temp string, nodes int, source string, sizeMax int64,
	found *demoResult,
) (err error) {
	d := &demoNetwork{g: g, found: found}
	defer func() { err = errors.Join(err, d.close()) }()
	begin := time.Now()
	for i := range nodes {
		if err := d.start(ctx, filepath.Join(temp, fmt.Sprint(i+1))); err != nil {
			return fmt.Errorf("start node %d: %w", i+1, err)
		}
	}
	if err := d.meet(ctx); err != nil {
		return err
	}
	link, sum, err := d.store(ctx, source, sizeMax)
	if err != nil {
		return err
	}
	if err := d.spread(ctx); err != nil {
		return err
	}
	if err := d.stopFirst(); err != nil {
		return err
	}
	if err := d.readBack(ctx, link, sum); err != nil {
		return err
	}
	g.say("\nAll that took %.1f s. Nothing of it is left; 'noisefs init' makes a repository\n"+
		"to keep, and 'noisefs daemon --listen' a node of it.", time.Since(begin).Seconds())
	return nil
}

// demoSettings are the defaults, but for what a person would have to wait for.
func demoSettings(bootstrap string) *config.Config {
	c := config.Default()
	c.Network.Listen, c.Network.Bootstrap = "/ip4/127.0.0.1/tcp/0", bootstrap
	c.Network.DisperseDelay = 500 * time.Millisecond
	c.Network.ProbeInterval = 500 * time.Millisecond
	return c
}

// start starts a node, which joins through the first.
func (d *demoNetwork) start(ctx context.Context, dir string) error {
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		return err
	}
	bootstrap := ""
	if len(d.nodes) > 0 {
		first, err := d.nodes[0].Network(ctx)
		if err != nil {
			return err
		}
		bootstrap = first.Addresses[0]
	}
	settings, log := demoSettings(bootstrap), slog.New(slog.DiscardHandler)
	if err := settings.Validate(); err != nil {
		return err
	}
	opened, err := repo.Open(ctx, dir, repo.Options{
		Who: "noisefs demo", Config: settings, Log: log, Credentials: noCredentials,
		Join: joinNetwork(dir, settings, log),
	})
	if err != nil {
		return err
	}
	d.dirs, d.nodes = append(d.dirs, dir), append(d.nodes, opened)
	return nil
}

// close stops what still runs.
func (d *demoNetwork) close() error {
	var failures []error
	for i, opened := range d.nodes {
		if opened != nil {
			failures = append(failures, opened.Close())
			d.nodes[i] = nil
		}
	}
	return errors.Join(failures...)
}

// last is the node that reads.
func (d *demoNetwork) last() *repo.Repo { return d.nodes[len(d.nodes)-1] }

// await waits until something is so.
func (d *demoNetwork) await(ctx context.Context, what string, so func() (bool, error)) error {
	for end := time.Now().Add(demoPatience); ; {
		done, err := so()
		if err != nil || done {
			return err
		}
		if time.Now().After(end) {
			return messages.Errorf(messages.CodeUnavailable, "waited in vain until %s", what)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(demoPoll):
		}
	}
}

// meet waits until each node knows of all others.
func (d *demoNetwork) meet(ctx context.Context) error {
	d.g.say("Started %d nodes on this machine. Each has an identity, a folder and a port of its\n"+
		"own, and knew at first only the address of the first; now each knows of all:\n",
		len(d.nodes))
	for i, opened := range d.nodes {
		var status node.NetworkStatus
		err := d.await(ctx, "all nodes know of each other", func() (done bool, err error) {
			status, err = opened.Network(ctx)
			return status.Members == len(d.nodes), err
		})
		if err != nil {
			return err
		}
		d.g.say("  node %d  %s", i+1, status.ID)
	}
	return nil
}

// store stores the source through the first node.
func (d *demoNetwork) store(
	ctx context.Context, source string, sizeMax int64,
) (messages.Link, []byte, error) {
	file, err := os.Open(source)
	if err != nil {
		return messages.Link{}, nil, err
	}
	defer file.Close()
	if sizeMax < 0 {
		sizeMax = math.MaxInt64
	}
	sum := sha256.New()
	counted := &countedReader{r: io.TeeReader(io.LimitReader(file, sizeMax), sum)}
	link, err := d.nodes[0].PutFile(ctx, counted, node.PutOptions{
		Name:       filepath.Base(source),
		Attributes: messages.Attributes{Mode: 0o644, ModTime: time.Now()},
	})
	if err != nil {
		return link, nil, err
	}
	text, err := linkText(link)
	if err != nil {
		return link, nil, err
	}
	d.found.Link, d.found.Bytes = text, counted.n
	d.found.SHA256 = hex.EncodeToString(sum.Sum(nil))
	d.g.say("\nStored %s of %s through node 1. All that is needed to read it back,\n"+
		"and nothing less is enough, is this link:\n\n  %s\n", bytesText(counted.n),
		filepath.Base(source), text)
	return link, sum.Sum(nil), nil
}

// countedReader counts what was read.
type countedReader struct {
	r io.Reader
	n int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// spread waits until each block has as many holders as it should, and shows
// who holds how many.
func (d *demoNetwork) spread(ctx context.Context) error {
	first, err := d.nodes[0].Counters(ctx)
	if err != nil {
		return err
	}
	holders := min(demoHolders, len(d.nodes))
	held := make([]int64, len(d.nodes))
	err = d.await(ctx, "the blocks have spread", func() (bool, error) {
		total := int64(0)
		for i, opened := range d.nodes {
			status, err := opened.Network(ctx)
			if err != nil {
				return false, err
			}
			held[i] = status.Replicas
			total += held[i]
		}
		return total >= int64(holders)*first.Blocks, nil
	})
	if err != nil {
		return err
	}
	d.found.Blocks, d.found.Holders, d.found.Held = first.Blocks, holders, held
	d.g.say("Node 1 made %d blocks of 128 KiB of it, all noise: each piece of the file was\n"+
		"sealed under a key of its own and XORed with two other blocks. In shuffled order\n"+
		"they went to others, until each block had %d holders:\n", first.Blocks, holders)
	for i, n := range held {
		d.g.say("  node %d  holds %3d blocks for the network", i+1, n)
	}
	return d.sample(ctx)
}

// sample shows a block as one of its holders sees it.
func (d *demoNetwork) sample(ctx context.Context) error {
	found := errors.New("found")
	err := d.last().Blocks(ctx, func(cid messages.CID) error {
		data, err := d.last().Block(ctx, cid)
		if err != nil {
			return err
		}
		d.g.say("\nThis is all that a holder sees: a block's name and its bytes. Which file it is\n"+
			"of, or whose, it does not know.\n\n  %s  %x…", cid, data[:8])
		return found
	})
	if errors.Is(err, found) {
		return nil
	}
	return err
}

// stopFirst takes the node away that stored the file, and its folder.
func (d *demoNetwork) stopFirst() error {
	err := d.nodes[0].Close()
	d.nodes[0] = nil
	if err := errors.Join(err, os.RemoveAll(d.dirs[0])); err != nil {
		return err
	}
	d.g.say("\nNode 1 is stopped, and its folder deleted: its machine is lost.")
	return nil
}

// readBack reads the file through the last node.
func (d *demoNetwork) readBack(ctx context.Context, link messages.Link, want []byte) error {
	got := sha256.New()
	if err := copyFile(ctx, d.last(), messages.Target{Link: &link}, got); err != nil {
		return err
	}
	if !bytes.Equal(want, got.Sum(nil)) {
		return messages.Errorf(messages.CodeCorrupt, "what was read back differs")
	}
	status, err := d.last().Network(ctx)
	if err != nil {
		return err
	}
	d.found.FetchedBlocks = status.FetchedBlocks
	how := "which held all of its blocks"
	if n := status.FetchedBlocks; n > 0 {
		how = fmt.Sprintf("which fetched %d blocks from others and checked each", n)
	}
	d.g.say("Read the link through node %d, %s:\nidentical, SHA-256 %x…",
		len(d.nodes), how, got.Sum(nil)[:8])
	return nil
}
