package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/format"
)

// linkTextMax bounds what is read where a link is expected, in bytes.
const linkTextMax = 64 << 10

// linkHelp explains links in help texts.
const linkHelp = `A LINK may be given as text, as @FILE (read from a file), or as - (read from
standard input), which keeps it out of the process list and shell history.
LINK/below/it names something inside a shared directory.`

// parseTarget reads LINK|PATH.
func (g *globals) parseTarget(ctx context.Context, arg string) (messages.Target, error) {
	text, isLink, err := g.linkText(ctx, arg)
	if err != nil {
		return messages.Target{}, err
	}
	if !isLink {
		return messages.Target{Path: drivePath(arg)}, nil
	}
	text, below, _ := strings.Cut(text, "/")
	link, err := format.ParseLink(text)
	if err != nil {
		return messages.Target{}, fmt.Errorf("%w: %w", errUsage, err)
	}
	return messages.Target{Link: &link, Path: strings.Trim(path.Clean("/"+below), "/")}, nil
}

// parseLink reads LINK alone.
func (g *globals) parseLink(ctx context.Context, arg string) (messages.Link, error) {
	text, isLink, err := g.linkText(ctx, arg)
	if err != nil {
		return messages.Link{}, err
	}
	if !isLink {
		return messages.Link{}, usagef("%q is not a link: links begin with %q, "+
			"or are given as @FILE or -", arg, linkPrefix)
	}
	link, err := format.ParseLink(text)
	if err != nil {
		return messages.Link{}, fmt.Errorf("%w: %w", errUsage, err)
	}
	return link, nil
}

const linkPrefix = "noisefs:"

func (g *globals) linkText(
	ctx context.Context, arg string,
) (text string, isLink bool, err error) {
	switch {
	case arg == "-":
		text, err = readLinkText(g.input(ctx))
	case strings.HasPrefix(arg, "@"):
		text, err = readLinkFile(arg[1:])
	case strings.HasPrefix(arg, linkPrefix):
		return arg, true, nil
	default:
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read link: %w", err)
	}
	return text, true, nil
}

func readLinkFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return readLinkText(file)
}

// readLinkText reads the first word: the output of 'noisefs put' is a link,
// a tab and the source's name.
func readLinkText(r io.Reader) (string, error) {
	text, err := io.ReadAll(io.LimitReader(r, linkTextMax))
	if err != nil {
		return "", err
	}
	fields := strings.Fields(string(text))
	if len(fields) == 0 {
		return "", usagef("there is no link in it")
	}
	return fields[0], nil
}

// drivePath makes a path of the drive absolute and clean.
func drivePath(arg string) string { return path.Clean("/" + arg) }
