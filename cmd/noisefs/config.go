package main

import (
	"fmt"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/noisefs/noisefs/runtime/config"
)

func newConfigCommand(g *globals) *cobra.Command {
	show := &cobra.Command{
		Use: "show", Short: "Print every setting and where its value came from",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runConfigShow(g) },
	}
	check := &cobra.Command{
		Use: "check", Short: "Report everything that is wrong with the configuration file",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return runConfigCheck(g) },
	}
	set := &cobra.Command{
		Use: "set KEY VALUE", Short: "Change one setting in the configuration file",
		Long: `Set changes one setting in config.toml and leaves its other lines and comments
alone. A running daemon takes it up when it starts next.`,
		Example: "  noisefs config set storage.quota_bytes 50GB",
		Args:    cobra.ExactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := g.existingRepository()
			if err != nil {
				return err
			}
			if err := config.Set(filepath.Join(dir, config.FileName), args[0], args[1]); err != nil {
				return fmt.Errorf("%w: %w", errUsage, err)
			}
			return nil
		},
	}
	cmd := group("config", "Show and change settings", show, check, set)
	cmd.Long = `Settings come from config.toml in the repository, from NOISEFS_* variables
(NOISEFS_CACHE_MEMORY_BYTES for cache.memory_bytes), and from --option KEY=VALUE,
each overriding the one before.`
	return cmd
}

func runConfigShow(g *globals) error {
	dir, err := g.repository()
	if err != nil {
		return err
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return err
	}
	settings := cfg.Show()
	if g.json {
		return printJSON(g.out, settings)
	}
	w := tabwriter.NewWriter(g.out, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Key, s.Value, s.Unit, s.Origin)
	}
	return w.Flush()
}

func runConfigCheck(g *globals) error {
	dir, err := g.existingRepository()
	if err != nil {
		return err
	}
	problems, err := config.Check(filepath.Join(dir, config.FileName))
	if err != nil {
		return err
	}
	if g.json {
		err = printJSON(g.out, struct {
			Problems config.Problems `json:"problems"`
		}{append(config.Problems{}, problems...)})
		if err != nil {
			return err
		}
	}
	if len(problems) == 0 {
		g.remark("the configuration is fine")
		return nil
	}
	for _, problem := range problems {
		if !g.json {
			fmt.Fprintln(g.out, problem)
		}
	}
	return fmt.Errorf("%w: %d problems in %s", errUsage, len(problems), config.FileName)
}
