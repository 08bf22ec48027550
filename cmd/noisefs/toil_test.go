package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/config"
	"github.com/noisefs/noisefs/runtime/format"
	"github.com/noisefs/noisefs/runtime/node"
	"github.com/noisefs/noisefs/runtime/repo"
	"github.com/noisefs/noisefs/runtime/vault"
)

// The toiler is a process that changes a repository at random until somebody
// kills it. Before each step it writes a line "WORKER begin STEP" to standard
// output, after it "WORKER done [RESULT]" or "WORKER failed CODE". A pipe
// keeps what a killed process wrote, so whoever reads it knows what was
// acknowledged, and which step of each worker is in doubt.

// toilWorkers work at one time, each in a directory of its own.
const toilWorkers = 4

// toilFiles and toilTrees are how many names each worker uses.
const (
	toilFiles = 8
	toilTrees = 3
)

// toilOrders is what the toiler is told, as JSON in its only argument.
type toilOrders struct {
	Dir   string
	Seed  uint64
	Links [][]string // that each worker keeps
	// Idle makes it open the repository and do nothing: it is to be killed
	// while it recovers.
	Idle bool
}

func toil() {
	if err := runToil(); err != nil {
		fmt.Fprintln(os.Stderr, "toiler:", err)
		os.Exit(1)
	}
}

func openQuietly(ctx context.Context, dir string) (*repo.Repo, error) {
	cfg, err := config.Load(dir, nil, nil)
	if err != nil {
		return nil, err
	}
	return repo.Open(ctx, dir, repo.Options{
		Who: "a test", Wait: patience, Config: cfg,
		Credentials: func(context.Context, vault.Mode) (vault.Credentials, error) {
			return vault.WithNothing(), nil
		},
	})
}

func runToil() error {
	var orders toilOrders
	if err := json.Unmarshal([]byte(os.Args[1]), &orders); err != nil {
		return err
	}
	ctx := context.Background()
	opened, err := openQuietly(ctx, orders.Dir)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var all sync.WaitGroup
	for i := range toilWorkers {
		w := &toiler{
			client: opened, id: i, links: orders.Links[i],
			rng: rand.New(rand.NewPCG(orders.Seed, uint64(i))),
		}
		all.Go(func() {
			for !orders.Idle {
				w.step(ctx)
			}
			select {} // until the kill
		})
	}
	all.Wait()
	return nil
}

// toiler is one worker.
type toiler struct {
	client node.Client
	id     int
	links  []string
	rng    *rand.Rand
}

// say writes a line in one write, which a kill cannot tear.
func (w *toiler) say(words ...any) {
	line := strconv.Itoa(w.id) + " " + strings.TrimSuffix(fmt.Sprintln(words...), "\n") + "\n"
	if _, err := os.Stdout.WriteString(line); err != nil {
		os.Exit(1) // nobody listens any more
	}
}

func (w *toiler) step(ctx context.Context) {
	name, other := w.anyName(), w.anyName()
	replace := w.rng.IntN(2) == 0
	seed := w.rng.Uint64()
	switch n := w.rng.IntN(100); {
	case n < 30:
		name = "f" + strconv.Itoa(w.rng.IntN(toilFiles))
		size := toilSize(w.rng)
		w.do(ctx, func() (string, error) {
			_, err := w.client.PutFile(ctx, bytes.NewReader(randomBytes(seed, size)), node.PutOptions{
				Name: name, Attributes: toilAttributes,
				Place: messages.Place{Path: w.path(name), Replace: replace},
			})
			return "", err
		}, "put", name, seed, size)
	case n < 40:
		name = "t" + strconv.Itoa(w.rng.IntN(toilTrees))
		w.do(ctx, func() (string, error) {
			_, err := w.client.PutTree(ctx, newToilTree(seed), node.PutOptions{
				Attributes: toilAttributes, Place: messages.Place{Path: w.path(name)},
			})
			return "", err
		}, "tree", name, seed)
	case n < 52:
		w.do(ctx, func() (string, error) {
			return "", w.client.Rename(ctx, w.path(name), w.path(other), replace)
		}, "move", name, other)
	case n < 65:
		w.do(ctx, func() (string, error) {
			return "", w.client.Remove(ctx, w.path(name), true)
		}, "remove", name)
	case n < 78:
		w.do(ctx, func() (string, error) {
			return digestAt(ctx, w.client, messages.Target{Path: w.path(name)})
		}, "read", name)
	case n < 94:
		w.stepWithLinks(ctx, n, name, seed)
	default:
		purge := w.rng.IntN(4) == 0
		w.do(ctx, func() (string, error) {
			_, err := w.client.Collect(ctx, node.CollectOptions{Purge: purge}, nil)
			return "", err
		}, "collect", purge)
	}
}

