package format

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/mr-tron/base58"

	"github.com/noisefs/noisefs/messages"
)

// LinkPrefix begins the text of every link.
const LinkPrefix = "noisefs:"

// LinkTextMax is the longest text that [ParseLink] looks at, in bytes,
// white space around it included. A link has about 220 characters.
const LinkTextMax = 512

const (
	linkSize    = 2 + RefSize // version, kind, ref
	linkSumSize = 4
	// linkDigitMax bounds the work of base58, which is quadratic. A link of
	// version 0 has 212 digits; a longer one of a newer version is still to
	// be told from a typing error.
	linkDigitMax = 400
)

// EncodeLink returns the binary form of a link: version, kind and the ref of
// the root, 151 bytes. It is a capability: the caller seals it.
func EncodeLink(link messages.Link) ([]byte, error) {
	if err := checkLink(link); err != nil {
		return nil, err
	}
	b := make([]byte, 0, linkSize+linkSumSize)
	return AppendRef(append(b, Version, byte(link.Kind)), link.Root), nil
}

// DecodeLink reads the binary form. ErrBadLink, or ErrVersion when a newer
// version wrote it.
func DecodeLink(b []byte) (messages.Link, error) {
	if len(b) > 0 && b[0] != Version {
		return messages.Link{}, fmt.Errorf("%w: a link of version %d", ErrVersion, b[0])
	}
	if len(b) != linkSize {
		return messages.Link{}, fmt.Errorf("%w: %d bytes, want %d", ErrBadLink, len(b), linkSize)
	}
	root, err := DecodeRef(Production(), b[2:])
	if err != nil {
		return messages.Link{}, fmt.Errorf("%w: %w", ErrBadLink, err)
	}
	link := messages.Link{Kind: messages.LinkKind(b[1]), Root: root}
	if err := checkLink(link); err != nil {
		return messages.Link{}, err
	}
	return link, nil
}

// FormatLink returns the text of a link: LinkPrefix and, in base58 (the
// Bitcoin alphabet), the binary form followed by the first four bytes of its
// double SHA-256.
func FormatLink(link messages.Link) (string, error) {
	b, err := EncodeLink(link)
	if err != nil {
		return "", err
	}
	return LinkPrefix + base58.Encode(append(b, linkSum(b)...)), nil
}

// ParseLink reads the text of a link; white space around it is ignored. The
// length is looked at before anything else, and a typing error is found
// before anything is fetched. ErrBadLink or ErrVersion; the text of the
// error holds nothing of the link.
func ParseLink(text string) (messages.Link, error) {
	if len(text) > LinkTextMax {
		return messages.Link{}, fmt.Errorf("%w: longer than %d bytes", ErrBadLink, LinkTextMax)
	}
	digits, ok := strings.CutPrefix(strings.TrimSpace(text), LinkPrefix)
	if !ok {
		return messages.Link{}, fmt.Errorf("%w: it does not begin with %q", ErrBadLink, LinkPrefix)
	}
	if digits == "" || len(digits) > linkDigitMax {
		return messages.Link{}, fmt.Errorf("%w: %d characters after %q, want at most %d",
			ErrBadLink, len(digits), LinkPrefix, linkDigitMax)
	}
	b, err := base58.Decode(digits)
	if err != nil { // its text would show a character of the link
		return messages.Link{}, fmt.Errorf("%w: it has a character that no link has", ErrBadLink)
	}
	if len(b) <= linkSumSize {
		return messages.Link{}, fmt.Errorf("%w: too short", ErrBadLink)
	}
	body, sum := b[:len(b)-linkSumSize], b[len(b)-linkSumSize:]
	if !bytes.Equal(sum, linkSum(body)) || base58.Encode(b) != digits {
		return messages.Link{},
			fmt.Errorf("%w: the checksum is wrong: a typing error, or a part is missing",
				ErrBadLink)
	}
	return DecodeLink(body)
}

func linkSum(body []byte) []byte {
	once := sha256.Sum256(body)
	twice := sha256.Sum256(once[:])
	return twice[:linkSumSize]
}

func checkLink(link messages.Link) error {
	switch link.Kind {
	case messages.LinkFile, messages.LinkDirectory:
	default:
		return fmt.Errorf("%w: unknown kind %d", ErrBadLink, uint8(link.Kind))
	}
	if link.Root.Level == 0 {
		return fmt.Errorf("%w: its root is no node", ErrBadLink)
	}
	if err := CheckRef(Production(), link.Root); err != nil {
		return fmt.Errorf("%w: %w", ErrBadLink, err)
	}
	return nil
}
