package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/api"
	"github.com/noisefs/noisefs/runtime/node"
)

// errUnavailable is what a node says that is alone, among others.
var errUnavailable error = &messages.Error{Code: messages.CodeUnavailable}

// withOthers is withClient for what a node can do only among others. It is
// refused before anything is done when the node is alone.
func (g *globals) withOthers(ctx context.Context, f func(node.Client) error) error {
	return g.withClient(ctx, func(client node.Client) error {
		if err := g.needOthers(ctx, client); err != nil {
			return err
		}
		return f(client)
	})
}

// needOthers returns an error when the node is alone, which says what to do.
func (g *globals) needOthers(ctx context.Context, client node.Client) error {
	_, err := client.Network(ctx)
	if !errors.Is(err, errUnavailable) {
		return err
	}
	listens, err := g.listens()
	if err != nil {
		return err
	}
	_, running := client.(*api.Client)
	return messages.Errorf(messages.CodeUnavailable, "this node is alone: %s",
		wayToOthers(listens, running))
}

// orAlone adds to the failure of reading a link that the node is alone, if it is:
// what is not here may be in the network.
func (g *globals) orAlone(
	ctx context.Context, client node.Client, target messages.Target, failure error,
) error {
	missing := errors.Is(failure, &messages.Error{Code: messages.CodeNotFound})
	if target.Link == nil || target.Path != "" || !missing {
		return failure
	}
	if alone := g.needOthers(ctx, client); alone != nil {
		return fmt.Errorf("%w; %s", failure, alone)
	}
	return failure
}

// wayToOthers says how a node that is alone becomes one of many: its settings
// tell it to listen or not, and its daemon runs or not.
func wayToOthers(listens, running bool) string {
	switch {
	case listens && running:
		return "its daemon was started before network.listen was set: restart it"
	case listens:
		return "start it: 'noisefs daemon'"
	case running:
		return "restart its daemon with --listen MULTIADDR, or after 'noisefs net join'"
	}
	return "run 'noisefs daemon --listen MULTIADDR', or 'noisefs net join' first"
}

// listens reports whether the settings make the node one of many.
func (g *globals) listens() (bool, error) {
	dir, err := g.repository()
	if err != nil {
		return false, err
	}
	settings, err := g.loadConfig(dir)
	if err != nil {
		return false, err
	}
	return settings.Network.Listen != "", nil
}
