package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/node"
)

func newRepoCommand(g *globals) *cobra.Command {
	return group("repo", "Look after the repository",
		newRepoStatCommand(g), newRepoVerifyCommand(g), newRepoGCCommand(g))
}

func newRepoStatCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "stat",
		Short:   "Show what the repository holds, and at what cost",
		Example: "  noisefs repo stat --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				status, err := client.Status(cmd.Context())
				if err != nil {
					return fmt.Errorf("repo stat: %w", err)
				}
				if g.json {
					return printJSON(g.out, status)
				}
				return printStatus(g, status)
			})
		},
	}
}

func printStatus(g *globals, s node.RepoStatus) error {
	quota := "none"
	if s.QuotaBytes > 0 {
		quota = bytesText(s.QuotaBytes)
	}
	_, err := fmt.Fprintf(g.out, `profile      %s (format version %d)
files        %d, %s
blocks       %d, %s on disk
index        %s
overhead     %.3f bytes stored per byte of files
free         %s (quota: %s)
randomizers  %d generated, %d reused; %d blocks wait to be used in slot A
cache        %s in memory; %d hits there, %d on disk, %d misses
`,
		s.Profile, s.FormatVersion, s.UserFiles, bytesText(s.UserBytes), s.Blocks,
		bytesText(s.BlockBytes), bytesText(s.IndexBytes), s.Overhead, bytesText(s.FreeBytes), quota,
		s.RandomizersGenerated, s.RandomizersReused, s.SlotACandidates,
		bytesText(s.CacheMemoryBytes), s.CacheMemoryHits, s.CacheDiskHits, s.CacheMisses)
	return err
}

func newRepoVerifyCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check every block and everything that refers to one",
		Long: `Verify reads every stored block and compares its hash with its name, opens every
row of the index, and opens every block that a name or link needs. It changes
nothing, and exits with 6 if something is wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				bar := g.startProgress("verify", 0, false)
				report, err := client.Verify(cmd.Context(), bar.set)
				bar.finish()
				if err != nil {
					return fmt.Errorf("verify: %w", err)
				}
				return printVerify(g, report)
			})
		},
	}
}

func printVerify(g *globals, report node.VerifyReport) error {
	var failure error
	if report.ProblemCount > 0 {
		failure = messages.Errorf(messages.CodeCorrupt,
			"verify: %d problems found", report.ProblemCount)
	}
	if g.json {
		if err := printJSON(g.out, report); err != nil {
			return err
		}
		return failure
	}
	for _, problem := range report.Problems {
		block := "index"
		if !problem.Block.IsZero() {
			block = problem.Block.String()
		}
		if _, err := fmt.Fprintf(g.out, "%s\t%s\n", block, problem.Reason); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(g.out, "%d blocks, %d refs and %d index rows checked, %d problems\n",
		report.Blocks, report.Refs, report.IndexRows, report.ProblemCount)
	if err != nil {
		return err
	}
	return failure
}

func newRepoGCCommand(g *globals) *cobra.Command {
	var options node.CollectOptions
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Free the space that nothing needs",
		Long: `Gc deletes the blocks that no name, link or file being stored needs, and rewrites
segments that are mostly dead. It is safe while the node runs. With --purge it
rewrites the index too, so that deleted names and refs leave the disk.

When something that has a name or a link cannot be read, for example since the
blocks of an import are lost, it is not known what that needs: gc then deletes
nothing, and says which name to remove or which link to unshare.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				return runGC(cmd.Context(), g, client, options)
			})
		},
	}
	cmd.Flags().BoolVarP(&options.DryRun, "dry-run", "n", false, "only say what would be freed")
	cmd.Flags().BoolVar(&options.Purge, "purge", false, "rewrite the index without deleted rows")
	return cmd
}

func runGC(
	ctx context.Context, g *globals, client node.Client, options node.CollectOptions,
) error {
	bar := g.startProgress("gc", 0, false)
	report, err := client.Collect(ctx, options, bar.set)
	bar.finish()
	if err != nil {
		return fmt.Errorf("gc: %w", err)
	}
	if g.json {
		return printJSON(g.out, report)
	}
	verb := "freed"
	if report.DryRun {
		verb = "would free"
	}
	_, err = fmt.Fprintf(g.out, "%s %d blocks, %s; %d blocks are needed\n",
		verb, report.FreedBlocks, bytesText(report.FreedBytes), report.NeededBlocks)
	return err
}

func newBlockCommand(g *globals) *cobra.Command {
	ls := &cobra.Command{
		Use: "ls", Short: "List the CIDs of all stored blocks", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return g.withClient(cmd.Context(), func(client node.Client) error {
				return client.Blocks(cmd.Context(), func(cid messages.CID) error {
					if g.json {
						return printJSONLine(g.out, struct {
							CID string `json:"cid"`
						}{cid.String()})
					}
					_, err := fmt.Fprintln(g.out, cid)
					return err
				})
			})
		},
	}
	get := &cobra.Command{
		Use: "get CID", Short: "Write the raw bytes of a stored block to standard output",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cid, err := messages.ParseCID(args[0])
			if err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return g.withClient(cmd.Context(), func(client node.Client) error {
				data, err := client.Block(cmd.Context(), cid)
				if err != nil {
					return fmt.Errorf("block get: %w", err)
				}
				_, err = g.out.Write(data)
				return err
			})
		},
	}
	return group("block", "Look at stored blocks", ls, get)
}
