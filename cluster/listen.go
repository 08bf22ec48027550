package cluster

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// ErrPort reports an address that another process listens on.
var ErrPort = errors.New("cluster: the port is in use by another process")

// checkFree fails when another process listens on one of the TCP addresses.
// libp2p shares its ports (SO_REUSEPORT), so that two nodes could listen on one,
// and each would get some of the other's connections.
func checkFree(listen []multiaddr.Multiaddr) error {
	for _, address := range listen {
		network, where, err := manet.DialArgs(address)
		if err != nil || isQUIC(address) {
			continue // names are resolved by libp2p; ports of UDP are not shared
		}
		listener, err := net.Listen(network, where)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("%w: %s", ErrPort, address)
		case err != nil:
			return fmt.Errorf("cluster: listen on %s: %w", address, err)
		}
		if err := listener.Close(); err != nil {
			return fmt.Errorf("cluster: listen on %s: %w", address, err)
		}
	}
	return nil
}
