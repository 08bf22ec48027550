package format

import (
	"errors"
	"strings"
	"testing"

	"github.com/mr-tron/base58"
	"pgregory.net/rapid"

	"github.com/noisefs/noisefs/messages"
)

func testLink(seed uint64) messages.Link {
	return messages.Link{Kind: messages.LinkDirectory, Root: testRef(seed, 3, 100_000)}
}

func mustFormatLink(t tester, link messages.Link) string {
	t.Helper()
	text, err := FormatLink(link)
	if err != nil {
		t.Fatalf("FormatLink: %v", err)
	}
	return text
}

func TestLinkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		link := messages.Link{
			Kind: rapid.SampledFrom([]messages.LinkKind{messages.LinkFile, messages.LinkDirectory}).
				Draw(t, "kind"),
			Root: testRef(rapid.Uint64().Draw(t, "seed"),
				rapid.Uint8Range(1, 255).Draw(t, "level"), rapid.IntRange(1, BlockSizeMax).Draw(t, "n")),
		}
		space := rapid.SampledFrom([]string{"", " ", "\n", "\t \r\n"})
		text := mustFormatLink(t, link)
		got, err := ParseLink(space.Draw(t, "before") + text + space.Draw(t, "after"))
		if err != nil || got != link {
			t.Fatalf("another link came back: %v", err)
		}
		binary, err := EncodeLink(link)
		if err != nil || len(binary) != 151 {
			t.Fatalf("EncodeLink: %d bytes, %v", len(binary), err)
		}
		if got, err := DecodeLink(binary); err != nil || got != link {
			t.Fatalf("another link came back from the binary form: %v", err)
		}
	})
}

// TestParseLinkFindsTypingErrors replaces, drops, doubles and swaps every
// character of a link.
func TestParseLinkFindsTypingErrors(t *testing.T) {
	text := mustFormatLink(t, testLink(1))
	for i := len(LinkPrefix); i < len(text); i++ {
		typos := []string{
			text[:i] + text[i+1:], text[:i] + text[i:i+1] + text[i:], text[:i] + "0" + text[i+1:],
			text[:i] + "\xff" + text[i+1:], text[:i] + "é" + text[i+1:], text[:i],
		}
		for _, c := range base58Digits {
			typos = append(typos, text[:i]+string(c)+text[i+1:])
		}
		if i+1 < len(text) {
			typos = append(typos, text[:i]+text[i+1:i+2]+text[i:i+1]+text[i+2:])
		}
		for _, typo := range typos {
			if typo == text {
				continue
			}
			if _, err := ParseLink(typo); !errors.Is(err, ErrBadLink) {
				t.Fatalf("a typing error at %d: got %v, want %v", i, err, ErrBadLink)
			}
		}
	}
}

func TestParseLinkRefuses(t *testing.T) {
	good := mustFormatLink(t, testLink(1))
	encode := func(change func(b []byte) []byte) string {
		b, err := EncodeLink(testLink(1))
		if err != nil {
			t.Fatal(err)
		}
		b = change(b)
		return LinkPrefix + base58.Encode(append(b, linkSum(b)...))
	}
	tests := []struct {
		name, text string
		want       error
	}{
		{"Empty", "", ErrBadLink},
		{"PrefixAlone", LinkPrefix, ErrBadLink},
		{"NoPrefix", good[len(LinkPrefix):], ErrBadLink},
		{"UpperCasePrefix", "NOISEFS:" + good[len(LinkPrefix):], ErrBadLink},
		{"SpaceInside", LinkPrefix + " " + good[len(LinkPrefix):], ErrBadLink},
		{"OneDigit", LinkPrefix + "2", ErrBadLink},
		{"Long", LinkPrefix + strings.Repeat("2", 401), ErrBadLink},
		{"Huge", strings.Repeat(" ", 1<<20) + good, ErrBadLink},
		{"LeadingZeroByte", LinkPrefix + "1" + good[len(LinkPrefix):], ErrBadLink},
		{"NewerVersion", encode(func(b []byte) []byte { b[0] = 1; return b }), ErrVersion},
		{"NewerAndLonger", encode(func(b []byte) []byte { b[0] = 1; return append(b, 5) }), ErrVersion},
		{"Longer", encode(func(b []byte) []byte { return append(b, 5) }), ErrBadLink},
		{"Shorter", encode(func(b []byte) []byte { return b[:len(b)-1] }), ErrBadLink},
		{"ReservedPointer", encode(func(b []byte) []byte { b[1] = 3; return b }), ErrBadLink},
		{"ReservedParity", encode(func(b []byte) []byte { b[1] = 4; return b }), ErrBadLink},
		{"KindZero", encode(func(b []byte) []byte { b[1] = 0; return b }), ErrBadLink},
		{"EqualMembers", encode(func(b []byte) []byte { copy(b[2:34], b[34:66]); return b }), ErrBadRef},
		{"MissingMember", encode(func(b []byte) []byte { clear(b[2:34]); return b }), ErrBadRef},
		{"NoKey", encode(func(b []byte) []byte { clear(b[98:130]); return b }), ErrBadRef},
		{"LevelZero", encode(func(b []byte) []byte { b[146] = 0; return b }), ErrBadLink},
		{"LengthZero", encode(func(b []byte) []byte { clear(b[147:]); return b }), ErrBadRef},
		{"LengthBeyondBlock", encode(func(b []byte) []byte { b[147] = 1; return b }), ErrBadRef},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			link, err := ParseLink(tt.text)
			if !errors.Is(err, tt.want) || link != (messages.Link{}) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			for at := range max(0, len(tt.text)-len(LinkPrefix)-8) {
				part := strings.TrimSpace(tt.text[len(LinkPrefix)+at:][:8])
				if len(part) == 8 && strings.Contains(err.Error(), part) {
					t.Fatal("the error shows a part of the link")
				}
			}
		})
	}
}

func TestFormatLinkRefuses(t *testing.T) {
	chunk := testLink(1)
	chunk.Root.Level = 0
	kind := testLink(1)
	kind.Kind = 3
	for _, link := range []messages.Link{{}, chunk, kind} {
		if _, err := FormatLink(link); !errors.Is(err, ErrBadLink) {
			t.Errorf("got %v, want %v", err, ErrBadLink)
		}
	}
}
