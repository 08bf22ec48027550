package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/noisefs/noisefs/messages"
	"github.com/noisefs/noisefs/runtime/port"
)

func TestSecretFile(t *testing.T) {
	secret := NetworkSecret{1, 2, 3, 0xfe}
	got, err := ParseSecret(FormatSecret(&secret))
	if err != nil || *got != secret {
		t.Errorf("read another secret, %v", err)
	}
	for name, file := range map[string]string{
		"Empty":   "",
		"Text":    "correct horse battery staple",
		"Short":   secretHead + "0123",
		"NoHex":   secretHead + strings.Repeat("xy", 32),
		"Version": strings.Replace(string(FormatSecret(&secret)), "1.0.0", "2.0.0", 1),
		"Long":    string(FormatSecret(&secret)) + strings.Repeat("0", SecretFileBytesMax),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseSecret([]byte(file)); !errors.Is(err, ErrSecret) {
				t.Errorf("got %v, want ErrSecret", err)
			}
		})
	}
}

// Nodes with the secret speak with each other, and with nobody else.
func TestPrivateNetworkRefusesStrangers(t *testing.T) {
	start := func(secret *NetworkSecret) *Host {
		c := testConfig(testListen)
		c.Secret = secret
		c.Bounds.DialTimeout = 2 * time.Second
		return newHost(t, c)
	}
	ours := &NetworkSecret{1}
	a, b := start(ours), start(ours)
	connect(t, b, a)
	heard := &box{}
	a.Join(heard.deliver).Handle(testProtocol)
	b.Join(func(any) {}).Send(a.Self(), testProtocol, messages.Packet{})
	await(t, func() bool { return heard.count() == 1 })
	for name, secret := range map[string]*NetworkSecret{"Without": nil, "Another": {2}} {
		t.Run(name, func(t *testing.T) {
			stranger := start(secret)
			for _, pair := range [][2]*Host{{stranger, a}, {a, stranger}} {
				_, err := pair[0].Connect(context.Background(), pair[1].Addresses()[0])
				if !errors.Is(err, port.ErrUnreachable) {
					t.Errorf("got %v, want that it is unreachable", err)
				}
			}
		})
	}
	c := testConfig("/ip4/127.0.0.1/udp/0/quic-v1")
	c.Secret = ours
	if _, err := Start(c); !errors.Is(err, ErrAddress) {
		t.Errorf("got %v of QUIC, want ErrAddress", err)
	}
}
