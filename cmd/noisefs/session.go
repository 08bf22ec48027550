package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// errNoPassphrase reports that the repository needs a passphrase and nobody
// can be asked for one.
var errNoPassphrase = errors.New("this repository needs a passphrase: " +
	"give --passphrase-file or --passphrase-command, or run on a terminal")

// commandWait is how long a command waits for another process to give up the
// repository.
const commandWait = time.Second

// daemonStartWait is how long a command waits for a daemon that has the
// repository and does not listen yet: it may be stretching the passphrase.
const daemonStartWait = 10 * time.Second

// daemonName is how the daemon tells others, in the lock, what it is.
const daemonName = "noisefs daemon"

// gcPercent is how much garbage the heap may hold, in percent of what lives.
const gcPercent = 50

// loadConfig reads the configuration: file, NOISEFS_ variables, then flags.
func (g *globals) loadConfig(dir string) (*config.Config, error) {
	names := make(map[string]string) // key or flag name → flag name
	for _, flag := range config.Flags() {
		names[flag.Key] = flag.Name
		names[flag.Name] = flag.Name
	}
	flags := make(map[string]string)
	for _, option := range g.options {
		key, value, ok := strings.Cut(option, "=")
		if !ok {
			return nil, usagef("--option takes key=value, not %q", option)
		}
		if name, known := names[key]; known {
			key = name
		}
		flags[key] = value
	}
	if g.logLevel != "" {
		flags[names["log.level"]] = g.logLevel
	}
	if g.logFormat != "" {
		flags[names["log.format"]] = g.logFormat
	}
	cfg, err := config.Load(dir, os.Environ(), flags)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errUsage, err)
	}
	return cfg, nil
}

// quieten makes commands, unlike the daemon, log warnings only, unless the
// user said otherwise.
func quieten(cfg *config.Config) {
	for _, setting := range cfg.Show() {
		if setting.Key == "log.level" && setting.Origin == "default" {
			cfg.Log.Level = "warn"
		}
	}
}

// newLog makes the log, to stderr.
func newLog(w io.Writer, cfg config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.SlogLevel()}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

// open makes a client: of the daemon when one runs, else of the repository
// itself.
func (g *globals) open(ctx context.Context) (node.Client, error) {
	dir, err := g.repository()
	if err != nil {
		return nil, err
	}
	if err := repo.Check(dir); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	cfg, err := g.loadConfig(dir)
	if err != nil {
		return nil, err
	}
	socket, err := socketPath(dir, cfg)
	if err != nil {
		return nil, err
	}
	quieten(cfg)
	for end := time.Now().Add(daemonStartWait); ; {
		client, err := api.Dial(ctx, socket)
		if err == nil {
			return client, nil
		}
		if !errors.Is(err, api.ErrNoDaemon) {
			return nil, err
		}
		opened, err := g.openRepo(ctx, dir, repo.Options{
			Who: "a command of noisefs", Wait: commandWait, Config: cfg,
			Log: newLog(g.err, cfg.Log),
		})
		if err == nil {
			return opened, nil
		}
		starting := errors.Is(err, repo.ErrLocked) && strings.Contains(err.Error(), daemonName)
		if !starting || time.Now().After(end) {
			return nil, fmt.Errorf("%s: %w", dir, err)
		}
	}
}

func socketPath(dir string, cfg *config.Config) (string, error) {
	if cfg.API.Socket != "" {
		return cfg.API.Socket, nil
	}
	return repo.SocketPath(dir)
}

// openRepo opens the repository in this process, with what the user gave to
// open it by.
func (g *globals) openRepo(
	ctx context.Context, dir string, options repo.Options,
) (*repo.Repo, error) {
	if err := vault.DisableCoreDumps(); err != nil {
		return nil, err
	}
	// The heap is some hundred large buffers without pointers: collecting it
	// twice as often costs next to nothing, and saves a third of the memory.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	options.Credentials = g.credentials
	return repo.Open(ctx, dir, options)
}

// credentials finds what opens a vault of that mode.
func (g *globals) credentials(ctx context.Context, mode vault.Mode) (vault.Credentials, error) {
	switch mode {
	case vault.ModeNone:
		return vault.WithNothing(), nil
	case vault.ModeKeyFile:
		if g.keyFile == "" {
			return vault.Credentials{}, fmt.Errorf("%w: name the key file with --key-file",
				vault.ErrKeyFile)
		}
		return vault.WithKeyFile(g.keyFile), nil
	}
	passphrase, found, err := g.givenPassphrase(ctx)
	if err != nil {
		return vault.Credentials{}, err
	}
	if !found {
		if !isTerminal(g.in) {
			return vault.Credentials{}, errNoPassphrase
		}
		passphrase, err = vault.Prompt(ctx, os.Stdin, g.err, "Passphrase: ")
		if err != nil {
			return vault.Credentials{}, err
		}
	}
	return vault.WithPassphrase(passphrase), nil
}

// givenPassphrase takes the passphrase from a file or command, if one was
// named by a flag or by NOISEFS_PASSPHRASE_FILE or _COMMAND.
func (g *globals) givenPassphrase(ctx context.Context) (vault.Passphrase, bool, error) {
	file, command := g.passphraseFile, g.passphraseCommand
	if file == "" && command == "" {
		file = os.Getenv("NOISEFS_PASSPHRASE_FILE")
		command = os.Getenv("NOISEFS_PASSPHRASE_COMMAND")
	}
	switch {
	case file != "" && command != "":
		return vault.Passphrase{}, false,
			usagef("the passphrase comes from a file or from a command, not both")
	case file != "":
		passphrase, err := vault.PassphraseFromFile(file)
		return passphrase, true, err
	case command != "":
		passphrase, err := vault.PassphraseFromCommand(ctx, command, vault.CommandTimeout, g.err)
		return passphrase, true, err
	}
	return vault.Passphrase{}, false, nil
}