func (w *toiler) stepWithLinks(ctx context.Context, n int, name string, seed uint64) {
	switch {
	case n < 82:
		if w.rng.IntN(4) == 0 {
			name = "."
		}
		w.keep(w.do(ctx, func() (string, error) {
			link, err := w.client.Share(ctx, w.path(name))
			return textOf(link, err)
		}, "share", name))
	case n < 86:
		size := toilSize(w.rng)
		w.keep(w.do(ctx, func() (string, error) {
			link, err := w.client.PutFile(ctx, bytes.NewReader(randomBytes(seed, size)),
				node.PutOptions{Attributes: toilAttributes})
			return textOf(link, err)
		}, "keep", seed, size))
	case len(w.links) == 0:
	case n < 89:
		text := w.links[w.rng.IntN(len(w.links))]
		w.do(ctx, func() (string, error) {
			link, err := format.ParseLink(text)
			if err != nil {
				return "", err
			}
			return "", w.client.Import(ctx, link, w.path(name))
		}, "import", text, name)
	default:
		at := w.rng.IntN(len(w.links))
		text := w.links[at]
		w.links = append(w.links[:at:at], w.links[at+1:]...)
		w.do(ctx, func() (string, error) {
			link, err := format.ParseLink(text)
			if err != nil {
				return "", err
			}
			return "", w.client.Unshare(ctx, link)
		}, "unshare", text)
	}
}

// do does a step between its two lines and returns its result.
func (w *toiler) do(_ context.Context, step func() (string, error), words ...any) string {
	w.say(append([]any{"begin"}, words...)...)
	result, err := step()
	if err != nil {
		code := messages.CodeInternal
		var coded *messages.Error
		if errors.As(err, &coded) {
			code = coded.Code
		}
		w.say("failed", int(code), err)
		return ""
	}
	w.say("done", result)
	return result
}

// keep remembers a link. A path that did not change is shared under the same
// link again.
func (w *toiler) keep(link string) {
	if link != "" && !slices.Contains(w.links, link) {
		w.links = append(w.links, link)
	}
}

func (w *toiler) path(name string) string { return toilPath(w.id, name) }

func toilPath(worker int, name string) string {
	if name == "." {
		return "/w" + strconv.Itoa(worker)
	}
	return "/w" + strconv.Itoa(worker) + "/" + name
}

func (w *toiler) anyName() string {
	n := w.rng.IntN(toilFiles + toilTrees)
	if n < toilFiles {
		return "f" + strconv.Itoa(n)
	}
	return "t" + strconv.Itoa(n-toilFiles)
}

// toilSize draws a size: empty, small, just about a chunk, several chunks.
func toilSize(rng *rand.Rand) int {
	switch rng.IntN(6) {
	case 0:
		return rng.IntN(2)
	case 1:
		return 128<<10 - 1 + rng.IntN(3)
	case 2, 3:
		return rng.IntN(8 << 10)
	case 4:
		return rng.IntN(120 << 10)
	}
	return rng.IntN(800 << 10)
}

var toilAttributes = messages.Attributes{Mode: 0o644, ModTime: time.Unix(1e9, 5).UTC()}

func textOf(link messages.Link, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return format.FormatLink(link)
}
