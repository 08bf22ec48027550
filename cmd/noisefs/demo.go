package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// demoBlocksShown is how many CIDs the demo prints.
const demoBlocksShown = 3

// demoNodesMax bounds the nodes of a demo; each takes about 20 MiB of memory.
const demoNodesMax = 20

// demoFileHelp says what is stored when no file is named.
const demoFileHelp = "this program itself, or the first 4 MiB of it when there are several nodes"

func newDemoCommand(g *globals) *cobra.Command {
	nodes := 5
	cmd := &cobra.Command{
		Use:   "demo [FILE]",
		Short: "Store a file in a network of real nodes, lose one, read it back, and show what happened",
		Long: `Demo starts five nodes on this machine, each with a repository in a temporary
folder, an identity and a TCP port of its own. It stores FILE through the first,
waits until the blocks have spread, stops the first and deletes its folder, reads
the file back through the last, and compares. It tells what it does, and leaves
nothing. If no FILE is given it is
` + demoFileHelp + `.

With --nodes 1 there is no network: one repository stores, reads and verifies.`,
		Example: `  noisefs demo
  noisefs demo --nodes 3 report.pdf`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if nodes < 1 || nodes > demoNodesMax {
				return usagef("--nodes is %d, want 1 to %d", nodes, demoNodesMax)
			}
			if len(args) == 1 {
				return runDemo(cmd.Context(), g, nodes, args[0], -1)
			}
			source, err := os.Executable()
			if err != nil {
				return err
			}
			return runDemo(cmd.Context(), g, nodes, source, demoBytes)
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", nodes, "how many nodes to start")
	return cmd
}

// runDemo makes a temporary folder for the demo. sizeMax bounds how much of
// the source is stored when there are several nodes; -1: all of it.
func runDemo(
	ctx context.Context, g *globals, nodes int, source string, sizeMax int64,
) (err error) {
	temp, err := os.MkdirTemp("", "noisefs-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	begin, found := time.Now(), demoResult{Nodes: nodes, Source: filepath.Base(source)}
	if nodes > 1 {
		err = runDemoNetwork(ctx, g, temp, nodes, source, sizeMax, &found)
	} else {
		err = runDemoAlone(ctx, g, filepath.Join(temp, "repo"), source, &found)
	}
	if err != nil || !g.json {
		return err
	}
	found.Seconds = time.Since(begin).Seconds()
	return printJSON(g.out, found)
}

func runDemoAlone(
	ctx context.Context, g *globals, dir, source string, found *demoResult,
) (err error) {
	if err := repo.Create(dir, vault.WithNothing(), vault.Options{}, nil); err != nil {
		return err
	}
	g.say("A repository in a temporary folder; no passphrase, since it is a demo.\n")
	opened, err := repo.Open(ctx, dir, repo.Options{
		Who: "noisefs demo", Credentials: noCredentials,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return demoSteps(ctx, g, opened, source, found)
}

// noCredentials opens a vault that nothing protects.
func noCredentials(context.Context, vault.Mode) (vault.Credentials, error) {
	return vault.WithNothing(), nil
}

// demoResult is what a demo found, as JSON. What a demo of one node, or of
// several, does not do is left out.
type demoResult struct {
	Nodes  int    `json:"nodes"`
	Source string `json:"source"`
	Bytes  int64  `json:"bytes"`
	Link   string `json:"link"`
	SHA256 string `json:"sha256"` // of what was stored, and of what was read back
	Blocks int64  `json:"blocks"` // that the first node made of it

	Holders       int     `json:"holders,omitempty"` // of each block
	Held          []int64 `json:"held,omitempty"`    // blocks that each node holds for the network
	FetchedBlocks uint64  `json:"fetchedBlocks,omitempty"`

	MoreBlocks        int64   `json:"moreBlocks,omitempty"` // that storing it again made
	ReusedRandomizers uint64  `json:"reusedRandomizers,omitempty"`
	Seconds           float64 `json:"seconds"`
}

// say tells what the demo does, unless its result is wanted as JSON.
func (g *globals) say(format string, args ...any) {
	if !g.json {
		fmt.Fprintf(g.out, format+"\n", args...)
	}
}

func demoSteps(
	ctx context.Context, g *globals, client node.Client, source string, found *demoResult,
) error {
	file, err := openSteady(source)
	if err != nil {
		return err
	}
	defer file.Close()
	put := sha256.New()
	link, err := client.PutFile(ctx, io.TeeReader(file, put), node.PutOptions{
		Name: filepath.Base(source), Attributes: attributesOf(file.before),
	})
	if err != nil {
		return err
	}
	text, err := linkText(link)
	if err != nil {
		return err
	}
	found.Link, found.Bytes = text, file.before.Size()
	found.SHA256 = hex.EncodeToString(put.Sum(nil))
	g.say("Stored %s, %s. All that is needed to read it back, and nothing less is\n"+
		"enough, is this link:\n\n  %s\n", filepath.Base(source), bytesText(file.before.Size()), text)
	if err := demoBlocks(ctx, g, client, found); err != nil {
		return err
	}

	target := messages.Target{Link: &link}
	got := sha256.New()
	if err := copyFile(ctx, client, target, got); err != nil {
		return err
	}
	if !bytes.Equal(put.Sum(nil), got.Sum(nil)) {
		return messages.Errorf(messages.CodeCorrupt, "what was read back differs")
	}
	g.say("Read it back through the link: identical, SHA-256 %x…\n", got.Sum(nil)[:8])

	report, err := client.Verify(ctx, nil)
	if err != nil {
		return err
	}
	g.say("Verified: %d blocks hashed, %d refs opened, %d problems.\n",
		report.Blocks, report.Refs, report.ProblemCount)
	if report.ProblemCount > 0 {
		return messages.Errorf(messages.CodeCorrupt, "the repository has problems")
	}
	return demoSecond(ctx, g, client, source, found)
}

// demoBlocks shows what lies on disk.
func demoBlocks(ctx context.Context, g *globals, client node.Client, found *demoResult) error {
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	found.Blocks = status.Blocks
	g.say("On disk there are %d blocks of 128 KiB, all noise. Each chunk of the file was\n"+
		"sealed under a key of its own and XORed with two other blocks. Some of them:\n",
		status.Blocks)
	var shown []messages.CID
	stop := errors.New("enough")
	err = client.Blocks(ctx, func(cid messages.CID) error {
		shown = append(shown, cid)
		if len(shown) == demoBlocksShown {
			return stop
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		return err
	}
	for _, cid := range shown {
		data, err := client.Block(ctx, cid)
		if err != nil {
			return err
		}
		g.say("  %s  %x…", cid, data[:8])
	}
	g.say("")
	return nil
}

// demoSecond stores the file again, which now reuses blocks as randomizers.
func demoSecond(
	ctx context.Context, g *globals, client node.Client, source string, found *demoResult,
) error {
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	file, err := openSteady(source)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = client.PutFile(ctx, file, node.PutOptions{Attributes: attributesOf(file.before)})
	if err != nil {
		return err
	}
	after, err := client.Status(ctx)
	if err != nil {
		return err
	}
	found.MoreBlocks = after.Blocks - before.Blocks
	found.ReusedRandomizers = after.RandomizersReused - before.RandomizersReused
	g.say("Stored it a second time: %d blocks more, none of them like any of before (nobody\n"+
		"can tell that it is the same file), and %d of their randomizers were blocks that\n"+
		"were there already. So a block belongs to many files, and to nobody.",
		found.MoreBlocks, found.ReusedRandomizers)
	return nil
}
